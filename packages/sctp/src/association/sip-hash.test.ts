/** SipHash against the vectors of its authors: key 00..0f, input 00, 01, … */
import { expect, test } from "vitest";
import { sipHash } from "./sip-hash.ts";

const KEY = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;

test.each([
  [0, 0x726fdb47dd0e0e31n],
  [1, 0x74f839c593dc67fdn],
  [7, 0xab0200f58b01d137n],
  [8, 0x93f5f5799a932462n],
  [15, 0xa129ca6149be45e5n],
])("SipHash-2-4 of %i bytes is what its authors publish", (length, hash) => {
  const input = Uint8Array.from({ length }, (_, index) => index);
  expect(sipHash(KEY, input)).toBe(hash);
});
