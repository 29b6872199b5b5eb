/**
 * The built-in renderer: a picture within a minute of the first start, without Stable Diffusion.
 *
 * It answers to everything a job can ask for (model, VAE, networks, sampler, seed, steps, img2img,
 * masks) so that the whole link can be seen and tested, and it says what it is: in its capabilities,
 * in the picture and in the picture's metadata. Nobody but its owner chooses it; it never stands in
 * for a backend that failed. Drawing happens on a thread; here are only order, pace and cancel.
 */

import { BeelineError } from "@beeline/protocol";
import type {
  BackendCapabilities,
  GenerateHooks,
  GenerateJob,
  ImageBackend,
} from "../../image-backend.ts";
import { decodeMask, decodePicture } from "../../images/decode.ts";
import { encodePng } from "../../images/encode.ts";
import type { RepaintPlan } from "../../images/only-masked.ts";
import { planRepaint } from "../../images/only-masked.ts";
import { imageParameters } from "../../images/parameters.ts";
import type { Raster } from "../../images/raster.ts";
import { DrawingThread } from "./drawing-thread.ts";
import { addLook } from "./look.ts";
import { Pace } from "./pace.ts";
import { PreviewFeed } from "./preview-feed.ts";
import type { Recipe } from "./recipe.ts";
import { stepsToDraw } from "./recipe.ts";
import { resourceLook } from "./resource-look.ts";
import { isSamplerName, SAMPLER_NAMES } from "./samplers.ts";

export interface DemoBackendOptions {
  /** Least duration of one step in ms, so that progress and cancel can be seen. Default 60. */
  readonly stepMs?: number;
  /** Least time between two previews in ms. Default 300: about three a second. */
  readonly previewMs?: number;
}

const VERSION = "beeline-demo";

const CAPABILITIES: BackendCapabilities = {
  kind: "demo",
  name: "Built-in demo renderer (not Stable Diffusion)",
  demo: true,
  img2img: true,
  mask: true,
  vae: true,
  networks: ["lora", "hypernet"],
  samplers: SAMPLER_NAMES,
  progress: "steps",
  previews: true,
  cancels: "running",
};

/** What a job draws from: `still` is a picture that needs no drawing at all. */
type Source =
  | { readonly kind: "noise" }
  | { readonly kind: "plan"; readonly plan: RepaintPlan }
  | { readonly kind: "still"; readonly raster: Raster };

async function readSource({ init, width, height }: GenerateJob): Promise<Source> {
  if (init === undefined) return { kind: "noise" };
  const size = { width, height };
  const raster = await decodePicture(init.image, size);
  const mask = init.mask === undefined ? undefined : await decodeMask(init.mask, size);
  const plan = await planRepaint(raster, mask, init.maskedOnly);
  if (plan === undefined || init.denoiseStrength === 0) return { kind: "still", raster };
  return { kind: "plan", plan };
}

/** Steps of one picture; one that needs no drawing counts as one, to show that it is done. */
function stepsOf(source: Source, recipe: Recipe): number {
  return source.kind === "still" ? 1 : stepsToDraw(recipe);
}

/** The recipe of a job's first picture. */
async function readRecipe(job: GenerateJob): Promise<Recipe> {
  const { sampler } = job;
  if (!isSamplerName(sampler)) {
    throw new BeelineError("SAMPLER_NOT_FOUND", `the demo renderer has no sampler "${sampler}"`);
  }
  const checkpoint = await resourceLook(job.model, "checkpoint");
  let { look } = checkpoint;
  if (job.vae !== undefined) look = addLook(look, (await resourceLook(job.vae, "vae")).look, 1);
  for (const network of job.networks) {
    look = addLook(look, (await resourceLook(network, "network")).look, network.strength);
  }
  return {
    width: job.width,
    height: job.height,
    prompt: job.prompt,
    negativePrompt: job.negativePrompt,
    seed: job.seed,
    steps: job.steps,
    cfgScale: job.cfgScale,
    clipSkip: job.clipSkip ?? 1,
    sampler,
    palette: checkpoint.palette,
    look,
    files: [
      job.model.hash,
      job.vae?.hash ?? "",
      ...job.networks.map(({ type, hash, strength }) => `${type} ${hash} ${strength}`),
    ],
    denoise: job.init?.denoiseStrength ?? 1,
  };
}

