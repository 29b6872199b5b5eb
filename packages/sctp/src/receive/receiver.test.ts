import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import type { DataChunk, ForwardTsnChunk } from "../wire/chunk.ts";
import { tsnDistance, tsnPlus } from "../wire/serial.ts";
import { Receiver, type ReceiverOptions } from "./receiver.ts";

const OPTIONS: ReceiverOptions = {
  isInterleaved: false,
  inboundStreams: 16,
  maxReceivedMessageBytes: 5_000,
  receiveWindowBytes: 100_000,
  initialTsn: 1,
};

function data(tsn: number, more: Partial<DataChunk> = {}): DataChunk {
  return {
    type: "data",
    isInterleaved: false,
    tsn,
    streamId: 0,
    messageId: tsn - 1,
    fragment: 0,
    protocolId: 53,
    isFirst: true,
    isLast: true,
    isUnordered: false,
    isImmediate: false,
    payload: new Uint8Array(1_000),
    ...more,
  };
}

/** Everything up to the first SACK, which is at once, behind it. */
function running(more: Partial<ReceiverOptions> = {}): Receiver {
  const receiver = new Receiver({ ...OPTIONS, ...more });
  receiver.receiveData(data(1));
  receiver.endPacket(0);
  receiver.takeMessage();
  receiver.sack(1_000);
  return receiver;
}

