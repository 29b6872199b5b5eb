/** The demo renderer as the extension sees it: its own thread, real files, real pictures. */

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import type {
  DrawnImage,
  GenerateHooks,
  GenerateJob,
  GenerateProgress,
  ResolvedFile,
} from "../../image-backend.ts";
import { decodePicture } from "../../images/decode.ts";
import { readPngText } from "../../images/png-text.ts";
import { DemoBackend } from "./demo-backend.ts";
import { SAMPLER_NAMES } from "./samplers.ts";
import { seedDemoResources } from "./seed-resources.ts";

const models = await mkdtemp(join(tmpdir(), "beeline-demo-"));
await seedDemoResources(models);
const backend = new DemoBackend({ stepMs: 0, previewMs: 0 });
afterAll(async () => {
  await backend.close();
  await rm(models, { recursive: true });
});

async function fileOf(path: string): Promise<ResolvedFile> {
  const full = join(models, path);
  const hash = createHash("sha256")
    .update(await readFile(full))
    .digest("hex");
  return { hash, name: path.split("/").at(-1) ?? path, path: full };
}

const dawn = await fileOf("checkpoints/beeline-demo-dawn.safetensors");
const dusk = await fileOf("checkpoints/beeline-demo-dusk.safetensors");
const soft = await fileOf("vae/demo-soft.safetensors");
const ink = {
  ...(await fileOf("loras/demo-ink.safetensors")),
  type: "lora",
  strength: 0.5,
} as const;

const WIDTH = 96;
const HEIGHT = 64;

const plain: GenerateJob = {
  id: "a",
  quantity: 1,
  batchSize: 1,
  model: dawn,
  vae: undefined,
  networks: [],
  prompt: "a mountain lake at sunset",
  negativePrompt: "",
  sampler: "Euler a",
  seed: 1234,
  steps: 5,
  width: WIDTH,
  height: HEIGHT,
  cfgScale: 7,
  clipSkip: undefined,
  init: undefined,
};

interface Record {
  readonly images: DrawnImage[];
  readonly progress: GenerateProgress[];
  readonly previews: { index: number; mime: string; bytes: Uint8Array }[];
}

async function draw(job: GenerateJob, hooks: Partial<GenerateHooks> = {}): Promise<Record> {
  const record: Record = { images: [], progress: [], previews: [] };
  await backend.generate(job, {
    signal: new AbortController().signal,
    onProgress: (progress) => record.progress.push(progress),
    onPreview: (preview) => record.previews.push(preview),
    onImage: (image) => record.images.push(image),
    ...hooks,
  });
  return record;
}

