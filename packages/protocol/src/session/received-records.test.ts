import { expect, test } from "vitest";
import { ReceivedRecords } from "./received-records.ts";

const PATH = { kind: "relay", generation: 1 } as const;

test("a record is new once", () => {
  const received = new ReceivedRecords();
  expect(received.take(3, 0)).toBe(true);
  expect(received.take(3, 1)).toBe(false);
  expect(received.take(2, 2)).toBe(true);
});

test("an acknowledgement says what was received, highest first, and how long the newest waited", () => {
  const received = new ReceivedRecords();
  for (const number of [0, 1, 4, 3]) received.take(number, number === 4 ? 10 : 20);
  received.wantAck(0, 1, 20);
  expect(received.takeAck(PATH, 25)).toEqual({
    type: "ack",
    path: PATH,
    delayMs: 15,
    ranges: [
      { start: 3, end: 5 },
      { start: 0, end: 2 },
    ],
  });
  expect(received.wantsAck).toBe(false);
});

test("an acknowledgement waits for company, but not for more than it was promised", () => {
  const received = new ReceivedRecords();
  received.wantAck(20, 2, 100);
  expect(received.ackDueAtMs).toBe(120);
  received.wantAck(20, 2, 110);
  expect(received.ackDueAtMs).toBe(110);
});

test("endless gaps cost no memory, and nothing unseen is ever acknowledged", () => {
  const received = new ReceivedRecords();
  for (let number = 0; number < 10_000; number += 2) expect(received.take(number, 0)).toBe(true);
  // Forgotten by now: neither processed again, nor called received.
  expect(received.take(1, 0)).toBe(false);
  for (let number = 9_001; number < 10_000; number += 2) received.take(number, 0);
  const { ranges } = received.takeAck(PATH, 0);
  expect(ranges.length).toBeLessThanOrEqual(32);
  expect(ranges.at(-1)?.start).toBeGreaterThan(9_000);
});
