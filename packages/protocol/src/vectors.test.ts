import { readFileSync } from "node:fs";
import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { beginStreamFrame, decodeFrames, type Frame, writeFrame } from "./frames.ts";
import { beginRecord, decodeRecord, type RecordHeader } from "./record.ts";
import { parseHello } from "./session/handshake.ts";

/** Golden vectors, for peers in any language: see test/vectors/records.json. */
interface Vectors {
  readonly records: readonly {
    readonly name: string;
    readonly hex: string;
    readonly header: RecordHeader;
    readonly frames?: readonly unknown[];
    readonly message?: unknown;
  }[];
  readonly malformed: readonly { readonly name: string; readonly hex: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../test/vectors/records.json", import.meta.url), "utf8"),
) as Vectors;

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Frames as JSON has them: bytes in hex. */
function plain(frame: Frame): unknown {
  return frame.type === "stream" ? { ...frame, bytes: hexOf(frame.bytes) } : frame;
}

function encode(header: RecordHeader, frames: readonly Frame[]): Uint8Array {
  const writer = beginRecord(header);
  for (const frame of frames) {
    if (frame.type !== "stream") writeFrame(writer, frame);
    else beginStreamFrame(writer, { ...frame, length: frame.bytes.byteLength }).set(frame.bytes);
  }
  return writer.finish();
}

const framed = vectors.records.filter(({ frames }) => frames !== undefined);
const messages = vectors.records.filter(({ message }) => message !== undefined);

test.each(framed)("$name: read, and written again byte for byte", ({ hex, header, frames }) => {
  const { body, ...read } = decodeRecord(bytesOf(hex));
  expect(read).toEqual(header);
  const decoded = decodeFrames(body);
  expect(decoded.map(plain)).toEqual(frames);
  expect(hexOf(encode(read, decoded))).toBe(hexOf(bytesOf(hex)));
});

test.each(messages)("$name: read", ({ hex, header, message }) => {
  const { body, ...read } = decodeRecord(bytesOf(hex));
  expect(read).toEqual(header);
  expect(
    header.type === "hello" ? parseHello(body) : new Packr({ useRecords: false }).unpack(body),
  ).toEqual(message);
});

test("there is a vector for every kind of frame", () => {
  const types = new Set(framed.flatMap(({ frames = [] }) => frames.map((f) => (f as Frame).type)));
  expect(types.size).toBe(12);
});

test.each(vectors.malformed)("$name: refused with a code", ({ hex }) => {
  expect(() => decodeFrames(decodeRecord(bytesOf(hex)).body)).toThrow(/^RECORD_MALFORMED/);
});
