import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import type { DataChunk, ForwardTsnChunk } from "../wire/chunk.ts";
import { tsnPlus } from "../wire/serial.ts";
import type { DataOutcome } from "./reassembly.ts";
import { Receiver } from "./receiver.ts";

const WINDOW_BYTES = 1 << 20;
const MESSAGE_BYTES = 1 << 18;

/**
 * Processor time for what each of these does, tens to hundreds of thousands of chunks: a tenth of a
 * second here. What searches everything for each chunk takes minutes.
 */
const SLOW_MS = 5_000;

function receiverOf(isInterleaved: boolean): Receiver {
  return new Receiver({
    isInterleaved,
    inboundStreams: 65_535,
    maxReceivedMessageBytes: MESSAGE_BYTES,
    receiveWindowBytes: WINDOW_BYTES,
    initialTsn: 1,
  });
}

const BYTE = Uint8Array.of(1);

function data(tsn: number, more: Partial<DataChunk>): DataChunk {
  return {
    type: "data",
    isInterleaved: true,
    tsn,
    streamId: 0,
    messageId: 0,
    fragment: 0,
    protocolId: 53,
    isFirst: false,
    isLast: false,
    isUnordered: false,
    isImmediate: false,
    payload: BYTE,
    ...more,
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Gives so many chunks, and counts what became of them. */
function flood(
  receiver: Receiver,
  count: number,
  make: (index: number) => DataChunk | ForwardTsnChunk,
): Map<DataOutcome | undefined, number> {
  const outcomes = new Map<DataOutcome | undefined, number>();
  const startMs = cpuMs();
  for (let index = 0; index < count; index += 1) {
    const chunk = make(index);
    const outcome =
      chunk.type === "data" ? receiver.receiveData(chunk) : receiver.receiveForwardTsn(chunk);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    receiver.endPacket(index);
    if (receiver.isSackDue(index)) receiver.sack(1_200);
  }
  expect(cpuMs() - startMs).toBeLessThan(SLOW_MS);
  return outcomes;
}

describe("a hostile sender gets no further with", () => {
  test.each([
    ["in order", (index: number) => 3 + 3 * index],
    ["backwards", (index: number) => 60_003 - 3 * index],
    ["shuffled", (index: number) => 3 + 3 * ((index * 7919) % 20_000)],
  ])("gaps without number, %s", (_how, tsnOf) => {
    const receiver = receiverOf(false);
    const outcomes = flood(receiver, 20_000, (index) =>
      data(tsnOf(index), { isInterleaved: false, isFirst: true, isLast: true, isUnordered: true }),
    );
    expect(outcomes).toEqual(
      new Map([
        ["taken", 1024],
        ["no-room", 20_000 - 1024],
      ]),
    );
    expect(receiver.sack(65_535).gaps).toHaveLength(1024);
    expect(receiver.sack(1_200).gaps.length).toBeLessThanOrEqual(296);
  });

  test("a message that never ends", () => {
    for (const isInterleaved of [false, true]) {
      const receiver = receiverOf(isInterleaved);
      const payload = new Uint8Array(1_200);
      let outcome: DataOutcome = "taken";
      let bytes = 0;
      for (let index = 0; outcome === "taken"; index += 1, bytes += payload.length) {
        const fragment = isInterleaved ? index : 0;
        outcome = receiver.receiveData(
          data(index + 1, { isInterleaved, isFirst: index === 0, fragment, payload }),
        );
      }
      expect(outcome).toBe("message-too-large");
      expect(bytes).toBeLessThanOrEqual(MESSAGE_BYTES + 2 * payload.length);
    }
  });

  test("messages that never end, one in each stream", () => {
    const receiver = receiverOf(true);
    const payload = new Uint8Array(1_200);
    const outcomes = flood(receiver, 50_000, (index) =>
      data(index + 1, {
        streamId: index % 1_000,
        isFirst: index < 1_000,
        fragment: Math.floor(index / 1_000),
        payload,
      }),
    );
    expect((outcomes.get("taken") ?? 0) * payload.length).toBeLessThanOrEqual(2 * WINDOW_BYTES);
  });

  test("first fragments of one byte after a long message", () => {
    const receiver = receiverOf(true);
    const payload = new Uint8Array(60_000);
    receiver.receiveData(data(1, { isFirst: true, isUnordered: true, payload }));
    receiver.receiveData(data(2, { isLast: true, fragment: 1, isUnordered: true, payload }));
    expect(receiver.takeMessage()?.payload).toHaveLength(120_000);
    const beforeBytes = process.memoryUsage().arrayBuffers;
    const outcomes = flood(receiver, 50_000, (index) =>
      data(index + 3, { isFirst: true, messageId: index, streamId: index % 100 }),
    );
    expect(outcomes.get("taken")).toBe(4096);
    // 4096 times 120000 bytes would be half a gigabyte.
    expect(process.memoryUsage().arrayBuffers - beforeBytes).toBeLessThan(32 << 20);
  });

  test.each([
    ["fragments behind a hole of one message", (index: number) => ({ fragment: index + 2 })],
    [
      "fragments of messages without a beginning",
      (index: number) => ({ fragment: 1, messageId: index }),
    ],
    [
      "whole messages behind a missing one",
      (index: number) => ({ isFirst: true, isLast: true, messageId: index + 1 }),
    ],
    [
      "whole unordered messages that nobody takes",
      (index: number) => ({ isFirst: true, isLast: true, isUnordered: true, messageId: index }),
    ],
  ])("%s", (_what, fields) => {
    const receiver = receiverOf(true);
    const outcomes = flood(receiver, 100_000, (index) => data(index + 1, fields(index)));
    expect(outcomes.get("taken")).toBeLessThanOrEqual(16_384);
    expect(outcomes.get("taken")).toBeGreaterThan(4_000);
    expect(outcomes.size).toBe(2);
  });

  test("fragments without a beginning where nothing is missing before them", () => {
    const receiver = receiverOf(false);
    const outcomes = flood(receiver, 10, (index) => data(index + 1, { isInterleaved: false }));
    expect(outcomes.get("fragment-out-of-place")).toBe(10);
  });

  test("FORWARD TSN that creeps below thousands of kept messages", () => {
    for (const isInterleaved of [false, true]) {
      const receiver = receiverOf(isInterleaved);
      const half = isInterleaved ? 4_000 : 16_000;
      flood(receiver, half, (index) =>
        data(30_000 + index, {
          isInterleaved,
          isFirst: true,
          isLast: true,
          messageId: 20_000 + index,
        }),
      );
      const skipped = Array.from({ length: 300 }, (_, at) => ({
        streamId: 0,
        isUnordered: at % 2 === 1,
        messageId: at,
      }));
      const outcomes = flood(receiver, 10_000, (index) => ({
        type: "forward-tsn",
        isInterleaved,
        cumulativeTsn: 1 + index,
        skipped: skipped.map((skip) => ({ ...skip, messageId: skip.messageId + index })),
      }));
      expect(outcomes.get(undefined)).toBe(10_000);
      expect(receiver.takeMessage()).toBe(undefined);
    }
  });

  test("FORWARD TSN that jumps as far as there is a forward", () => {
    const receiver = receiverOf(false);
    let tsn = 1;
    flood(receiver, 100_000, (index) => {
      tsn = tsnPlus(tsn, index % 2 === 0 ? 2 : 0x7fff_fff0);
      const chunk = data(tsn, { isInterleaved: false, isFirst: true });
      if (index % 2 === 0) return chunk;
      return { type: "forward-tsn", isInterleaved: false, cumulativeTsn: tsn, skipped: [] };
    });
    expect(receiver.sack(1_000)).toMatchObject({ receiveWindowBytes: WINDOW_BYTES, gaps: [] });
  });

  test("resets of everything below thousands of kept messages", () => {
    const receiver = receiverOf(true);
    flood(receiver, 10_000, (index) =>
      data(index + 1, { streamId: index, fragment: 3, messageId: 3 }),
    );
    const startMs = cpuMs();
    for (let count = 0; count < 10_000; count += 1) receiver.resetStreams([]);
    expect(cpuMs() - startMs).toBeLessThan(SLOW_MS);
    expect(receiver.sack(1_000).receiveWindowBytes).toBe(WINDOW_BYTES);
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed))("anything at all, seed %i", (seed) => {
    const random = new Random(seed);
    const isInterleaved = random.chance(0.5);
    const receiver = receiverOf(isInterleaved);
    const few = () => random.pick([0, 1, 2, random.whole(0, 40), 0xffff]);
    flood(receiver, 3_000, () => {
      const tsn = tsnPlus(
        receiver.cumulativeTsn,
        random.whole(-2, random.pick([3, 3, 50, 70_000])),
      );
      if (random.chance(0.05)) {
        return {
          type: "forward-tsn",
          isInterleaved,
          cumulativeTsn: tsn,
          skipped: [{ streamId: few(), isUnordered: random.chance(0.5), messageId: few() }],
        };
      }
      if (random.chance(0.01)) receiver.resetStreams([few()]);
      if (random.chance(0.1)) receiver.takeMessage();
      return data(tsn, {
        isInterleaved: random.chance(0.98) ? isInterleaved : !isInterleaved,
        streamId: few(),
        messageId: few(),
        fragment: few(),
        isFirst: random.chance(0.4),
        isLast: random.chance(0.4),
        isUnordered: random.chance(0.5),
        payload: new Uint8Array(random.pick([0, 1, 10, 1_200])),
      });
    });
    while (receiver.takeMessage() !== undefined);
    const { receiveWindowBytes } = receiver.sack(1_200);
    expect(receiveWindowBytes).toBeGreaterThanOrEqual(0);
    expect(receiveWindowBytes).toBeLessThanOrEqual(WINDOW_BYTES);
  });
});
