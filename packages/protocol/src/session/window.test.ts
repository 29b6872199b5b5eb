import { expect, test } from "vitest";
import { WINDOW_CEILING_BYTES, WINDOW_FLOOR_BYTES, WINDOW_START_BYTES } from "./tuning.ts";
import { SendWindow } from "./window.ts";

const RTT_MS = 50;

/** A window that is filled and acknowledged `rounds` times at this round trip. */
function run(window: SendWindow, rttMs: number, rounds: number, wasFull = true): void {
  for (let round = 0; round < rounds; round += 1) {
    for (let part = 0; part < 8; part += 1) {
      window.onAck(window.bytes / 8, rttMs, RTT_MS, wasFull, round * rttMs);
    }
  }
}

test("it doubles in a round trip while there is no queue, up to the ceiling of its path", () => {
  const window = new SendWindow("relay");
  run(window, RTT_MS, 1);
  expect(window.bytes).toBeGreaterThan(1.9 * WINDOW_START_BYTES);
  run(window, RTT_MS, 10);
  expect(window.bytes).toBe(WINDOW_CEILING_BYTES.relay);
});

test("it does not grow while it is not what holds the sender back", () => {
  const window = new SendWindow("direct");
  run(window, RTT_MS, 10, false);
  expect(window.bytes).toBe(WINDOW_START_BYTES);
});

test("it shrinks towards what the path holds without a queue, and not below the floor", () => {
  const window = new SendWindow("direct");
  run(window, RTT_MS, 10);
  const before = window.bytes;
  run(window, RTT_MS + 500, 2);
  expect(window.bytes).toBeLessThan(before / 2);
  run(window, RTT_MS + 5_000, 50);
  expect(window.bytes).toBe(WINDOW_FLOOR_BYTES);
});

test("a single late acknowledgement is noise", () => {
  const window = new SendWindow("direct");
  run(window, RTT_MS, 1);
  const before = window.bytes;
  window.onAck(16_384, RTT_MS + 500, RTT_MS, true, 0);
  expect(window.bytes).toBeGreaterThanOrEqual(before);
});

test("a loss halves it", () => {
  const window = new SendWindow("direct");
  run(window, RTT_MS, 3);
  const before = window.bytes;
  window.onLoss();
  expect(window.bytes).toBe(before / 2);
});

test("while it drains it holds two records, and afterwards what it held before", () => {
  const window = new SendWindow("direct");
  run(window, RTT_MS, 3);
  const before = window.bytes;
  window.drain(RTT_MS, 1_000);
  expect(window.bytes).toBe(32_768);
  window.onAck(16_384, RTT_MS, RTT_MS, false, 1_249);
  expect(window.bytes).toBe(32_768);
  window.onAck(16_384, RTT_MS, RTT_MS, false, 1_250);
  expect(window.bytes).toBe(before);
});
