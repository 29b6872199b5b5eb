/**
 * A sender and a receiver that lists 20 gaps at the most, packet by packet: what leaves, and in which
 * order, where the list does not move on without it.
 */
import { beforeEach, expect, test } from "vitest";
import type { CongestionControl } from "../congestion/congestion-control.ts";
import { readPacket } from "../wire/packet-reader.ts";
import { PacketWriter } from "../wire/packet-writer.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import { SendQueue } from "./send-queue.ts";
import { Sender } from "./sender.ts";

const PACKET_BYTES = 1200;
const PAYLOAD_BYTES = PACKET_BYTES - 12 - 16;
const LISTED = 20;
const HEADER = { sourcePort: 5000, destinationPort: 5000, tag: 1 };
const ROUND_TRIP_MS = 50;
const WINDOW_BYTES = 10_000_000;

/** Lets everything go that its window has room for. */
class OpenControl implements CongestionControl {
  readonly name = "open";
  windowBytes = WINDOW_BYTES;
  readonly pacingBytesPerMs = Number.POSITIVE_INFINITY;
  readonly burstBytes = PACKET_BYTES;
  onSent(): void {}
  onAck(): void {}
  onRecoveryStart(): void {}
  onRecoveryEnd(): void {}
  onTimeout(): void {}
  onSpurious(): void {}
  onIdleRestart(): void {}
  onPacketSize(): void {}
}

let control: OpenControl;
let sender: Sender;
let nowMs: number;
/** Numbers that arrived, the first one being 1. */
let arrived: Set<number>;

beforeEach(() => {
  control = new OpenControl();
  nowMs = 0;
  arrived = new Set();
  const queue = new SendQueue({ onBufferedLow: () => {}, onExpired: () => {} });
  sender = new Sender({ initialTsn: 1, congestion: control, packetBytes: PACKET_BYTES, queue });
  sender.setPeerWindow(WINDOW_BYTES);
});

function push(packets: number): void {
  const payload = new Uint8Array(packets * PAYLOAD_BYTES);
  const never = Number.POSITIVE_INFINITY;
  const rest = { streamId: 0, protocolId: 53, isUnordered: true };
  sender.queue.push(
    new OutgoingMessage({ ...rest, payload, expiresAtMs: never, maxRetransmissions: never }),
  );
}

/** All that may leave now, by number. */
function leaving(): number[] {
  const writer = new PacketWriter(PACKET_BYTES);
  const numbers: number[] = [];
  sender.tick(nowMs);
  while (sender.maySend(nowMs)) {
    writer.begin(HEADER, PACKET_BYTES);
    sender.fill(writer, nowMs);
    if (writer.isEmpty) break;
    const packet = writer.finish({ zeroChecksum: true });
    sender.onPacket(packet.byteLength, nowMs);
    const reading = readPacket(packet, { acceptsZeroChecksum: true });
    if (reading.kind === "dropped") throw new Error("a packet of ours cannot be read");
    for (const chunk of reading.chunks) if (chunk.type === "data") numbers.push(chunk.tsn);
  }
  return numbers;
}

/** The answer to what arrived, its list cut. */
function acknowledge(): void {
  let cumulative = 0;
  while (arrived.has(cumulative + 1)) cumulative += 1;
  const gaps: { start: number; end: number }[] = [];
  for (const tsn of [...arrived].sort((a, b) => a - b)) {
    const offset = tsn - cumulative;
    const last = gaps.at(-1);
    if (offset <= 0) continue;
    if (last?.end === offset - 1) last.end = offset;
    else gaps.push({ start: offset, end: offset });
  }
  const held = [...arrived].filter((tsn) => tsn > cumulative).length;
  sender.onSack(
    {
      type: "sack",
      cumulativeTsn: cumulative,
      receiveWindowBytes: WINDOW_BYTES - held * PAYLOAD_BYTES,
      gaps: gaps.slice(0, LISTED),
      duplicates: [],
    },
    nowMs,
  );
}

/** A round trip is measured, and after it 100 packets leave, of which every second one arrives. */
function loseEverySecond(): void {
  push(1);
  arrived.add(leaving()[0] as number);
  nowMs += ROUND_TRIP_MS;
  acknowledge();
  push(100);
  expect(leaving()).toHaveLength(100);
  for (let tsn = 3; tsn <= 101; tsn += 2) arrived.add(tsn);
  nowMs += ROUND_TRIP_MS;
}

/** Every 2 ms an answer that says the same again, with no room for more on the way. */
function hearTheSame(answers: number): number[] {
  control.windowBytes = 0;
  const left: number[] = [];
  for (let count = 0; count < answers; count += 1) {
    acknowledge();
    left.push(...leaving());
    nowMs += 2;
  }
  return left;
}

test("each answer lets one that is told of past a full window, the lowest first", () => {
  loseEverySecond();
  const told = Array.from({ length: LISTED }, (_, at) => 2 + 2 * at);
  expect(hearTheSame(2 * LISTED)).toEqual(told);
});

test("what is lost again leaves before what is suspected", () => {
  loseEverySecond();
  hearTheSame(2 * LISTED);
  // Of the repairs only the last one arrives.
  arrived.add(2 * LISTED);
  nowMs += ROUND_TRIP_MS;
  acknowledge();
  control.windowBytes = WINDOW_BYTES;
  const again = leaving();
  expect(again[0]).toBe(2);
  expect(again.at(-1)).toBeGreaterThan(2 * LISTED);
  expect(again).toEqual([...again].sort((a, b) => a - b));
});

test("where all repairs are lost, the probe is the lowest, and one packet", () => {
  loseEverySecond();
  hearTheSame(2 * LISTED);
  nowMs += 2 * ROUND_TRIP_MS + 20;
  expect(leaving()).toEqual([2]);
});

test("once all that timed out is acknowledged, the timer waits no longer than before", () => {
  loseEverySecond();
  acknowledge();
  const beforeMs = sender.roundTrip.timeoutMs;
  leaving();
  for (let count = 0; count < 3; ) {
    nowMs = sender.wakeAtMs;
    leaving();
    if (sender.timeouts > count) count = sender.timeouts;
  }
  expect(sender.roundTrip.timeoutMs).toBeGreaterThan(2 * beforeMs);
  for (let tsn = 2; tsn <= 100; tsn += 2) arrived.add(tsn);
  nowMs += ROUND_TRIP_MS;
  acknowledge();
  expect(sender.isIdle).toBe(true);
  expect(sender.roundTrip.timeoutMs).toBeCloseTo(beforeMs, 0);
});
