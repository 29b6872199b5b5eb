import { expect, test } from "vitest";
import { roomHint } from "./room.ts";

test("both sides of a link name the same room, which tells 32 bits of a lasting key and none of a short one", () => {
  const key = "0123456789abcdef".repeat(8);
  expect(roomHint(key)).toMatch(/^[0-9a-f]{8}$/);
  expect(roomHint(key)).toBe(roomHint(key));
  expect(roomHint(key.replace("0", "1"))).not.toBe(roomHint(key));
  // FNV-1a's own test vector for "a" is e40c292c; keys of all lengths but the short one's are hashed.
  expect(roomHint("a")).toBe("e40c292c");
  expect(roomHint("abcdef")).toBeUndefined();
});
