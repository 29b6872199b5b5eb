import { createHash } from "node:crypto";
import { BeelineError, type ImageInfo, MAX_IMAGE_BYTES } from "@beeline/protocol";
import { expect, test } from "vitest";
import { ImageAssembly } from "./image-assembly.ts";

const picture = Uint8Array.from({ length: 1_000 }, (_, at) => at & 0xff);

const info: ImageInfo = {
  index: 0,
  seed: 1,
  mime: "image/png",
  size: picture.byteLength,
  sha256: createHash("sha256").update(picture).digest("hex"),
  width: 8,
  height: 8,
};

test("pieces in order make the picture, and the last one's path is known", async () => {
  const assembly = new ImageAssembly(info);
  assembly.push(picture.subarray(0, 300), "relay");
  expect(assembly.isComplete).toBe(false);
  assembly.push(picture.subarray(300), "direct");
  expect([assembly.isComplete, assembly.received, assembly.path]).toEqual([true, 1_000, "direct"]);
  expect(await assembly.finish()).toEqual(picture);
});

test("a new stream goes on anywhere before the gap, and never beyond it", async () => {
  const assembly = new ImageAssembly(info);
  assembly.push(picture.subarray(0, 600), "relay");
  expect([0, 599, 600, 601].map((offset) => assembly.continuesAt(offset))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  assembly.rewind(500);
  expect(assembly.received).toBe(500);
  assembly.rewind(900);
  expect(assembly.received).toBe(500);
  assembly.push(picture.subarray(500), "relay");
  expect(await assembly.finish()).toEqual(picture);
});

test("one wrong byte, a missing and a surplus one are found", async () => {
  const damaged = picture.slice();
  damaged[500] = 1;
  const wrong = new ImageAssembly(info);
  wrong.push(damaged, "relay");
  await expect(wrong.finish()).rejects.toThrow("IMAGE_CORRUPT");

  const short = new ImageAssembly(info);
  short.push(picture.subarray(1), "relay");
  await expect(short.finish()).rejects.toThrow("IMAGE_CORRUPT");
  expect(() => short.push(picture.subarray(0, 2), "relay")).toThrow("IMAGE_CORRUPT");
});

test("a picture above the limit is refused before memory is taken for it", () => {
  const size = MAX_IMAGE_BYTES + 1;
  expect(() => new ImageAssembly({ ...info, size })).toThrow(BeelineError);
});
