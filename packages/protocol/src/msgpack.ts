/**
 * msgpack, as handshakes and messages carry it: maps, arrays, text, numbers, booleans, bytes, times.
 *
 * What is written is what every language's library reads: no records of msgpackr's own, no nil where a
 * field is missing. What is read is what those libraries write: whole numbers of any width, and nil for
 * what is missing. A 64-bit integer becomes a number, so one past 2^53 is rounded, but never to a safe
 * integer: a schema that asks for a whole number refuses it.
 */

import { Packr } from "msgpackr";

/** Apart from its use, because msgpackr's types do not know `skipValues`. */
const OPTIONS = {
  useRecords: false,
  int64AsType: "number",
  skipValues: [undefined],
  // What an array holds cannot be left out; without this it becomes an extension that few libraries know.
  encodeUndefinedAsNil: true,
} as const;

const packr = new Packr(OPTIONS);

export function packMessage(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** @throws whatever msgpackr does: the caller knows what the bytes were meant to be. */
export function unpackMessage(bytes: Uint8Array): unknown {
  const value: unknown = packr.unpack(bytes);
  dropNil(value);
  return value;
}

/** Takes fields that are nil out of every map. Bytes and times have none. */
function dropNil(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNil(item);
  } else if (isMap(value)) {
    for (const [name, field] of Object.entries(value)) {
      if (field === null) delete value[name];
      else dropNil(field);
    }
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
