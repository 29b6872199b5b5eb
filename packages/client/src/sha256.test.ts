import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { sha256Hex } from "./sha256.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) & 0xff);
const expected = createHash("sha256").update(bytes).digest("hex");

test("a digest is the same with crypto.subtle and on a page that has none", async () => {
  expect(await sha256Hex(bytes)).toBe(expected);
  vi.stubGlobal("crypto", { getRandomValues: globalThis.crypto.getRandomValues });
  expect(await sha256Hex(bytes)).toBe(expected);
});
