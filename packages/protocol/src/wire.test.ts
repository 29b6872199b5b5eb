import { expect, test } from "vitest";
import { Reader, varintBytes, Writer } from "./wire.ts";

const EDGES = [
  0,
  1,
  0x3f,
  0x40,
  0x3fff,
  0x4000,
  0x3fff_ffff,
  0x4000_0000,
  0xffff_ffff,
  0x1_0000_0000,
  Number.MAX_SAFE_INTEGER,
];

test.each(EDGES)("the number %d survives, in no more bytes than announced", (value) => {
  const writer = new Writer(8);
  writer.varint(value);
  expect(writer.length).toBe(varintBytes(value));
  const reader = new Reader(writer.finish());
  expect(reader.varint()).toBe(value);
  expect(reader.left).toBe(0);
});

test("the examples of RFC 9000 appendix A.1 are read as the RFC says", () => {
  const read = (hex: string): number => new Reader(Buffer.from(hex, "hex")).varint();
  expect(read("9d7f3e7d")).toBe(494_878_333);
  expect(read("7bbd")).toBe(15_293);
  expect(read("25")).toBe(37);
  expect(read("4025")).toBe(37);
  // Its 8-byte example is above 2^53, which we refuse.
  expect(() => read("c2197c5eff14e88c")).toThrow(/^RECORD_MALFORMED/);
});

test("reading past the end is a typed error", () => {
  expect(() => new Reader(new Uint8Array(0)).u8()).toThrow(/^RECORD_MALFORMED/);
  expect(() => new Reader(new Uint8Array([0xc0, 1])).varint()).toThrow(/^RECORD_MALFORMED/);
  expect(() => new Reader(new Uint8Array(3)).u32()).toThrow(/^RECORD_MALFORMED/);
  expect(() => new Reader(new Uint8Array(3)).bytes(4)).toThrow(/^RECORD_MALFORMED/);
});

test("a view of a larger buffer is read within its own bounds", () => {
  const buffer = new Uint8Array([9, 9, 1, 2, 9]);
  const reader = new Reader(buffer.subarray(2, 4));
  expect(reader.u8()).toBe(1);
  expect([...reader.bytes(1)]).toEqual([2]);
  expect(() => reader.u8()).toThrow(/^RECORD_MALFORMED/);
});

test("a nearly empty buffer is not kept alive by what was written into it", () => {
  const writer = new Writer(16_384);
  writer.u32(7);
  expect(writer.finish().buffer.byteLength).toBe(4);
});
