/** Text chunks in real PNGs, and in ones made to break readers. */

import { BeelineError } from "@beeline/protocol";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { insertPngText, readPngText } from "./png-text.ts";

const plain = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#246" } })
  .png()
  .toBuffer();

/** How the call failed: a code, or the error itself when it is not ours. */
function failure(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error instanceof BeelineError ? error.code : error;
  }
}

describe("readPngText", () => {
  test("reads back a Latin-1 text written as tEXt", () => {
    const png = insertPngText(plain, "parameters", "a café\nSteps: 20");
    expect(Buffer.from(png).includes("tEXtparameters")).toBe(true);
    expect(readPngText(png, "parameters")).toBe("a café\nSteps: 20");
  });

  test("reads back any other text written as iTXt", () => {
    const png = insertPngText(plain, "parameters", "山水 🌄, Steps: 20");
    expect(Buffer.from(png).includes("iTXtparameters")).toBe(true);
    expect(readPngText(png, "parameters")).toBe("山水 🌄, Steps: 20");
  });

  test("finds the text by its keyword only", () => {
    const png = insertPngText(insertPngText(plain, "prompt", "one"), "workflow", "two");
    expect(readPngText(png, "prompt")).toBe("one");
    expect(readPngText(png, "parameters")).toBeUndefined();
  });

  test("answers IMAGE_UNREADABLE to what is no PNG and to every truncation", () => {
    const png = insertPngText(plain, "parameters", "cut me");
    expect(failure(() => readPngText(new Uint8Array(0), "parameters"))).toBe("IMAGE_UNREADABLE");
    expect(failure(() => readPngText(Buffer.from("GIF89a"), "parameters"))).toBe(
      "IMAGE_UNREADABLE",
    );
    for (let length = 0; length < png.length; length++) {
      const outcome = failure(() => readPngText(png.subarray(0, length), "missing"));
      expect(outcome, `${length} bytes`).toBe("IMAGE_UNREADABLE");
    }
  });

  test("refuses a chunk that claims to be longer than the file", () => {
    const png = Uint8Array.from(insertPngText(plain, "parameters", "x"));
    new DataView(png.buffer).setUint32(33, 0xffff_ffff);
    expect(failure(() => readPngText(png, "parameters"))).toBe("IMAGE_UNREADABLE");
  });

  test("refuses a text whose checksum is wrong", () => {
    const png = Uint8Array.from(insertPngText(plain, "parameters", "honest"));
    const at = Buffer.from(png).indexOf("honest");
    png[at] = 0x44;
    expect(failure(() => readPngText(png, "parameters"))).toBe("IMAGE_UNREADABLE");
  });
});

describe("insertPngText", () => {
  test("leaves a file that still decodes to the same pixels", async () => {
    const png = insertPngText(plain, "parameters", "x".repeat(100_000));
    const before = await sharp(plain).raw().toBuffer();
    expect(await sharp(png).raw().toBuffer()).toEqual(before);
  });

  test("writes NUL, which would end the text, as a replacement character", () => {
    const png = insertPngText(plain, "parameters", "a\0b");
    expect(readPngText(png, "parameters")).toBe("a\ufffdb");
  });
});
