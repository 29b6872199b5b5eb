import { expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import { ReceiveStream } from "./receive-stream.ts";
import { BULK_WINDOW_BYTES, CREDIT_STEP } from "./tuning.ts";

const text = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();
const bytes = (value: string) => new Uint8Array(Buffer.from(value));

test("pieces in any order, overlapping and repeated, come out once and in order", () => {
  const random = new Random(1);
  for (let round = 0; round < 200; round += 1) {
    const whole = Array.from({ length: 50 }, () => random.pick([..."abcdefgh"])).join("");
    const stream = new ReceiveStream(0, 2);
    let out = "";
    while (!stream.isDelivered) {
      const start = random.whole(0, whole.length);
      const end = random.whole(start, Math.min(whole.length, start + 20));
      out += text(stream.accept(start, bytes(whole.slice(start, end)), end === whole.length));
    }
    expect(out).toBe(whole);
    expect(text(stream.accept(0, bytes(whole), true))).toBe("");
  }
});

test("a stream without bytes is delivered by its end", () => {
  const stream = new ReceiveStream(0, 2);
  expect(stream.isDelivered).toBe(false);
  stream.accept(0, new Uint8Array(), true);
  expect(stream.isDelivered).toBe(true);
  expect(stream.isDone).toBe(true);
});

test("it is done when the application took everything, not when everything is there", () => {
  const stream = new ReceiveStream(0, 2);
  stream.accept(0, bytes("0123"), true);
  expect(stream.isDone).toBe(false);
  stream.consume(3);
  expect(stream.isDone).toBe(false);
  expect(stream.consume(99)).toBe(true);
  expect(stream.credit()).toMatchObject({ consumed: 4, done: true });
});

test("credit is told in steps", () => {
  const stream = new ReceiveStream(0, 2);
  const step = BULK_WINDOW_BYTES * CREDIT_STEP;
  stream.accept(0, new Uint8Array(2 * step), false);
  expect(stream.consume(step - 1)).toBe(false);
  expect(stream.consume(1)).toBe(true);
  expect(stream.credit()).toEqual({
    consumed: step,
    limit: step + BULK_WINDOW_BYTES,
    done: false,
  });
  expect(stream.consume(1)).toBe(false);
});

test.each<[string, (stream: ReceiveStream) => void]>([
  ["bytes beyond the credit", (stream) => stream.accept(BULK_WINDOW_BYTES, bytes("x"), false)],
  ["bytes after the end", (stream) => stream.accept(4, bytes("x"), false)],
  ["a second, other end", (stream) => stream.accept(0, bytes("012"), true)],
])("%s break the protocol", (_what, act) => {
  const stream = new ReceiveStream(0, 2);
  stream.accept(0, bytes("0123"), true);
  expect(() => act(stream)).toThrow(/^PROTOCOL_VIOLATION/);
});

test("gaps without end break the protocol instead of filling memory", () => {
  const stream = new ReceiveStream(0, 2);
  expect(() => {
    for (let at = 1; at < 100_000; at += 2) stream.accept(at, bytes("x"), false);
  }).toThrow(/^PROTOCOL_VIOLATION/);
});

test("a small piece does not keep its whole record in memory", () => {
  const stream = new ReceiveStream(0, 2);
  const record = new Uint8Array(16_384);
  const [out] = stream.accept(0, record.subarray(100, 110), false);
  expect(out?.buffer.byteLength).toBe(10);
});
