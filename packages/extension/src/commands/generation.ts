/**
 * `image:txt2img` and `image:img2img`: from the command to finished pictures.
 *
 * The order never changes: resolve everything, read the input pictures and put them aside, wait for
 * the backend, draw, keep each picture as it lands. Nothing of a picture that was not finished ever
 * leaves.
 */

import { BeelineError, type ImageInfo, MAX_IMAGE_BYTES } from "@beeline/protocol";
import type { DrawnImage, GenerateJob, GenerateProgress, ImageBackend } from "../image-backend.ts";
import { Slots } from "../jobs/slots.ts";
import type { Turns } from "../jobs/turns.ts";
import type { GuardedFetch } from "../resources/guarded-fetch.ts";
import type { CommandOf, Fields, JobContext, JobHandlers } from "./command-table.ts";
import { readInputImage } from "./input-images.ts";
import { type Plan, planJob, type Shelf } from "./plan.ts";

/** Input pictures are held in memory while they are fetched; two at a time are 128 MB at most. */
const INPUTS_AT_ONCE = 2;

export interface GenerationPorts {
  readonly backend: ImageBackend;
  readonly shelf: Shelf;
  readonly turns: Turns;
  readonly fetch: GuardedFetch;
  /** An integer from 0 to 2³²-1. */
  readonly drawSeed: () => number;
}

type ImageName = "image:txt2img" | "image:img2img";
type ImageContext = JobContext<ImageName>;
type ImageFields = Fields<ImageName>;

export function generationHandlers(ports: GenerationPorts): Pick<JobHandlers, ImageName> {
  const inputs = new Slots(INPUTS_AT_ONCE);
  const draw = async (
    command: CommandOf<ImageName>,
    context: ImageContext,
  ): Promise<ImageFields> => {
    const capabilities = await ports.backend.capabilities();
    const plan = planJob(context.id, command.fields, capabilities, ports.shelf, ports.drawSeed);
    if (command.type === "image:img2img") {
      await inputs.use(context.signal, () => keepInputs(command, context, ports.fetch));
    }
    const endTurn = await ports.turns.take({
      id: context.id,
      client: context.owner,
      arrival: context.arrival,
      signal: context.signal,
      onPosition: (queuePosition) =>
        context.report({ status: "pending", progress: 0, queuePosition }),
    });
    try {
      const job = { ...plan, init: await readInit(command, context) };
      return await new Drawing(job, context).run(ports.backend);
    } finally {
      endTurn();
    }
  };
  return { "image:txt2img": draw, "image:img2img": draw };
}

async function keepInputs(
  command: CommandOf<"image:img2img">,
  context: ImageContext,
  fetch: GuardedFetch,
): Promise<void> {
  const { initImage, maskImage } = command.fields.params;
  const sources = { fetch, blobs: context.blobs, signal: context.signal };
  await context.keepInput("init", await readInputImage("params.initImage", initImage, sources));
  if (maskImage === undefined) return;
  await context.keepInput("mask", await readInputImage("params.maskImage", maskImage, sources));
}

async function readInit(
  command: CommandOf<ImageName>,
  context: ImageContext,
): Promise<GenerateJob["init"]> {
  if (command.type !== "image:img2img") return undefined;
  const { maskImage, denoiseStrength, maskedOnly } = command.fields.params;
  return {
    image: await context.readInput("init"),
    mask: maskImage === undefined ? undefined : await context.readInput("mask"),
    denoiseStrength,
    maskedOnly,
  };
}

/** One job at the backend. */
class Drawing {
  readonly #job: Plan & Pick<GenerateJob, "init">;
  readonly #context: ImageContext;
  readonly #images: ImageInfo[] = [];
  /** Pictures are kept one after the other, in the order in which they came. */
  #kept: Promise<void> = Promise.resolve();
  #failure: unknown;
  #state: ImageFields = { status: "processing", progress: 0, queuePosition: 0, images: [] };

  constructor(job: Plan & Pick<GenerateJob, "init">, context: ImageContext) {
    this.#job = job;
    this.#context = context;
  }

  async run(backend: ImageBackend): Promise<ImageFields> {
    const { signal } = this.#context;
    // The backend's own stop: fires with the job's, and when its pictures cannot be kept.
    const stop = new AbortController();
    const hooks = {
      signal: AbortSignal.any([signal, stop.signal]),
      onProgress: this.#onProgress,
      onPreview: this.#onPreview,
      onImage: (image: DrawnImage) => this.#onImage(image, stop),
    };
    this.#context.report(this.#state);
    try {
      await backend.generate(this.#job, hooks);
    } catch (error) {
      signal.throwIfAborted();
      await this.#kept;
      throw this.#failure ?? asBackendError(error);
    }
    await this.#kept;
    signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const wanted = this.#job.quantity * this.#job.batchSize;
    if (this.#images.length !== wanted) {
      const detail = `${this.#images.length} of ${wanted} pictures came`;
      throw new BeelineError("BACKEND_FAILED", detail);
    }
    return { status: "success", progress: 100, images: this.#images };
  }

  readonly #onProgress = (progress: GenerateProgress): void => {
    if (this.#context.signal.aborted) return;
    const { etaMs, queued = 0, ...figures } = progress;
    const { etaMs: _old, ...state } = this.#state;
    this.#state = {
      ...state,
      ...figures,
      queuePosition: queued,
      progress: percent(progress.progress),
      ...(etaMs !== undefined && { etaMs: Math.max(0, Math.round(etaMs)) }),
    };
    this.#context.progress(this.#state);
  };

  readonly #onPreview = (preview: { index: number; mime: string; bytes: Uint8Array }): void => {
    if (!this.#context.signal.aborted) this.#context.preview(preview);
  };

  #onImage(image: DrawnImage, stop: AbortController): void {
    this.#kept = this.#kept
      .then(() => this.#keep(image))
      .catch((error: unknown) => {
        this.#failure ??= error;
        stop.abort(error);
      });
  }

  async #keep(image: DrawnImage): Promise<void> {
    if (this.#context.signal.aborted || this.#failure !== undefined) return;
    if (image.index !== this.#images.length) {
      throw new BeelineError("BACKEND_FAILED", `picture ${image.index} came out of order`);
    }
    if (image.bytes.length === 0 || image.bytes.length > MAX_IMAGE_BYTES) {
      throw new BeelineError(
        "BACKEND_FAILED",
        `picture ${image.index} has ${image.bytes.length} bytes`,
      );
    }
    this.#images.push(await this.#context.keepImage(image));
    this.#state = { ...this.#state, images: [...this.#images] };
    this.#context.report(this.#state);
  }
}

/** 0 to 100 with two decimals, whatever a backend says. */
function percent(value: number): number {
  return Number.isFinite(value) ? Math.round(Math.min(100, Math.max(0, value)) * 100) / 100 : 0;
}

function asBackendError(error: unknown): BeelineError {
  if (error instanceof BeelineError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new BeelineError("BACKEND_FAILED", words, { cause: error });
}
