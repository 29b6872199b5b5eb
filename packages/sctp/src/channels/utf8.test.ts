import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

describe("UTF-8", () => {
  test.each([
    "",
    "link",
    "é-канал",
    "図",
    "🖼️ x",
    "\u0000\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}",
  ])("of %j is what the engine says, and back", (text) => {
    expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
    expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  });

  test("has no half characters", () => {
    for (const text of ["\ud800", "a\udfffb", "\udc00\ud800"]) {
      expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
    }
  });

  test("is read as the engine reads it, whatever it holds", () => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const lead = [
      0x41, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff,
    ];
    for (let seed = 0; seed < 5_000; seed += 1) {
      const random = new Random(seed);
      const bytes = Uint8Array.from({ length: random.whole(0, 8) }, () =>
        random.chance(0.5) ? random.pick(lead) : random.whole(0x70, 0xff),
      );
      const text = decodeUtf8(bytes);
      if (text !== decoder.decode(bytes))
        expect(`seed ${seed}: ${text}`).toBe(decoder.decode(bytes));
    }
  });
});
