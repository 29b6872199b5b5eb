import { expect, test } from "vitest";
import { Goodput } from "./goodput.ts";

const RECORD = 16_384;

/** Acknowledges one record every `everyMs`, from `fromMs` on, as one burst. */
function burst(goodput: Goodput, fromMs: number, count: number, everyMs: number): number {
  for (let index = 0; index < count; index += 1) {
    goodput.onAck(RECORD, fromMs + index * everyMs, index < count - 1);
  }
  return fromMs + (count - 1) * everyMs;
}

test("unknown is not zero: too few bytes in too short a time say nothing", () => {
  const goodput = new Goodput();
  burst(goodput, 0, 8, 10);
  expect(goodput.bytesPerSecond).toBeUndefined();
  expect(goodput.measuredAtMs).toBeUndefined();
});

test("acknowledged bytes per second, once there are enough", () => {
  const goodput = new Goodput();
  const endMs = burst(goodput, 0, 50, 10);
  expect(goodput.bytesPerSecond).toBeCloseTo(RECORD * 100);
  expect(goodput.measuredAtMs).toBe(endMs);
});

test("a path that crawls is known to crawl, though few bytes were ever acknowledged", () => {
  const goodput = new Goodput();
  burst(goodput, 0, 6, 400);
  expect(goodput.bytesPerSecond).toBeCloseTo(RECORD / 0.4);
});

test("idle time and pings between bursts do not count", () => {
  const goodput = new Goodput();
  let nowMs = 0;
  for (let round = 0; round < 10; round += 1) {
    nowMs = burst(goodput, nowMs + 5_000, 20, 10);
    goodput.onAck(0, nowMs + 100, true);
  }
  expect(goodput.bytesPerSecond).toBeCloseTo(RECORD * 100);
});

test("the last two busy seconds count, what was before is forgotten", () => {
  const goodput = new Goodput();
  const endMs = burst(goodput, 0, 300, 10);
  burst(goodput, endMs + 1, 120, 20);
  expect(goodput.bytesPerSecond).toBeCloseTo(RECORD * 50, -4);
});

test("after an interruption the wait for the next acknowledgement does not count", () => {
  const goodput = new Goodput();
  for (let index = 0; index < 50; index += 1) goodput.onAck(RECORD, index * 10, true);
  goodput.interrupt();
  burst(goodput, 60_000, 50, 10);
  expect(goodput.bytesPerSecond).toBeCloseTo(RECORD * 100);
});
