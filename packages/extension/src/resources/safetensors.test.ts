/** What counts as a safetensors file. */

import { describe, expect, test } from "vitest";
import { checkHeader, headerLength, MAX_HEADER_BYTES, PREFIX_BYTES } from "./safetensors.ts";

const refused = expect.objectContaining({ code: "FILE_REFUSED" });
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const tensor = (from: number, to: number) => ({
  dtype: "F16",
  shape: [2],
  data_offsets: [from, to],
});

function start(length: bigint, next = "{"): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64LE(length);
  bytes.write(next, 8);
  return bytes;
}

describe("the first nine bytes", () => {
  test("give the header's length, also from the middle of a larger buffer", () => {
    const buffer = Buffer.concat([Buffer.from("abc"), start(1234n)]);
    expect(headerLength(buffer.subarray(3))).toBe(1234);
  });

  test.each([
    ["a web page", new TextEncoder().encode("<!DOCTYPE html>")],
    ["a pickle", new TextEncoder().encode("PK\u0003\u0004\u0000\u0000\u0000\u0000\u0000\u0000")],
    ["a short file", new Uint8Array(8)],
    ["an empty header", start(1n)],
    ["a header without an object", start(10n, "[")],
    ["a header beyond the cap", start(BigInt(MAX_HEADER_BYTES) + 1n)],
    ["a header of 16 exbibytes", start(0xffff_ffff_ffff_ffffn)],
  ])("of %s are refused", (_what, bytes) => {
    expect(() => headerLength(bytes)).toThrow(refused);
  });
});

describe("a header", () => {
  const size = (header: Uint8Array, data: number) => PREFIX_BYTES + header.length + data;

  test("whose tensors end where the file ends is accepted", () => {
    const header = encode({ __metadata__: { format: "pt" }, a: tensor(0, 4), b: tensor(4, 8) });
    expect(() => checkHeader(header, size(header, 8))).not.toThrow();
  });

  test("of a truncated file is refused", () => {
    const header = encode({ a: tensor(0, 8) });
    expect(() => checkHeader(header, size(header, 7))).toThrow(refused);
  });

  test("that leaves bytes unexplained is refused", () => {
    const header = encode({ a: tensor(0, 8) });
    expect(() => checkHeader(header, size(header, 9))).toThrow(refused);
  });

  test.each([
    ["offsets that run backwards", { a: tensor(8, 0) }],
    ["negative offsets", { a: tensor(-8, 8) }],
    ["no offsets", { a: { dtype: "F16", shape: [] } }],
    ["no tensors at all in a file with data", {}],
    ["a list", [1]],
  ])("with %s is refused", (_what, value) => {
    const header = encode(value);
    expect(() => checkHeader(header, size(header, 8))).toThrow(refused);
  });

  test("that is not JSON or not UTF-8 is refused", () => {
    expect(() => checkHeader(new TextEncoder().encode("{a"), 100)).toThrow(refused);
    expect(() => checkHeader(new Uint8Array([0x7b, 0xff, 0x7d]), 100)).toThrow(refused);
  });
});