describe("a receiver", () => {
  test("waits a little with one packet and answers the second", () => {
    const receiver = running();
    receiver.receiveData(data(2));
    receiver.endPacket(1);
    expect(receiver.isSackDue(1)).toBe(false);
    expect(receiver.isSackWanted).toBe(true);
    receiver.receiveData(data(3));
    receiver.receiveData(data(4));
    receiver.endPacket(2);
    expect(receiver.isSackDue(2)).toBe(true);
    expect(receiver.sack(1_000)).toMatchObject({ cumulativeTsn: 4, receiveWindowBytes: 97_000 });
    expect(receiver.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("does not count a packet without data", () => {
    const receiver = running();
    receiver.endPacket(1);
    receiver.endPacket(2);
    expect(receiver.isSackWanted).toBe(false);
  });

  test.each<[string, (receiver: Receiver) => void]>([
    ["a gap", (receiver) => receiver.receiveData(data(3))],
    ["a duplicate", (receiver) => receiver.receiveData(data(1))],
    ["the I bit", (receiver) => receiver.receiveData(data(2, { isImmediate: true }))],
    ["a TSN far ahead", (receiver) => receiver.receiveData(data(1_000_000))],
    [
      "an old FORWARD TSN",
      (receiver) =>
        receiver.receiveForwardTsn({
          type: "forward-tsn",
          isInterleaved: false,
          cumulativeTsn: 1,
          skipped: [],
        }),
    ],
  ])("answers at once: %s", (_what, receive) => {
    const receiver = running();
    receive(receiver);
    receiver.endPacket(1);
    expect(receiver.isSackDue(1)).toBe(true);
  });

  test("answers at once the packet that closes a gap, and not the next", () => {
    const receiver = running();
    receiver.receiveData(data(3));
    receiver.endPacket(1);
    receiver.sack(1_000);
    receiver.receiveData(data(2));
    receiver.endPacket(2);
    expect(receiver.isSackDue(2)).toBe(true);
    expect(receiver.sack(1_000)).toMatchObject({ cumulativeTsn: 3, gaps: [] });
    receiver.receiveData(data(4));
    receiver.endPacket(3);
    expect(receiver.isSackDue(3)).toBe(false);
  });

  test("tells a duplicate, and delivers it once", () => {
    const receiver = running();
    expect(receiver.receiveData(data(1))).toBe("taken");
    receiver.endPacket(1);
    expect(receiver.takeMessage()).toBe(undefined);
    expect(receiver.sack(1_000).duplicates).toEqual([1]);
  });

  test("does not acknowledge what it had no room for", () => {
    const receiver = running({ receiveWindowBytes: 1_000, maxReceivedMessageBytes: 1_000 });
    expect(receiver.receiveData(data(2))).toBe("taken");
    expect(receiver.receiveData(data(3))).toBe("taken");
    expect(receiver.receiveData(data(4))).toBe("no-room");
    receiver.endPacket(1);
    expect(receiver.sack(1_000)).toMatchObject({ cumulativeTsn: 3, receiveWindowBytes: 0 });
    receiver.takeMessage();
    expect(receiver.isSackDue(1)).toBe(false);
    receiver.takeMessage();
    expect(receiver.isSackDue(1)).toBe(true);
    expect(receiver.sack(1_000)).toMatchObject({ receiveWindowBytes: 1_000 });
    expect(receiver.receiveData(data(4))).toBe("taken");
  });

  test("has room for the one that is missing, whatever waits behind it", () => {
    const receiver = new Receiver({ ...OPTIONS, receiveWindowBytes: 1_000_000 });
    const payload = new Uint8Array(20);
    let kept = 0;
    for (let tsn = 2; tsn <= 20_000; tsn += 1) {
      if (receiver.receiveData(data(tsn, { payload })) === "taken") kept += 1;
    }
    expect(kept).toBeGreaterThan(10_000);
    expect(receiver.sack(1_000)).toMatchObject({ cumulativeTsn: 0, receiveWindowBytes: 0 });
    expect(receiver.receiveData(data(1, { payload }))).toBe("taken");
    let delivered = 0;
    while (receiver.takeMessage() !== undefined) delivered += 1;
    expect(delivered).toBe(kept + 1);
    expect(receiver.sack(1_000)).toMatchObject({
      cumulativeTsn: kept + 1,
      receiveWindowBytes: 1_000_000,
    });
  });

  test("acknowledges what was sent on a stream that is not there", () => {
    const receiver = running();
    expect(receiver.receiveData(data(2, { streamId: 16 }))).toBe("invalid-stream");
    expect(receiver.cumulativeTsn).toBe(2);
  });

  test("lets streams be reset once everything before is here", () => {
    const receiver = running();
    receiver.receiveData(data(3));
    expect(receiver.hasAllUpTo(3)).toBe(false);
    receiver.receiveData(data(2));
    expect(receiver.hasAllUpTo(3)).toBe(true);
    receiver.resetStreams([0]);
    for (let count = 0; count < 2; count += 1) receiver.takeMessage();
    expect(receiver.receiveData(data(4, { messageId: 0 }))).toBe("taken");
    expect(receiver.takeMessage()).toMatchObject({ streamId: 0 });
  });
});

/** A message as its sender knows it, with its fragments. */
interface Sent {
  readonly streamId: number;
  readonly isUnordered: boolean;
  readonly payload: Uint8Array;
  readonly chunks: DataChunk[];
  isAbandoned: boolean;
}

interface Sending {
  readonly messages: Sent[];
  /** In the order of their TSNs. */
  readonly chunks: DataChunk[];
}

/** Messages over some streams, numbered from just before every wrap, each long enough to be told apart. */
function sending(
  random: Random,
  isInterleaved: boolean,
  initialTsn: number,
  first: number,
): Sending {
  const next = new Map<string, number>();
  const messages: Sent[] = [];
  const queues: DataChunk[][] = [];
  for (let count = 60; count > 0; count -= 1) {
    const streamId = random.whole(0, 3);
    const isUnordered = random.chance(0.3);
    const numbering = `${streamId} ${isUnordered}`;
    const messageId = next.get(numbering) ?? (isUnordered ? 0 : first);
    next.set(numbering, isInterleaved ? tsnPlus(messageId, 1) : (messageId + 1) & 0xffff);
    const payload = random.bytes(random.pick([8, 30, 2_999, random.whole(8, 4_000)]));
    const chunks: DataChunk[] = [];
    for (let at = 0; at < payload.length; ) {
      const end = Math.min(payload.length, at + random.whole(1, 1_200));
      chunks.push({
        ...data(0),
        isInterleaved,
        streamId,
        messageId,
        isUnordered,
        fragment: isInterleaved ? chunks.length : 0,
        protocolId: isInterleaved && at > 0 ? 0 : 53,
        isFirst: at === 0,
        isLast: end === payload.length,
        payload: payload.subarray(at, end),
      });
      at = end;
    }
    messages.push({ streamId, isUnordered, payload, chunks, isAbandoned: false });
    queues.push([...chunks]);
  }
  const chunks: DataChunk[] = [];
  while (queues.length > 0) {
    // Interleaving takes turns among a few messages; a stream's own stay in order of their start.
    const turn = isInterleaved ? random.whole(0, Math.min(3, queues.length - 1)) : 0;
    const chunk = queues[turn]?.shift();
    if (chunk === undefined) queues.splice(turn, 1);
    else chunks.push({ ...chunk, tsn: tsnPlus(initialTsn, chunks.length) });
  }
  for (const message of messages) message.chunks.length = 0;
  for (const chunk of chunks) owner(messages, chunk).chunks.push(chunk);
  return { messages, chunks };
}

function owner(messages: readonly Sent[], chunk: DataChunk): Sent {
  const found = messages.find(({ payload }) => payload.buffer === chunk.payload.buffer);
  if (found === undefined) throw new Error("a chunk of no message");
  return found;
}

/** What a receiver hands out, by the sender's own messages; it throws at any that was never sent. */
function recognised(receiver: Receiver, messages: readonly Sent[]): Sent[] {
  const found: Sent[] = [];
  for (;;) {
    const message = receiver.takeMessage();
    if (message === undefined) return found;
    const sent = messages.find(
      ({ streamId, payload }) =>
        streamId === message.streamId && Buffer.from(payload).equals(message.payload),
    );
    if (sent === undefined) throw new Error(`nobody sent ${message.payload.length} bytes`);
    found.push(sent);
  }
}

/** Brings the numbers of all four streams to where a history begins. */
function fastForward(
  receiver: Receiver,
  isInterleaved: boolean,
  cumulativeTsn: number,
  first: number,
) {
  const half = isInterleaved ? 0x7fff_ffff : 0x7fff;
  for (const [step, messageId] of [half, tsnPlus(first, -1)].entries()) {
    const skipped = [0, 1, 2, 3].map((streamId) => ({ streamId, isUnordered: false, messageId }));
    receiver.receiveForwardTsn({
      type: "forward-tsn",
      isInterleaved,
      cumulativeTsn: tsnPlus(cumulativeTsn, step - 1),
      skipped,
    });
  }
}

describe.each([false, true])("a history with interleaving %s", (isInterleaved) => {
  const first = isInterleaved ? 0xffff_fffa : 0xfffa;
  const initialTsn = tsnPlus(0, -40);
  const seeds = Array.from({ length: 60 }, (_, seed) => seed);

  function begun(): Receiver {
    const receiver = new Receiver({
      ...OPTIONS,
      isInterleaved,
      initialTsn: tsnPlus(initialTsn, -2),
    });
    fastForward(receiver, isInterleaved, tsnPlus(initialTsn, -1), first);
    expect(receiver.cumulativeTsn).toBe(tsnPlus(initialTsn, -1));
    return receiver;
  }

  test.each(seeds)("of loss, reordering and repeats gives each message once, seed %i", (seed) => {
    const random = new Random(seed);
    const { messages, chunks } = sending(random, isInterleaved, initialTsn, first);
    const receiver = begun();
    const delivered: Sent[] = [];
    let missing = chunks;
    while (missing.length > 0) {
      const isHere = new Set<DataChunk>();
      const shaken = missing
        .map((chunk, index) => ({ chunk, at: index + random.between(0, 30) }))
        .sort((a, b) => a.at - b.at);
      for (const { chunk } of shaken) {
        if (random.chance(0.3)) continue;
        const packet = chunk.payload.slice();
        for (let copies = random.chance(0.1) ? 2 : 1; copies > 0; copies -= 1) {
          const outcome = receiver.receiveData({ ...chunk, payload: packet });
          if (outcome === "taken") isHere.add(chunk);
          else expect(outcome).toBe("no-room");
        }
        packet.fill(0xee);
        receiver.endPacket(0);
        if (random.chance(0.3)) delivered.push(...recognised(receiver, messages));
      }
      missing = missing.filter((chunk) => !isHere.has(chunk));
    }
    delivered.push(...recognised(receiver, messages));
    expect(delivered).toHaveLength(messages.length);
    expect(new Set(delivered).size).toBe(messages.length);
    for (const streamId of [0, 1, 2, 3]) {
      const ordered = (all: Sent[]) =>
        all.filter((sent) => sent.streamId === streamId && !sent.isUnordered);
      expect(ordered(delivered)).toEqual(ordered(messages));
    }
    expect(receiver.sack(1_000)).toMatchObject({ gaps: [], receiveWindowBytes: 100_000 });
  });

  test.each(seeds)("of given-up messages gives each other one once, seed %i", (seed) => {
    const random = new Random(seed);
    const { messages, chunks } = sending(random, isInterleaved, initialTsn, first);
    for (const message of messages) message.isAbandoned = random.chance(0.3);
    const receiver = begun();
    for (const chunk of chunks) {
      // Those given up arrive in part, or not at all.
      if (owner(messages, chunk).isAbandoned && random.chance(0.6)) continue;
      expect(receiver.receiveData({ ...chunk, payload: chunk.payload.slice() })).toBe("taken");
      receiver.endPacket(0);
    }
    for (let rounds = chunks.length; rounds > 0; rounds -= 1) {
      const forward = forwardTsn({ messages, chunks }, isInterleaved, receiver.cumulativeTsn);
      if (forward === undefined) break;
      expect(receiver.receiveForwardTsn(forward)).toBe(undefined);
    }
    const delivered = recognised(receiver, messages);
    expect(new Set(delivered).size).toBe(delivered.length);
    for (const message of messages) {
      if (!message.isAbandoned) expect(delivered).toContain(message);
    }
    const last = tsnPlus(initialTsn, chunks.length - 1);
    expect(tsnDistance(receiver.cumulativeTsn, last)).toBe(0);
    expect(receiver.sack(1_000)).toMatchObject({ gaps: [], receiveWindowBytes: 100_000 });
  });
});

/** What the sender says once SACKs told it all: RFC 3758 section 3.5, RFC 8260 section 2.3.1. */
function forwardTsn(
  { messages, chunks }: Sending,
  isInterleaved: boolean,
  cumulativeTsn: number,
): ForwardTsnChunk | undefined {
  let upTo = cumulativeTsn;
  const skipped: ForwardTsnChunk["skipped"][number][] = [];
  for (const chunk of chunks) {
    if (tsnDistance(upTo, chunk.tsn) <= 0) continue;
    if (!owner(messages, chunk).isAbandoned) break;
    upTo = chunk.tsn;
    const { streamId, isUnordered, messageId } = chunk;
    if (isInterleaved || !isUnordered) skipped.push({ streamId, isUnordered, messageId });
  }
  if (upTo === cumulativeTsn) return undefined;
  return { type: "forward-tsn", isInterleaved, cumulativeTsn: upTo, skipped };
}
