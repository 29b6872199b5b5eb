import type { LinkImage } from "@beeline/client";
import { expect, test } from "vitest";
import type { DrawRequest } from "../draw/pending-job.ts";
import {
  addPicture,
  EMPTY_GALLERY,
  fileName,
  imageType,
  KEPT_BYTES,
  metadataOf,
  type Picture,
  pictureOf,
  removePicture,
} from "./gallery.ts";

const draw: DrawRequest = {
  kind: "txt2img",
  request: {
    additionalNetworks: [{ type: "lora", hash: "b".repeat(64), name: "film", strength: 0.8 }],
    params: { prompt: "a bee", negativePrompt: "", steps: 20 },
  },
};

function image(index: number, size = 3, mime = "image/png"): LinkImage {
  return {
    index,
    size,
    mime,
    seed: 40 + index,
    sha256: "a".repeat(64),
    width: 512,
    height: 768,
    bytes: new Uint8Array(3),
    path: "direct",
    elapsedMs: 420,
  };
}

function picture(index: number, size?: number, mime?: string): Picture {
  return pictureOf(image(index, size, mime), { id: "job", draw, modelName: "model" });
}

test("the newest picture comes first, and one reported twice is there once", () => {
  const gallery = [picture(0), picture(1), picture(0)].reduce(addPicture, EMPTY_GALLERY);
  expect(gallery.pictures.map(({ key }) => key)).toEqual(["job:1", "job:0"]);
});

test("the oldest leave when the page would hold too much, and are counted", () => {
  const half = KEPT_BYTES / 2;
  const gallery = [picture(0, half), picture(1, half), picture(2, half)].reduce(
    addPicture,
    EMPTY_GALLERY,
  );
  expect(gallery.pictures.map(({ key }) => key)).toEqual(["job:2", "job:1"]);
  expect(gallery.dropped).toBe(1);
});

test("a picture larger than the bound is still shown", () => {
  expect(addPicture(EMPTY_GALLERY, picture(0, KEPT_BYTES + 1)).pictures).toHaveLength(1);
});

test("a removed picture is gone", () => {
  expect(removePicture(addPicture(EMPTY_GALLERY, picture(0)), "job:0").pictures).toEqual([]);
});

test.each(["image/svg+xml", "text/html", "image/png; charset=x", ""])(
  "bytes called %j are never handed to the browser under that type",
  (mime) => {
    expect(imageType(mime)).toBe("application/octet-stream");
    expect(picture(0, 3, mime).blob.type).toBe("application/octet-stream");
  },
);

test("a file is named by its seed and type", () => {
  expect(fileName(picture(2))).toBe("beeline-42.png");
  expect(fileName(picture(2, 3, "image/jpeg"))).toBe("beeline-42.jpg");
  expect(fileName(picture(2, 3, "text/html"))).toBe("beeline-42.bin");
});

test("metadata names what was asked for and leaves out what was not", () => {
  const labels = Object.fromEntries(metadataOf(picture(0)));
  expect(labels).toMatchObject({
    Prompt: "a bee",
    Seed: "40",
    Size: "512 × 768",
    LoRA: "film 0.8",
    Model: "model",
  });
  expect(labels).not.toHaveProperty("Negative prompt");
  expect(labels).not.toHaveProperty("Denoise");
});
