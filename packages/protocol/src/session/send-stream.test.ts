import { expect, test } from "vitest";
import { SendStream, type StreamPiece } from "./send-stream.ts";

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

function streamOf(text: string, limit = NO_LIMIT): SendStream {
  const stream = new SendStream(4, 2, limit);
  // Chunks of three, so that pieces cross them.
  for (let at = 0; at < text.length; at += 3) stream.write(Buffer.from(text.slice(at, at + 3)));
  return stream;
}

function send(stream: SendStream, maxBytes: number): { piece: StreamPiece; text: string } {
  const piece = stream.nextPiece(maxBytes, NO_LIMIT);
  if (piece === undefined) throw new Error("nothing to send");
  const target = new Uint8Array(piece.end - piece.start);
  stream.take(piece, target);
  return { piece, text: Buffer.from(target).toString() };
}

test("pieces follow each other and the last one says so", () => {
  const stream = streamOf("0123456789");
  stream.end();
  expect(send(stream, 4).text).toBe("0123");
  expect(send(stream, 4).text).toBe("4567");
  expect(send(stream, 4)).toEqual({ piece: { start: 8, end: 10, last: true }, text: "89" });
  expect(stream.nextPiece(4, NO_LIMIT)).toBeUndefined();
});

test("an end that comes late, and the end of nothing, travel without bytes", () => {
  const empty = streamOf("");
  empty.end();
  expect(send(empty, 4).piece).toEqual({ start: 0, end: 0, last: true });
  const stream = streamOf("012");
  send(stream, 4);
  stream.end();
  expect(send(stream, 4).piece).toEqual({ start: 3, end: 3, last: true });
});

test("credit and budget hold back what was never sent, not what is sent again", () => {
  const stream = streamOf("0123456789", 6);
  const { piece } = send(stream, 100);
  expect(piece.end).toBe(6);
  expect(stream.nextPiece(100, NO_LIMIT)).toBeUndefined();
  stream.onCredit(0, 10, false);
  expect(stream.nextPiece(100, 0)).toBeUndefined();
  expect(stream.nextPiece(100, 1)).toEqual({ start: 6, end: 7, last: false });
  stream.onLost(piece);
  expect(stream.nextPiece(100, 0)).toEqual({ start: 0, end: 6, last: false });
});

test("lost bytes are sent again unless they were acknowledged meanwhile", () => {
  const stream = streamOf("0123456789");
  stream.end();
  const { piece } = send(stream, 100);
  stream.onAcked({ start: 0, end: 4, last: false });
  stream.onLost(piece);
  expect(send(stream, 100)).toEqual({ piece: { start: 4, end: 10, last: true }, text: "456789" });
});

test("bytes of a dead path wait for the peer's word, then only what it lacks is sent again", () => {
  const stream = streamOf("0123456789");
  stream.end();
  stream.onUncertain(send(stream, 100).piece);
  expect(stream.hasUncertain).toBe(true);
  expect(stream.nextPiece(100, NO_LIMIT)).toBeUndefined();
  stream.onState(
    [
      { start: 0, end: 3 },
      { start: 5, end: 8 },
    ],
    false,
  );
  expect(send(stream, 100).text).toBe("34");
  expect(send(stream, 100)).toEqual({ piece: { start: 8, end: 10, last: true }, text: "89" });
});

test("bytes are forgotten when the other application consumed them, not when they arrived", () => {
  const stream = streamOf("0123456789");
  stream.onAcked(send(stream, 100).piece);
  expect(stream.retainedBytes).toBe(10);
  expect(stream.onCredit(7, NO_LIMIT, false)).toBe(true);
  expect(stream.retainedBytes).toBe(3);
  expect(stream.onCredit(5, NO_LIMIT, false)).toBe(false);
  expect(stream.isDone).toBe(false);
});

test("done is believed only of a stream that has ended", () => {
  const stream = streamOf("012");
  stream.onCredit(0, 0, true);
  expect(stream.isDone).toBe(false);
  stream.end();
  stream.onCredit(0, 0, true);
  expect(stream.isDone).toBe(true);
  expect(stream.retainedBytes).toBe(0);
});

test("what is worth repeating leaves out what arrived, down to a bare end", () => {
  const stream = streamOf("0123456789");
  stream.end();
  const { piece } = send(stream, 100);
  stream.onAcked({ start: 0, end: 6, last: false });
  expect(stream.worthRepeating(piece)).toEqual([{ start: 6, end: 10, last: true }]);
  stream.onCredit(10, NO_LIMIT, false);
  expect(stream.worthRepeating(piece)).toEqual([{ start: 10, end: 10, last: true }]);
  stream.onAcked(piece);
  expect(stream.worthRepeating(piece)).toEqual([]);
});

test("a stream given up sends nothing and keeps nothing", () => {
  const stream = streamOf("0123456789");
  const { piece } = send(stream, 4);
  stream.reset(9);
  stream.onLost(piece);
  stream.onUncertain(piece);
  expect(stream.nextPiece(100, NO_LIMIT)).toBeUndefined();
  expect(stream.worthRepeating(piece)).toEqual([]);
  expect(stream.retainedBytes).toBe(0);
  expect(stream.hasUncertain).toBe(false);
});
