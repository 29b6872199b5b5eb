/**
 * What every backend promises, whatever draws: one suite for all adapters.
 *
 * An adapter that cannot do a thing declares it with the reason; the test then holds it to that, so
 * that a difference is never an accident.
 */
import type {
  BackendCapabilities,
  GenerateJob,
  ImageBackend,
  ResolvedFile,
} from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, Heard } from "./heard.ts";

export interface Bench {
  readonly backend: ImageBackend;
  readonly model: ResolvedFile;
  readonly vae: ResolvedFile;
  readonly lora: ResolvedFile;
  /** On this disk, but not where the backend looks. */
  readonly stranger: ResolvedFile;
  /** From now on a drawing stops half-way until released. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

/** What a backend cannot do, and why. */
export interface Differences {
  readonly noVae?: string;
  readonly noPreviews?: string;
  readonly noSteps?: string;
  /** It draws whatever file it is handed. */
  readonly noLists?: string;
}

/** Pictures are small: what is tested is what happens to them. */
const SIDE = 64;

export function jobFor(bench: Bench, more: Partial<GenerateJob> = {}): GenerateJob {
  return {
    id: crypto.randomUUID(),
    quantity: 1,
    batchSize: 1,
    model: bench.model,
    vae: undefined,
    networks: [],
    prompt: "a bee",
    negativePrompt: "blurry",
    sampler: "Euler a",
    seed: 40,
    steps: 8,
    width: SIDE,
    height: SIDE,
    cfgScale: 7,
    clipSkip: undefined,
    init: undefined,
    ...more,
  };
}

export async function draw(bench: Bench, more: Partial<GenerateJob> = {}): Promise<Heard> {
  const heard = new Heard();
  await bench.backend.generate(jobFor(bench, more), heard);
  return heard;
}

export async function pixelsOf(bytes: Uint8Array): Promise<Buffer> {
  return sharp(bytes).removeAlpha().raw().toBuffer();
}

/** A gradient, and a mask with a white square from `from` to `to`. */
export async function painting(from: number, to: number) {
  const gradient = Buffer.alloc(SIDE * SIDE * 3);
  const mask = Buffer.alloc(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      gradient.set([x * 4, y * 4, 128], (y * SIDE + x) * 3);
      const isInside = x >= from && x < to && y >= from && y < to;
      mask[y * SIDE + x] = isInside ? 255 : 0;
    }
  }
  const raw = { width: SIDE, height: SIDE };
  return {
    gradient,
    mask,
    init: await sharp(gradient, { raw: { ...raw, channels: 3 } })
      .png()
      .toBuffer(),
    maskImage: await sharp(mask, { raw: { ...raw, channels: 1 } })
      .png()
      .toBuffer(),
  };
}

