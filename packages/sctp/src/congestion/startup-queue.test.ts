/** Whose queue it was that a start saw: its own, a host's that stood still, or another flow's. */
import { beforeEach, expect, test } from "vitest";
import { RoundTrip } from "./round-trip.ts";
import { StartupQueue } from "./startup-queue.ts";

const MIN_MS = 50;
const QUEUED_MS = 70;
const SHORTEST_MS = 25;

let rtt: RoundTrip;
let queue: StartupQueue;
let nowMs: number;

/** A sample each millisecond. @returns whether the start went on in that time */
function samples(rttMs: number, forMs: number): boolean {
  let hasGoneOn = false;
  for (const endsAtMs = nowMs + forMs; nowMs < endsAtMs; nowMs += 1) {
    rtt.update(nowMs, rttMs, false);
    hasGoneOn ||= queue.goesOn(nowMs, rttMs);
  }
  return hasGoneOn;
}

beforeEach(() => {
  rtt = new RoundTrip();
  queue = new StartupQueue(rtt, SHORTEST_MS);
  nowMs = 0;
  samples(MIN_MS, 10);
});

function leaves(roundCount = 5): boolean {
  return queue.leave(nowMs, roundCount);
}

test("a queue that stands ends the start within the round", () => {
  expect(leaves()).toBe(false);
  samples(QUEUED_MS, 12);
  expect(leaves()).toBe(true);
});

test("a heap of late acknowledgements is no queue", () => {
  for (let count = 0; count < 50; count += 1) rtt.update(nowMs, QUEUED_MS, false);
  expect(leaves()).toBe(false);
});

test("a packet that did not wait begins the count anew", () => {
  samples(QUEUED_MS, 9);
  samples(MIN_MS, 1);
  samples(QUEUED_MS, 9);
  expect(leaves()).toBe(false);
});

test("what the first flight queued by leaving at once is no reason", () => {
  samples(QUEUED_MS, 12);
  expect(leaves(2)).toBe(false);
});

test("on a short path a round cannot queue much", () => {
  samples(SHORTEST_MS, 1);
  samples(SHORTEST_MS + 20, 12);
  expect(leaves()).toBe(false);
});

test("a queue that is gone before a slower pace is felt was a host's: the start goes on, and may end again", () => {
  samples(QUEUED_MS, 12);
  leaves();
  expect(samples(QUEUED_MS, 20)).toBe(false);
  expect(samples(MIN_MS, 1)).toBe(true);
  samples(QUEUED_MS, 12);
  expect(leaves()).toBe(true);
});

test("a queue of its own is gone once it was drained", () => {
  samples(QUEUED_MS, 12);
  leaves();
  samples(QUEUED_MS, 80);
  queue.onDrained(nowMs);
  expect(samples(QUEUED_MS, MIN_MS)).toBe(false);
  expect(samples(MIN_MS, 200)).toBe(false);
});

test("what a rate that was taken too high leaves of it is its own as well", () => {
  samples(QUEUED_MS, 12);
  leaves();
  samples(QUEUED_MS, 80);
  queue.onDrained(nowMs);
  expect(samples(QUEUED_MS, 200)).toBe(false);
});

test("a queue that stands after its own was drained is another's: the start goes on, and heeds it no more", () => {
  samples(QUEUED_MS, 12);
  leaves();
  samples(2 * MIN_MS, 80);
  queue.onDrained(nowMs);
  expect(samples(2 * MIN_MS, MIN_MS)).toBe(false);
  expect(samples(2 * MIN_MS, 20)).toBe(true);
  samples(2 * MIN_MS, 20);
  expect(leaves()).toBe(false);
});

test("few samples are enough at the end of a round trip, but not for a verdict long after", () => {
  const judge = (pauseMs: number): boolean => {
    samples(MIN_MS, 1);
    samples(QUEUED_MS, 12);
    leaves();
    samples(2 * MIN_MS, 80);
    queue.onDrained(nowMs);
    nowMs += MIN_MS;
    expect(samples(2 * MIN_MS, 5)).toBe(false);
    nowMs += pauseMs;
    return samples(2 * MIN_MS, 1);
  };
  expect(judge(30_000)).toBe(false);
  expect(judge(MIN_MS)).toBe(true);
});

test("a queue that is first seen when the next probe may have made it is not judged", () => {
  samples(QUEUED_MS, 12);
  leaves();
  samples(2 * MIN_MS, 80);
  queue.onDrained(nowMs);
  nowMs += 3 * MIN_MS;
  expect(samples(2 * MIN_MS, 200)).toBe(false);
});
