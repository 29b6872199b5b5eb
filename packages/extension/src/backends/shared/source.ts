/**
 * What a backend draws from, and how its drawing becomes the picture that was asked for.
 *
 * Scaling, "only masked" and putting the drawing back are done here for every backend alike, so a
 * pixel outside the mask is the owner's own whatever a backend does with masks. What a backend
 * answers is decoded before it counts as a picture: half a file and a page that says "error" are none.
 */

import { BeelineError } from "@beeline/protocol";
import type { DrawnImage, GenerateHooks, GenerateJob } from "../../image-backend.ts";
import { decodeMask, decodePicture, pictureType } from "../../images/decode.ts";
import { encodeMask, encodePng } from "../../images/encode.ts";
import { planRepaint, type RepaintPlan } from "../../images/only-masked.ts";
import { imageParameters } from "../../images/parameters.ts";
import { insertPngText, readPngText, removePngTexts } from "../../images/png-text.ts";
import type { Raster } from "../../images/raster.ts";

export type Source =
  | { readonly kind: "text" }
  | {
      readonly kind: "picture";
      /** PNGs of the size asked for; white of the mask is repainted. */
      readonly init: Uint8Array;
      readonly mask: Uint8Array | undefined;
      readonly plan: RepaintPlan;
    }
  /** Nothing is to be drawn: the result is this picture. */
  | { readonly kind: "still"; readonly raster: Raster };

/** @throws {BeelineError} `IMAGE_UNREADABLE` */
export async function readSource({ init, width, height }: GenerateJob): Promise<Source> {
  if (init === undefined) return { kind: "text" };
  const size = { width, height };
  const raster = await decodePicture(init.image, size);
  const mask = init.mask === undefined ? undefined : await decodeMask(init.mask, size);
  const plan = await planRepaint(raster, mask, init.maskedOnly);
  if (plan === undefined || init.denoiseStrength === 0) return { kind: "still", raster };
  return {
    kind: "picture",
    init: await encodePng(plan.init, ""),
    mask: plan.mask && (await encodeMask(plan.mask)),
    plan,
  };
}

/** One answer of a backend and what is known about it. */
export interface Answer {
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly seed: number;
  /** Names the program in `parameters` where it wrote none itself. */
  readonly program: string;
}

/** Texts in which ComfyUI keeps the graph, with paths and notes of the owner's. */
const WORKFLOW_TEXTS = ["prompt", "workflow"];

/**
 * The finished picture, with `parameters` kept or written and workflows left out.
 * @throws {BeelineError} `BACKEND_FAILED` when the answer is no picture of the size asked for.
 */
export async function finishImage(
  job: GenerateJob,
  source: Source,
  answer: Answer,
  keepWorkflow = false,
): Promise<DrawnImage> {
  const { index, seed } = answer;
  const mime = pictureType(answer.bytes);
  const drawn = await decodeAnswer(answer.bytes);
  if (mime === undefined || drawn.width !== job.width || drawn.height !== job.height) {
    throw new BeelineError(
      "BACKEND_FAILED",
      `it drew ${drawn.width} × ${drawn.height} pixels instead of ${job.width} × ${job.height}`,
    );
  }
  const made = { index, seed, width: drawn.width, height: drawn.height };
  const written = imageParameters(job, seed, answer.program);
  if (source.kind === "picture" && source.mask !== undefined) {
    const own = mime === "image/png" ? readPngText(answer.bytes, "parameters") : undefined;
    const bytes = await encodePng(await source.plan.finish(drawn), own ?? written);
    return { ...made, mime: "image/png", bytes };
  }
  if (mime !== "image/png") return { ...made, mime, bytes: answer.bytes };
  const png = keepWorkflow ? answer.bytes : removePngTexts(answer.bytes, WORKFLOW_TEXTS);
  const hasOwn = readPngText(png, "parameters") !== undefined;
  return { ...made, mime, bytes: hasOwn ? png : insertPngText(png, "parameters", written) };
}

/** Hands over the pictures of a job that needs no drawing. */
export async function showStill(
  job: GenerateJob,
  raster: Raster,
  program: string,
  { signal, onImage }: GenerateHooks,
): Promise<void> {
  const { width, height } = raster;
  for (let index = 0; index < job.quantity * job.batchSize; index++) {
    const seed = (job.seed + index) >>> 0;
    const bytes = await encodePng(raster, imageParameters(job, seed, program));
    if (signal.aborted) return;
    onImage({ index, seed, mime: "image/png", width, height, bytes });
  }
}

async function decodeAnswer(bytes: Uint8Array): Promise<Raster> {
  try {
    return await decodePicture(bytes);
  } catch (error) {
    const why = error instanceof BeelineError ? error.detail : String(error);
    throw new BeelineError("BACKEND_FAILED", `what it answered is no picture: ${why}`, {
      cause: error,
    });
  }
}