/** Settles with `work`, or rejects as soon as the signal fires; the work then ends unheard. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(canceled());
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

const canceled = (): BeelineError => new BeelineError("CANCELED", "the job was canceled");

function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw canceled();
}

export class DemoBackend implements ImageBackend {
  readonly #stepMs: number;
  readonly #previewMs: number;
  #thread: DrawingThread | undefined;
  /** Settles when the thread has left the picture before: it holds one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ stepMs = 60, previewMs = 300 }: DemoBackendOptions = {}) {
    this.#stepMs = stepMs;
    this.#previewMs = previewMs;
  }

  /** It is always there; its thread starts now, so that the first job need not wait for it. */
  async probe(): Promise<void> {
    this.#startThread();
  }

  async capabilities(): Promise<BackendCapabilities> {
    return CAPABILITIES;
  }

  /** Nothing to do: files are read for each job. */
  async refresh(): Promise<void> {}

  async generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    const { signal } = hooks;
    const recipe = await untilAborted(readRecipe(job), signal);
    const source = await untilAborted(readSource(job), signal);
    const images = job.quantity * job.batchSize;
    const pace = new Pace(this.#stepMs, images * stepsOf(source, recipe));
    const previews = new PreviewFeed(hooks.onPreview, this.#previewMs);
    try {
      for (let index = 0; index < images; index++) {
        const seed = (job.seed + index) >>> 0;
        const raster = await untilAborted(
          this.#inTurn(() => this.#draw({ ...recipe, seed }, source, index, pace, previews, hooks)),
          signal,
        );
        previews.stop();
        const parameters = imageParameters(job, seed, VERSION);
        const bytes = await untilAborted(encodePng(raster, parameters), signal);
        const { width, height } = raster;
        hooks.onImage({ index, seed, mime: "image/png", width, height, bytes });
      }
    } finally {
      previews.stop();
    }
  }

  async close(): Promise<void> {
    await this.#thread?.close();
    this.#thread = undefined;
  }

  #startThread(): DrawingThread {
    if (this.#thread?.alive !== true) this.#thread = new DrawingThread();
    return this.#thread;
  }

  /** Runs `draw` when the picture before is done or has noticed that it was canceled. */
  #inTurn(draw: () => Promise<Raster>): Promise<Raster> {
    const drawn = this.#turn.then(draw);
    this.#turn = drawn.catch(() => undefined);
    return drawn;
  }

  /** One picture, step by step; stops between two steps once the signal has fired. */
  async #draw(
    recipe: Recipe,
    source: Source,
    index: number,
    pace: Pace,
    previews: PreviewFeed,
    { signal, onProgress }: GenerateHooks,
  ): Promise<Raster> {
    const steps = stepsOf(source, recipe);
    const report = async (step: number): Promise<void> => {
      await pace.step();
      stopIfAborted(signal);
      onProgress({ progress: pace.progress, step, steps, etaMs: pace.etaMs });
      // The listener itself may have canceled.
      stopIfAborted(signal);
    };
    stopIfAborted(signal);
    if (source.kind === "still") {
      await report(1);
      return source.raster;
    }
    const thread = this.#startThread();
    const plan = source.kind === "plan" ? source.plan : undefined;
    await thread.begin(recipe, plan?.init);
    for (let step = 1; step <= steps; step++) {
      const side = step < steps ? previews.sideAt(performance.now()) : 0;
      const preview = await thread.step(side);
      await report(step);
      if (preview !== undefined) previews.show(index, preview, performance.now());
    }
    const drawn = await thread.result();
    return plan === undefined ? drawn : plan.finish(drawn);
  }
}
