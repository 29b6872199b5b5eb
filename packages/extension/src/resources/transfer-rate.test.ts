/** Speed and remaining time of a download. */

import { expect, test } from "vitest";
import { TransferRate } from "./transfer-rate.ts";

test("what was there before the transfer began is no speed", () => {
  const rate = new TransferRate();
  rate.add(0, 1_000_000);
  expect(rate.bytesPerSecond).toBe(0);
  expect(rate.secondsTo(2_000_000)).toBeUndefined();
  rate.add(1_000, 1_000_500);
  expect(rate.bytesPerSecond).toBe(500);
  expect(rate.secondsTo(1_001_000)).toBe(1);
});

test("a transfer that begins again is never faster or slower than what arrives", () => {
  const rate = new TransferRate();
  rate.add(0, 0);
  rate.add(1_000, 1_000_000);
  rate.add(2_000, 0);
  expect(rate.bytesPerSecond).toBe(0);
  expect(rate.secondsTo(1_000)).toBeUndefined();
  rate.add(3_000, 500);
  expect(rate.bytesPerSecond).toBe(500);
});

test("a clock that is set back makes no speed below zero", () => {
  const rate = new TransferRate();
  rate.add(10_000, 0);
  rate.add(5_000, 1_000);
  expect(rate.bytesPerSecond).toBe(0);
});

test("a stall shows after a few seconds, whatever came before", () => {
  const rate = new TransferRate();
  for (let second = 0; second <= 60; second++) rate.add(second * 1_000, second * 1_000_000);
  expect(rate.bytesPerSecond).toBe(1_000_000);
  for (let second = 61; second <= 67; second++) rate.add(second * 1_000, 60_000_000);
  expect(rate.bytesPerSecond).toBeLessThan(1);
});