export function backendContract(
  name: string,
  makeBench: () => Promise<Bench>,
  differences: Differences = {},
): void {
  describe(`${name} keeps the backends' promises:`, () => {
    let bench: Bench;
    let capabilities: BackendCapabilities;

    beforeEach(async () => {
      bench = await makeBench();
      await bench.backend.probe();
      capabilities = await bench.backend.capabilities();
    });
    afterEach(() => bench.close());

    test("it says what it is and what it can do", () => {
      expect(capabilities.kind).not.toBe("");
      expect(capabilities.samplers).toContain("Euler a");
      expect(new Set(capabilities.samplers).size).toBe(capabilities.samplers.length);
      expect(capabilities.vae).toBe(differences.noVae === undefined);
      expect(capabilities.previews).toBe(differences.noPreviews === undefined);
      expect(capabilities.progress).toBe(differences.noSteps === undefined ? "steps" : "images");
    });

    test("it says where its models are, unless it reads what it is handed", async () => {
      const folders = (await bench.backend.folders?.()) ?? [];
      expect(folders.some(({ type }) => type === "checkpoint")).toBe(
        differences.noLists === undefined,
      );
    });

    test("it draws every picture once, in order, each with its own seed", async () => {
      const { images } = await draw(bench, { quantity: 2, batchSize: 2 });
      expect(images.map(({ index, seed }) => [index, seed])).toEqual([
        [0, 40],
        [1, 41],
        [2, 42],
        [3, 43],
      ]);
      const pictures = new Set(images.map(({ bytes }) => Buffer.from(bytes).toString("base64")));
      expect(pictures.size).toBe(4);
    });

    test("a picture is a PNG of the size asked for that tells how it was made", async () => {
      const [image] = (await draw(bench, { width: 128, height: SIDE })).images;
      const { width, height, format } = await sharp(image?.bytes).metadata();
      expect({ width, height, format }).toEqual({ width: 128, height: SIDE, format: "png" });
      expect({ width: image?.width, height: image?.height }).toEqual({ width: 128, height: SIDE });
      const text = Buffer.from(image?.bytes ?? []).toString("latin1");
      expect(text).toContain("tEXtparameters\0a bee");
      expect(text).toContain("Seed: 40");
    });

    test("its progress only grows, and ends at 100", async () => {
      const { progress } = await draw(bench, { quantity: 2 });
      const figures = progress.map((each) => each.progress);
      expect(figures).toEqual([...figures].sort((a, b) => a - b));
      expect(figures.at(-1)).toBe(100);
      for (const { step, steps } of progress) expect(step).toBeLessThanOrEqual(steps);
    });

    test("what it shows while it draws is small", async () => {
      bench.hold();
      const heard = new Heard();
      const work = bench.backend.generate(jobFor(bench, { steps: 16 }), heard);
      if (differences.noPreviews === undefined) await heard.until(() => heard.previews.length > 0);
      bench.release();
      await work;
      if (differences.noPreviews !== undefined) return expect(heard.previews).toEqual([]);
      const { width, height, format } = await sharp(heard.previews[0]).metadata();
      expect(format).toBe("jpeg");
      expect(Math.max(width ?? 0, height ?? 0)).toBeLessThanOrEqual(384);
    });

    test("it repaints a whole picture", async () => {
      const { init, gradient } = await painting(0, 0);
      const source = { image: init, mask: undefined, denoiseStrength: 0.6, maskedOnly: false };
      const [image] = (await draw(bench, { init: source })).images;
      expect((await pixelsOf(image?.bytes ?? new Uint8Array())).equals(gradient)).toBe(false);
    });

    test.each([false, true])(
      "it leaves every pixel outside a mask alone (only masked: %s)",
      async (maskedOnly) => {
        const { init, maskImage, mask, gradient } = await painting(20, 44);
        const source = { image: init, mask: maskImage, denoiseStrength: 0.75, maskedOnly };
        const [image] = (await draw(bench, { init: source })).images;
        const drawn = await pixelsOf(image?.bytes ?? new Uint8Array());
        let changed = 0;
        for (let pixel = 0; pixel < mask.length; pixel++) {
          const at = pixel * 3;
          const isSame = drawn.subarray(at, at + 3).equals(gradient.subarray(at, at + 3));
          if (mask[pixel] === 0 && !isSame) expect.fail(`pixel ${pixel} outside the mask changed`);
          if (mask[pixel] === 255 && !isSame) changed += 1;
        }
        expect(changed).toBeGreaterThan(100);
      },
    );

    test("a mask that is all black changes nothing", async () => {
      const { init, maskImage, gradient } = await painting(0, 0);
      const source = { image: init, mask: maskImage, denoiseStrength: 0.75, maskedOnly: true };
      const [image] = (await draw(bench, { init: source })).images;
      expect((await pixelsOf(image?.bytes ?? new Uint8Array())).equals(gradient)).toBe(true);
    });

    test("it draws with a LoRA", async () => {
      const networks = [{ ...bench.lora, type: "lora" as const, strength: 0.8 }];
      expect((await draw(bench, { networks })).images).toHaveLength(1);
    });

    test("it draws with a VAE, or says that it cannot", async () => {
      const work = draw(bench, { vae: bench.vae });
      if (differences.noVae === undefined) return expect((await work).images).toHaveLength(1);
      expect((await errorOf(work)).code).toBe("COMMAND_UNSUPPORTED");
    });

    test("it refuses a sampler that it does not have", async () => {
      const error = await errorOf(draw(bench, { sampler: "Restart" }));
      expect([error.code, error.detail]).toEqual([
        "SAMPLER_NOT_FOUND",
        expect.stringMatching(/restart|sampler/i),
      ]);
    });

    const doesWithStrangers =
      differences.noLists === undefined ? "refuses, by name," : "draws from";
    test(`it ${doesWithStrangers} files that it does not list`, async () => {
      const { stranger } = bench;
      // Without a list it draws from whatever file a job names: nothing to refuse.
      if (differences.noLists !== undefined) {
        return expect((await draw(bench, { model: stranger })).images).toHaveLength(1);
      }
      const model = await errorOf(draw(bench, { model: stranger }));
      expect([model.code, model.detail]).toEqual([
        "MODEL_NOT_FOUND",
        expect.stringContaining(stranger.name),
      ]);
      const networks = [{ ...stranger, type: "lora" as const, strength: 1 }];
      const lora = await errorOf(draw(bench, { networks }));
      expect([lora.code, lora.detail]).toEqual([
        "RESOURCE_NOT_FOUND",
        expect.stringContaining(stranger.name),
      ]);
      if (differences.noVae !== undefined) return;
      expect((await errorOf(draw(bench, { vae: stranger }))).code).toBe("RESOURCE_NOT_FOUND");
    });

    test("a cancel ends the job at once, nothing follows, and the next job is drawn", async () => {
      bench.hold();
      const heard = new Heard();
      const work = bench.backend.generate(jobFor(bench, { quantity: 2, steps: 40 }), heard);
      await heard.until(() => heard.progress.length > 0);
      heard.abort.abort(new BeelineError("CANCELED", "by the test"));
      expect((await errorOf(work)).code).toBe("CANCELED");
      const { images, progress, previews } = heard;
      const before = [images.length, progress.length, previews.length];
      bench.release();
      expect((await draw(bench, { seed: 7 })).images.map(({ seed }) => seed)).toEqual([7]);
      expect([images.length, progress.length, previews.length]).toEqual(before);
      expect(images).toEqual([]);
    });

    test("a job that was canceled before it began is not begun", async () => {
      const heard = new Heard();
      heard.abort.abort();
      expect((await errorOf(bench.backend.generate(jobFor(bench), heard))).code).toBe("CANCELED");
      expect(heard.images).toEqual([]);
    });

    test("a picture that cannot be read is refused before anything is drawn", async () => {
      const image = Buffer.from("no picture");
      const source = { image, mask: undefined, denoiseStrength: 0.5, maskedOnly: false };
      expect((await errorOf(draw(bench, { init: source }))).code).toBe("IMAGE_UNREADABLE");
    });
  });
}
