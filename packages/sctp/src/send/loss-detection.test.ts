/** What an answer to a chunk that was sent again is taken for, and what is lost by it. */
import { beforeEach, expect, test } from "vitest";
import { InFlight } from "./in-flight.ts";
import { LossDetection } from "./loss-detection.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import { RoundTrip } from "./rto.ts";

const CHUNKS = 10;
const ROUND_TRIP_MS = 100;

let book: InFlight;
let losses: LossDetection;

/** Ten chunks that were sent twice on a path of 100 ms, the second time at 1 s; the last one is probed. */
beforeEach(() => {
  const message = new OutgoingMessage({
    payload: new Uint8Array(CHUNKS),
    streamId: 0,
    protocolId: 53,
    isUnordered: false,
    expiresAtMs: Number.POSITIVE_INFINITY,
    maxRetransmissions: Number.POSITIVE_INFINITY,
  });
  const roundTrip = new RoundTrip();
  roundTrip.onSample(ROUND_TRIP_MS, 0);
  book = new InFlight(1);
  losses = new LossDetection(book, roundTrip);
  for (let index = 0; index < CHUNKS; index += 1) {
    const ordinal = book.number({ message, offset: index, length: 1, index });
    book.send(ordinal, 1, 0);
  }
  for (let ordinal = 0; ordinal < CHUNKS; ordinal += 1) sendAgain(ordinal, 1000);
});

function sendAgain(ordinal: number, nowMs: number): void {
  book.lose(ordinal);
  book.send(ordinal, 1, nowMs);
}

function arrives(ordinal: number, nowMs: number, isProbe: boolean): boolean {
  book.acknowledge(ordinal);
  return losses.onArrived(ordinal, nowMs, isProbe);
}

function lostAt(nowMs: number): number[] {
  const lost: number[] = [];
  losses.detect(nowMs, true, Number.POSITIVE_INFINITY, (ordinal) => {
    book.lose(ordinal);
    lost.push(ordinal);
  });
  return lost;
}

test("an answer sooner than the path takes is one to the earlier sending, and nothing is lost by it", () => {
  expect(arrives(9, 1040, false)).toBe(true);
  expect(lostAt(5000)).toEqual([]);
});

test("two probes in a row that are answered so soon show that the path has become shorter", () => {
  sendAgain(9, 2000);
  expect(arrives(9, 2040, true)).toBe(true);
  expect(lostAt(2040)).toEqual([]);
  sendAgain(8, 3000);
  expect(arrives(8, 3040, true)).toBe(false);
  expect(lostAt(3040)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("not if the first of them turns out to have been needless, or something took its time between", () => {
  sendAgain(9, 2000);
  arrives(9, 2040, true);
  losses.onNeedlessProbe();
  sendAgain(8, 3000);
  expect(arrives(8, 3040, true)).toBe(true);
  arrives(7, 3100, false);
  sendAgain(6, 4000);
  expect(arrives(6, 4040, true)).toBe(true);
});
