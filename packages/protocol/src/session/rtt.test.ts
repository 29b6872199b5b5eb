import { expect, test } from "vitest";
import { RttEstimate } from "./rtt.ts";

test("unknown until the first sample, which is then believed", () => {
  const rtt = new RttEstimate();
  expect(rtt.measuredMs).toBeUndefined();
  rtt.sample(80, 0);
  expect(rtt.measuredMs).toBe(80);
  expect(rtt.minMs).toBe(80);
});

test("smoothed as RFC 9002 says", () => {
  const rtt = new RttEstimate();
  rtt.sample(80, 0);
  rtt.sample(160, 1);
  expect(rtt.smoothedMs).toBeCloseTo(90);
  // Variation: 40 at first, then 3/4 × 40 + 1/4 × 80.
  expect(rtt.patienceMs).toBeCloseTo(90 + 4 * 50);
});

test("the smallest is stale when nothing near it was seen for ten seconds", () => {
  const rtt = new RttEstimate();
  rtt.sample(50, 0);
  rtt.sample(90, 9_000);
  expect(rtt.isMinStale(10_000)).toBe(false);
  expect(rtt.isMinStale(10_001)).toBe(true);
  rtt.sample(51, 10_002);
  expect(rtt.isMinStale(10_003)).toBe(false);
  expect(rtt.minMs).toBe(50);
});

test("started anew, the smallest is what is seen from then on", () => {
  const rtt = new RttEstimate();
  rtt.sample(50, 0);
  rtt.sample(150, 11_000);
  rtt.restartMin(11_000);
  expect(rtt.minMs).toBe(150);
  rtt.sample(120, 11_100);
  expect(rtt.minMs).toBe(120);
});
