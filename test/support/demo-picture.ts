/**
 * What the demo renderer draws for given parameters, drawn here in Node, apart from any link: what
 * arrives on a page is compared with it. The renderer is deterministic, its PNGs byte for byte.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DemoBackend, type GenerateJob, seedDemoResources } from "@beeline/extension";
import sharp from "sharp";

/** The first in the list, which is what a request without a model gets. */
const MODEL = "beeline-demo-dawn.safetensors";

/** What a test types into the page's form. */
export interface DemoForm {
  readonly prompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
}

/** Small enough to be drawn in a fraction of a second, large enough to take many records. */
export const QUICK_FORM: DemoForm = {
  prompt: "a bee on a honeycomb",
  seed: 4242,
  steps: 6,
  width: 256,
  height: 256,
};

/** The first picture of a request with that form and nothing else, as PNG. */
export async function drawDemoPicture(form: DemoForm): Promise<Buffer> {
  const models = await mkdtemp(join(tmpdir(), "beeline-models-"));
  const backend = new DemoBackend({ stepMs: 0 });
  try {
    await seedDemoResources(models);
    const path = join(models, "checkpoints", MODEL);
    const { samplers } = await backend.capabilities();
    const job: GenerateJob = {
      ...form,
      id: "expected",
      quantity: 1,
      batchSize: 1,
      model: { path, name: MODEL, hash: sha256(await readFile(path)) },
      vae: undefined,
      networks: [],
      negativePrompt: "",
      sampler: samplers[0] ?? "",
      cfgScale: 7,
      clipSkip: undefined,
      init: undefined,
    };
    let drawn: Uint8Array | undefined;
    await backend.generate(job, {
      signal: new AbortController().signal,
      onProgress: () => {},
      onPreview: () => {},
      onImage: ({ bytes }) => {
        drawn = bytes;
      },
    });
    if (drawn === undefined) throw new Error("the demo renderer drew nothing");
    return Buffer.from(drawn);
  } finally {
    await backend.close();
    await rm(models, { recursive: true, force: true });
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An encoded picture as RGB pixels, scaled to `size` if one is given. */
export async function pixelsOf(
  picture: Uint8Array,
  size?: { readonly width: number; readonly height: number },
): Promise<{ readonly width: number; readonly height: number; readonly data: Uint8Array }> {
  const image = sharp(picture).removeAlpha().toColourspace("srgb");
  const scaled = size === undefined ? image : image.resize({ ...size, fit: "fill" });
  const { data, info } = await scaled.raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** How far two pictures are apart: the mean over all channels, 0 to 255. The second is scaled. */
export async function meanDifference(a: Uint8Array, b: Uint8Array): Promise<number> {
  const first = await pixelsOf(a);
  const second = await pixelsOf(b, first);
  const sum = first.data.reduce(
    (total, value, index) => total + Math.abs(value - (second.data[index] ?? 0)),
    0,
  );
  return sum / first.data.length;
}
