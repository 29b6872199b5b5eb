/** Records that leave together arrive apart, and nonsense is one typed error. */

import { expect, test } from "vitest";
import { MAX_RECORD_BYTES, MAX_RELAY_FRAME_BYTES } from "./limits.ts";
import { RelayFrame, splitRelayFrame } from "./relay-frame.ts";

const record = (bytes: number, value: number) => new Uint8Array(bytes).fill(value);

test("each record stands behind its length, in the order in which they were added", () => {
  const frame = new RelayFrame();
  frame.add(record(1, 7));
  frame.add(record(300, 8));
  const bytes = frame.take();
  expect([...bytes.subarray(0, 6)]).toEqual([0, 1, 7, 1, 44, 8]);
  expect(splitRelayFrame(bytes)).toEqual([record(1, 7), record(300, 8)]);
  expect(frame.isEmpty).toBe(true);
});

test("a frame is full before the largest record could exceed what the server takes", () => {
  const frame = new RelayFrame();
  let count = 0;
  const unbounded = Number.POSITIVE_INFINITY;
  for (; !frame.isFull(unbounded); count += 1) frame.add(record(MAX_RECORD_BYTES, 1));
  expect(count).toBe(3);
  expect(frame.take().byteLength).toBeLessThanOrEqual(MAX_RELAY_FRAME_BYTES);
});

test("a frame is full when it holds what its path bears in one piece", () => {
  const frame = new RelayFrame();
  frame.add(record(100, 1));
  expect(frame.isFull(4_096)).toBe(false);
  frame.add(record(4_000, 1));
  expect(frame.isFull(4_096)).toBe(true);
});

test("a view into a larger buffer is read from its own beginning", () => {
  const buffer = Uint8Array.of(9, 9, 0, 1, 5);
  expect(splitRelayFrame(buffer.subarray(2))).toEqual([Uint8Array.of(5)]);
});

test.each([
  ["half a length", [0]],
  ["a length and nothing", [0, 1]],
  ["a record cut short", [0, 2, 1]],
  ["a record without bytes", [0, 0]],
  ["a good record and a bad one", [0, 1, 1, 0, 9, 1]],
])("%s is RECORD_MALFORMED", (_what, bytes) => {
  expect(() => splitRelayFrame(Uint8Array.from(bytes))).toThrow("RECORD_MALFORMED");
});
