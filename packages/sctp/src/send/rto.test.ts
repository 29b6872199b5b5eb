/** The timeout follows the round trip, outlasts a delayed acknowledgement, and backs off within bounds. */
import { expect, test } from "vitest";
import { RoundTrip } from "./rto.ts";

test("before anything was measured it is a second", () => {
  expect(new RoundTrip().timeoutMs).toBe(1000);
});

test("on a steady path it is the round trip and a delayed acknowledgement", () => {
  const roundTrip = new RoundTrip();
  for (let ms = 0; ms < 5000; ms += 50) roundTrip.onSample(50, ms);
  expect(roundTrip.timeoutMs).toBeCloseTo(250, 0);
});

test("it doubles up to three seconds, and is itself again after a measurement", () => {
  const roundTrip = new RoundTrip();
  for (let ms = 0; ms < 5000; ms += 50) roundTrip.onSample(50, ms);
  const waits = Array.from({ length: 6 }, () => {
    roundTrip.backOff();
    return Math.round(roundTrip.timeoutMs / 100);
  });
  expect(waits).toEqual([5, 10, 20, 30, 30, 30]);
  roundTrip.onSample(50, 5000);
  expect(roundTrip.timeoutMs).toBeCloseTo(250, 0);
});

test("the shortest round trip is one of the last twenty seconds", () => {
  const roundTrip = new RoundTrip();
  roundTrip.onSample(10, 0);
  for (let ms = 100; ms < 9000; ms += 100) roundTrip.onSample(80, ms);
  expect(roundTrip.minMs).toBe(10);
  for (let ms = 9000; ms < 40_000; ms += 100) roundTrip.onSample(80, ms);
  expect(roundTrip.minMs).toBe(80);
});
