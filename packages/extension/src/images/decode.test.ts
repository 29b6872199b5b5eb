/** The gate for pictures from elsewhere. */

import { BeelineError, MAX_INPUT_IMAGE_BYTES } from "@beeline/protocol";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeMask, decodePicture, MAX_INPUT_PIXELS } from "./decode.ts";

const square = (background: string, size = 16) =>
  sharp({ create: { width: size, height: size, channels: 4, background } });

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no failure",
    (error: unknown) => (error instanceof BeelineError ? error.code : error),
  );
}

describe("decodePicture", () => {
  test.each(["png", "jpeg", "webp"] as const)("reads %s as opaque RGB", async (format) => {
    const bytes = await square("#ff0000").toFormat(format, { quality: 100 }).toBuffer();
    const raster = await decodePicture(bytes);
    expect([raster.width, raster.height, raster.data.length]).toEqual([16, 16, 16 * 16 * 3]);
    expect(raster.data[0]).toBeGreaterThan(250);
    expect(raster.data[1]).toBeLessThan(5);
  });

  test("stretches to the size asked for", async () => {
    const raster = await decodePicture(await square("#00f").png().toBuffer(), {
      width: 64,
      height: 32,
    });
    expect([raster.width, raster.height, raster.data.length]).toEqual([64, 32, 64 * 32 * 3]);
  });

  test("puts transparent parts on white and makes colour of grey", async () => {
    const clear = await decodePicture(await square("rgba(255,0,0,0)").png().toBuffer());
    expect([...clear.data.subarray(0, 3)]).toEqual([255, 255, 255]);
    const grey = await sharp(await square("#808080").png().toBuffer())
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect((await decodePicture(grey)).data.length).toBe(16 * 16 * 3);
  });

  test("turns a photograph upright as its orientation says", async () => {
    const wide = sharp({ create: { width: 20, height: 10, channels: 3, background: "#123" } });
    const bytes = await wide.withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const raster = await decodePicture(bytes);
    expect([raster.width, raster.height]).toEqual([10, 20]);
  });

  test("refuses formats other than PNG, JPEG and WebP", async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    expect(await failure(decodePicture(svg))).toBe("IMAGE_UNREADABLE");
    const gif = await square("#fff").gif().toBuffer();
    expect(await failure(decodePicture(gif))).toBe("IMAGE_UNREADABLE");
    expect(await failure(decodePicture(new Uint8Array(0)))).toBe("IMAGE_UNREADABLE");
  });

  test("refuses a truncated picture", async () => {
    const noise = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: "#000",
        noise: { type: "gaussian", mean: 128, sigma: 40 },
      },
    })
      .png()
      .toBuffer();
    expect(await failure(decodePicture(noise.subarray(0, noise.length / 2)))).toBe(
      "IMAGE_UNREADABLE",
    );
  });

  test("refuses more pixels than allowed, however few bytes they take", async () => {
    const width = MAX_INPUT_PIXELS / 4096 + 1;
    const bomb = await sharp({ create: { width, height: 4096, channels: 3, background: "#000" } })
      .png()
      .toBuffer();
    expect(bomb.length).toBeLessThan(1024 * 1024);
    expect(await failure(decodePicture(bomb))).toBe("IMAGE_UNREADABLE");
  });

  test("refuses more bytes than allowed without decoding them", async () => {
    const png = await square("#fff").png().toBuffer();
    const heavy = Buffer.concat([png, Buffer.alloc(MAX_INPUT_IMAGE_BYTES)]);
    expect(await failure(decodePicture(heavy))).toBe("IMAGE_UNREADABLE");
  });
});

describe("decodeMask", () => {
  test("reads white as repaint, black and transparent as keep", async () => {
    const size = { width: 8, height: 8 };
    const of = async (colour: string) =>
      (await decodeMask(await square(colour, 8).png().toBuffer(), size)).data;
    expect((await of("#ffffff")).every((value) => value === 255)).toBe(true);
    expect((await of("#000000")).every((value) => value === 0)).toBe(true);
    expect((await of("rgba(255,255,255,0)")).every((value) => value === 0)).toBe(true);
    expect((await of("#ffffff")).length).toBe(64);
  });

  test("takes the near-black that JPEG leaves around a shape for black", async () => {
    const jpeg = await square("#0a0a0a", 8).jpeg().toBuffer();
    const mask = await decodeMask(jpeg, { width: 8, height: 8 });
    expect(mask.data.every((value) => value === 0)).toBe(true);
  });
});
