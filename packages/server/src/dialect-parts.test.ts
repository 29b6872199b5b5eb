import { DIALECT_PART_BYTES, type DialectPart, MAX_MESSAGE_BYTES } from "@beeline/protocol";
import { expect, test } from "vitest";
import { DialectAssembly } from "./dialect-parts.ts";

function part(text: string, more: Partial<DialectPart> = {}): DialectPart {
  return { event: "command", message: 0, last: true, bytes: Buffer.from(text), ...more };
}

test("a message in one part comes out as it was", () => {
  const assembly = new DialectAssembly();
  expect(assembly.add(part('{"id":"1","odd":[null,1.5]}', { to: "peer" }))).toEqual({
    event: "command",
    to: "peer",
    payload: { id: "1", odd: [null, 1.5] },
    bytes: 27,
  });
});

test("parts may cut a character in two", () => {
  const bytes = Buffer.from('"grün"');
  const assembly = new DialectAssembly();
  expect(assembly.add(part("", { bytes: bytes.subarray(0, 4), last: false }))).toBeUndefined();
  expect(assembly.add(part("", { bytes: bytes.subarray(4) }))?.payload).toBe("grün");
});

test.each([
  { how: "another number", more: { message: 1 } },
  { how: "another event", more: { event: "commandStatus" as const } },
  { how: "another address", more: { to: "peer" } },
])("a part with $how in the middle of a message is refused, and so is the rest", ({ more }) => {
  const assembly = new DialectAssembly();
  assembly.add(part("[1", { last: false }));
  expect(() => assembly.add(part(",2", { last: false, ...more }))).toThrow("MESSAGE_MALFORMED");
  expect(() => assembly.add(part(",3]"))).toThrow("MESSAGE_MALFORMED");
  expect(assembly.add(part("4"))?.payload).toBe(4);
});

test("what is not JSON is refused, and the next message is not", () => {
  const assembly = new DialectAssembly();
  expect(() => assembly.add(part("{"))).toThrow("MESSAGE_MALFORMED");
  expect(assembly.add(part("{}"))?.payload).toEqual({});
});

test("parts and messages have a largest size", () => {
  const assembly = new DialectAssembly();
  const tooLarge = Buffer.alloc(DIALECT_PART_BYTES + 1);
  expect(() => assembly.add(part("", { bytes: tooLarge }))).toThrow("LIMIT_EXCEEDED");

  const full = part("", { bytes: Buffer.alloc(DIALECT_PART_BYTES), last: false });
  const fitting = Math.floor(MAX_MESSAGE_BYTES / DIALECT_PART_BYTES);
  for (let i = 0; i < fitting; i++) assembly.add(full);
  expect(() => assembly.add(full)).toThrow("LIMIT_EXCEEDED");
});