async function pixelsOf(job: GenerateJob): Promise<Uint8Array> {
  const { images } = await draw(job);
  return (await decodePicture(images[0]?.bytes ?? new Uint8Array())).data;
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Mean difference of two pictures in levels of 255. */
function distance(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;
}

const reference = await pixelsOf(plain);

describe("what decides the pixels", () => {
  test("equal jobs give equal pixels, whatever the id and the split into batches", async () => {
    expect(digest(await pixelsOf({ ...plain, id: "b" }))).toBe(digest(reference));
    const { images } = await draw({ ...plain, quantity: 1, batchSize: 2, seed: 1233 });
    const second = await decodePicture(images[1]?.bytes ?? new Uint8Array());
    expect(digest(second.data)).toBe(digest(reference));
  });

  test.each<[string, Partial<GenerateJob>]>([
    ["prompt", { prompt: "a mountain lake at sunset!" }],
    ["negative prompt", { negativePrompt: "people" }],
    ["seed", { seed: 1235 }],
    ["steps", { steps: 6 }],
    ["width", { width: 104 }],
    ["height", { height: 72 }],
    ["cfg scale", { cfgScale: 7.5 }],
    ["clip skip", { clipSkip: 2 }],
    ["model", { model: dusk }],
    ["model's hash", { model: { ...dawn, hash: dusk.hash } }],
    ["vae", { vae: soft }],
    ["network", { networks: [ink] }],
  ])("another %s gives other pixels", async (_, change) => {
    expect(digest(await pixelsOf({ ...plain, ...change }))).not.toBe(digest(reference));
  });

  test("another strength of a network gives other pixels", async () => {
    const half = await pixelsOf({ ...plain, networks: [ink] });
    const full = await pixelsOf({ ...plain, networks: [{ ...ink, strength: 1 }] });
    expect(distance(half, full)).toBeGreaterThan(0.5);
  });

  test("every sampler draws the same scene a little differently", async () => {
    const all = await Promise.all(
      SAMPLER_NAMES.map((sampler) => pixelsOf({ ...plain, sampler, steps: 12 })),
    );
    expect(new Set(all.map(digest)).size).toBe(SAMPLER_NAMES.length);
    const [first] = all;
    for (const other of all) expect(distance(first ?? reference, other)).toBeLessThan(24);
  });
});

describe("what is reported", () => {
  test("hands over quantity × batchSize images in order, each with its seed and metadata", async () => {
    const { images } = await draw({ ...plain, quantity: 2, batchSize: 2 });
    expect(images.map(({ index, seed }) => [index, seed])).toEqual([
      [0, 1234],
      [1, 1235],
      [2, 1236],
      [3, 1237],
    ]);
    for (const image of images) {
      expect([image.mime, image.width, image.height]).toEqual(["image/png", WIDTH, HEIGHT]);
      const { format, width, height } = await sharp(image.bytes).metadata();
      expect([format, width, height]).toEqual(["png", WIDTH, HEIGHT]);
      const text = readPngText(image.bytes, "parameters");
      expect(text).toContain(`Seed: ${image.seed}, Size: ${WIDTH}x${HEIGHT}`);
      expect(text).toContain(`Model hash: ${dawn.hash.slice(0, 10)}`);
      expect(text).toMatch(/Version: beeline-demo$/);
    }
  });

  test("counts every step of every image, up to 100", async () => {
    const { progress } = await draw({ ...plain, quantity: 2 });
    expect(progress.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    expect(progress.map((one) => one.progress)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(progress.at(-1)?.etaMs).toBe(0);
  });

  test("shows small previews that come nearer to the picture", async () => {
    const started = new Map<number, number>();
    const previews: Uint8Array[] = [];
    const slow = new DemoBackend({ stepMs: 30, previewMs: 0 });
    try {
      await slow.generate(
        { ...plain, width: 512, height: 384, steps: 12 },
        {
          signal: new AbortController().signal,
          onProgress: ({ step }) => started.set(step, step),
          onPreview: ({ bytes }) => previews.push(bytes),
          onImage: ({ bytes }) => previews.push(bytes),
        },
      );
    } finally {
      await slow.close();
    }
    expect(previews.length).toBeGreaterThan(2);
    const size = { width: 64, height: 48 };
    const decoded = await Promise.all(previews.map((bytes) => decodePicture(bytes, size)));
    const last = decoded.pop()?.data ?? reference;
    const far = decoded.map(({ data }) => distance(data, last));
    expect(far.at(-1)).toBeLessThan((far[0] ?? 0) / 2);
    for (const bytes of previews.slice(0, -1)) {
      const { format, width, height } = await sharp(bytes).metadata();
      expect(format).toBe("jpeg");
      expect(Math.max(width, height)).toBeLessThanOrEqual(384);
    }
  });
});

describe("cancel", () => {
  test("rejects with CANCELED at the next step and hands over nothing more", async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const job = backend.generate(
      { ...plain, quantity: 3 },
      {
        signal: controller.signal,
        onProgress: ({ step }) => {
          seen.push(`step ${step}`);
          if (seen.includes("image 0") && step === 2) controller.abort();
        },
        onPreview: () => seen.push("preview"),
        onImage: ({ index }) => seen.push(`image ${index}`),
      },
    );
    await expect(job).rejects.toMatchObject({ code: "CANCELED" });
    const atOnce = seen.length;
    expect(seen.filter((entry) => entry.startsWith("image"))).toEqual(["image 0"]);
    expect(seen.at(-1)).toBe("step 2");
    // A whole other job on the same thread: whatever the canceled one still did is over by then.
    expect(digest(await pixelsOf(plain))).toBe(digest(reference));
    expect(seen.length).toBe(atOnce);
  });

  test("rejects a job that was canceled before it began", async () => {
    const signal = AbortSignal.abort();
    await expect(draw(plain, { signal })).rejects.toMatchObject({ code: "CANCELED" });
  });
});

describe("img2img", () => {
  const noise = {
    create: {
      width: 200,
      height: 150,
      channels: 3 as const,
      background: "#000",
      noise: { type: "gaussian" as const, mean: 128, sigma: 30 },
    },
  };
  /** White in a rectangle of the picture, black elsewhere. */
  const maskPicture = sharp({
    create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#000" },
  }).composite([
    {
      input: { create: { width: 20, height: 12, channels: 3, background: "#fff" } },
      left: 40,
      top: 30,
    },
  ]);
  const inMask = (pixel: number): boolean => {
    const x = pixel % WIDTH;
    const y = Math.floor(pixel / WIDTH);
    return x >= 40 && x < 60 && y >= 30 && y < 42;
  };

  const initOf = async (
    change: Partial<NonNullable<GenerateJob["init"]>>,
  ): Promise<GenerateJob> => ({
    ...plain,
    init: {
      image: await sharp(noise).png().toBuffer(),
      mask: undefined,
      denoiseStrength: 0.6,
      maskedOnly: false,
      ...change,
    },
  });

  test("strength 0 returns the init picture, scaled, byte for byte", async () => {
    const job = await initOf({ denoiseStrength: 0 });
    const init = await decodePicture(job.init?.image ?? new Uint8Array(), {
      width: WIDTH,
      height: HEIGHT,
    });
    expect(digest(await pixelsOf(job))).toBe(digest(init.data));
  });

  test("strength 1 draws what txt2img draws, whatever the init picture", async () => {
    expect(digest(await pixelsOf(await initOf({ denoiseStrength: 1 })))).toBe(digest(reference));
  });

  test("between, the picture leaves the init the further the stronger, and takes fewer steps", async () => {
    const image = await sharp(noise).png().toBuffer();
    const init = await decodePicture(image, { width: WIDTH, height: HEIGHT });
    const far: number[] = [];
    for (const denoiseStrength of [0.2, 0.4, 0.6, 0.9]) {
      far.push(distance(await pixelsOf(await initOf({ image, denoiseStrength })), init.data));
    }
    expect(far).toEqual(far.toSorted((a, b) => a - b));
    const { progress } = await draw(await initOf({ image, denoiseStrength: 0.4 }));
    expect(progress.map(({ step, steps }) => [step, steps])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  test.each([false, true])(
    "with a mask touches not a byte outside of it (only masked: %s)",
    async (maskedOnly) => {
      const mask = await maskPicture.png().toBuffer();
      const job = await initOf({ mask, maskedOnly, denoiseStrength: 1 });
      const size = { width: WIDTH, height: HEIGHT };
      const init = await decodePicture(job.init?.image ?? new Uint8Array(), size);
      const pixels = await pixelsOf(job);
      let inside = 0;
      for (let at = 0; at < pixels.length; at++) {
        if (pixels[at] === init.data[at]) continue;
        expect(inMask(Math.floor(at / 3))).toBe(true);
        inside += 1;
      }
      expect(inside).toBeGreaterThan(20 * 12);
    },
  );

  test("only masked draws the whole scene small into the mask's surroundings", async () => {
    const mask = await maskPicture.png().toBuffer();
    const whole = await pixelsOf(await initOf({ mask, maskedOnly: false, denoiseStrength: 1 }));
    const only = await pixelsOf(await initOf({ mask, maskedOnly: true, denoiseStrength: 1 }));
    expect(digest(only)).not.toBe(digest(whole));
  });
});

describe("refusals", () => {
  test("an unknown sampler is named", async () => {
    await expect(draw({ ...plain, sampler: "constructor" })).rejects.toMatchObject({
      code: "SAMPLER_NOT_FOUND",
      detail: expect.stringContaining("constructor"),
    });
  });

  test("a model whose file is gone is not replaced by another", async () => {
    const model = { ...dawn, path: join(models, "checkpoints/gone.safetensors") };
    await expect(draw({ ...plain, model })).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });

  test.each(["image", "mask"])("an %s that is no picture is refused", async (field) => {
    const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#fff" } })
      .png()
      .toBuffer();
    const init = { image, mask: image, denoiseStrength: 0.5, maskedOnly: false };
    const job = { ...plain, init: { ...init, [field]: Buffer.from("<html>Sign in</html>") } };
    await expect(draw(job)).rejects.toMatchObject({ code: "IMAGE_UNREADABLE" });
  });
});

test("says what it is", async () => {
  expect(await backend.capabilities()).toMatchObject({
    kind: "demo",
    demo: true,
    name: "Built-in demo renderer (not Stable Diffusion)",
    samplers: SAMPLER_NAMES,
  });
});

test("draws again after it was closed", async () => {
  await backend.close();
  expect(digest(await pixelsOf(plain))).toBe(digest(reference));
});
