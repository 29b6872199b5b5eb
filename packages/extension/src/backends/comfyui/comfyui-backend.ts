/**
 * ComfyUI: a graph per picture, over HTTP, with its socket for progress and previews.
 *
 * The first picture's prompt carries the job's id, so that ComfyUI's own log and queue name it.
 * Pictures come from `/view`, which survives a broken socket, and lie in ComfyUI's temporary folder.
 * A cancel ends the job at once; the prompt is removed behind it, before the next one is sent.
 */

import { createHash, randomUUID } from "node:crypto";
import { BeelineError } from "@beeline/protocol";
import { FormData } from "undici";
import { z } from "zod";
import type {
  BackendCapabilities,
  DrawnImage,
  GenerateHooks,
  GenerateJob,
  ImageBackend,
  ModelFolder,
} from "../../image-backend.ts";
import { canceled, untilAborted } from "../shared/abort.ts";
import { parseAnswer } from "../shared/answers.ts";
import {
  type BackendAddress,
  BackendHttp,
  MAX_PICTURES_BYTES,
  parseJson,
  refusal,
} from "../shared/backend-http.ts";
import { Previews } from "../shared/previews.ts";
import { JobProgress } from "../shared/progress.ts";
import { finishImage, readSource, type Source, showStill } from "../shared/source.ts";
import { Catalogue, type Resolved } from "./catalogue.ts";
import { ComfySocket } from "./comfy-socket.ts";
import type { ComfyEvent } from "./events.ts";
import { PromptRun } from "./prompt-run.ts";
import type { PictureFile } from "./prompt-state.ts";
import { buildWorkflow, SAMPLER_NODE, type WorkflowJob } from "./workflow.ts";

export interface ComfyUiOptions extends BackendAddress {
  /** Leaves the graph in the pictures: it may hold paths of the owner's. Default false. */
  readonly keepWorkflow?: boolean;
  /** Between two questions while the socket says nothing, in ms. Default 5 s. */
  readonly askMs?: number;
  /** How long ComfyUI may be unreachable in mid-job, in ms. Default 60 s: it restarts in less. */
  readonly downMs?: number;
}

const ASK_MS = 5_000;
const DOWN_MS = 60_000;
const PROGRAM = "ComfyUI";

const SystemStats = z.looseObject({ system: z.looseObject({}) });
const Uploaded = z.looseObject({
  name: z.string(),
  subfolder: z.string().default(""),
  type: z.string().default("temp"),
});

interface Drawing {
  readonly job: GenerateJob;
  readonly source: Source;
  readonly resolved: Resolved;
  readonly init: WorkflowJob["init"];
  readonly hooks: GenerateHooks;
  readonly progress: JobProgress;
  readonly previews: Previews;
}

export class ComfyUiBackend implements ImageBackend {
  readonly #http: BackendHttp;
  readonly #options: ComfyUiOptions;
  /** One for each adapter: ComfyUI gives the place of whoever had the same before. */
  readonly #clientId = randomUUID();
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: ComfyUiOptions) {
    this.#options = options;
    this.#http = new BackendHttp(options);
  }

  async probe(): Promise<void> {
    const stats = SystemStats.safeParse(await this.#http.jsonIfThere("/system_stats"));
    if (stats.success) return;
    throw new BeelineError("BACKEND_UNAVAILABLE", `${this.#http.url} is not ComfyUI`);
  }

  async capabilities(): Promise<BackendCapabilities> {
    const samplers = await new Catalogue(this.#http).samplers();
    return {
      kind: "comfyui",
      name: PROGRAM,
      demo: false,
      img2img: true,
      mask: true,
      vae: true,
      networks: ["lora", "hypernet"],
      samplers: [...samplers.keys()],
      progress: "steps",
      previews: true,
      cancels: "running",
    };
  }

  folders(): Promise<readonly ModelFolder[]> {
    return new Catalogue(this.#http).folders();
  }

  /** Nothing to do: ComfyUI reads a folder anew when it has changed. */
  async refresh(): Promise<void> {}

  async generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    await untilAborted(this.#busy, hooks.signal);
    const work = this.#draw(job, hooks);
    this.#busy = work.catch(() => undefined);
    await untilAborted(work, hooks.signal);
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #draw(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    const source = await readSource(job);
    if (source.kind === "still") return showStill(job, source.raster, PROGRAM, hooks);
    const resolved = await new Catalogue(this.#http).resolve(job);
    const init = await this.#upload(job, source);
    const clock = () => performance.now();
    const images = job.quantity * job.batchSize;
    const { steps } = job;
    const progress = new JobProgress({ images, steps, onProgress: hooks.onProgress, clock });
    const previews = new Previews(hooks, clock);
    const drawing = { job, source, resolved, init, hooks, progress, previews };
    try {
      for (let index = 0; index < images; index++) {
        if (hooks.signal.aborted) throw canceled();
        const image = await this.#drawOne(drawing, index);
        if (hooks.signal.aborted) throw canceled();
        previews.stop();
        hooks.onImage(image);
        progress.at(index + 1, 0, 0);
      }
    } finally {
      previews.stop();
    }
  }

  async #drawOne(drawing: Drawing, index: number): Promise<DrawnImage> {
    const { job, source } = drawing;
    const seed = (job.seed + index) >>> 0;
    let bytes = await this.#runOnce(drawing, index, seed, promptId(job.id, index));
    // Its temporary folder was emptied between drawing and fetching: drawn again, under a new id.
    bytes ??= await this.#runOnce(drawing, index, seed, randomUUID());
    if (bytes === undefined) {
      throw new BeelineError("BACKEND_FAILED", "ComfyUI does not have the picture that it drew");
    }
    const answer = { bytes, index, seed, program: PROGRAM };
    return finishImage(job, source, answer, this.#options.keepWorkflow);
  }

  /** The picture's file, or undefined when ComfyUI no longer has it. */
  async #runOnce(
    drawing: Drawing,
    index: number,
    seed: number,
    id: string,
  ): Promise<Uint8Array | undefined> {
    const { job, resolved, init, hooks, progress, previews } = drawing;
    const run = new PromptRun({
      http: this.#http,
      clientId: this.#clientId,
      id,
      graph: buildWorkflow({ ...job, ...resolved, init, seed, marker: id }),
      signal: hooks.signal,
      askMs: this.#options.askMs ?? ASK_MS,
      downMs: this.#options.downMs ?? DOWN_MS,
      onPending: (ahead) => {
        if (!hooks.signal.aborted) progress.waiting(ahead);
      },
    });
    const onEvent = (event: ComfyEvent): void => {
      run.hear(event);
      if (hooks.signal.aborted) return;
      if (event.kind === "progress" && event.promptId === run.id && event.node === SAMPLER_NODE) {
        progress.at(index, 1, event.value / event.max, event.max);
      }
      if (event.kind !== "preview") return;
      // Without an id it belongs to whatever this client has running.
      const isOurs = event.promptId === run.id || (event.promptId === undefined && run.isRunning);
      if (isOurs) previews.offer(index, event.bytes);
    };
    const { url, headers } = this.#options;
    const socket = new ComfySocket({
      url,
      headers,
      clientId: this.#clientId,
      onEvent,
      onOpen: () => run.ask(),
    });
    try {
      return await this.#fetch(await run.run(), hooks.signal);
    } finally {
      socket.close();
    }
  }

  async #fetch(file: PictureFile, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const query = new URLSearchParams({
      filename: file.filename,
      subfolder: file.subfolder,
      type: file.type,
    });
    const path = `/view?${query}`;
    const asked = { signal, maxBytes: MAX_PICTURES_BYTES, timeoutMs: undefined };
    const answer = await this.#http.send(path, asked);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusal(this.#http.url, path, answer);
    return answer.bytes;
  }

  async #upload(job: GenerateJob, source: Source): Promise<WorkflowJob["init"]> {
    if (source.kind !== "picture" || job.init === undefined) return undefined;
    return {
      image: await this.#uploadOne(`${job.id}-init.png`, source.init),
      mask: source.mask && (await this.#uploadOne(`${job.id}-mask.png`, source.mask)),
      denoise: job.init.denoiseStrength,
    };
  }

  /** Into the temporary folder, which ComfyUI empties when it starts. */
  async #uploadOne(name: string, bytes: Uint8Array): Promise<string> {
    const form = new FormData();
    form.append("image", new Blob([new Uint8Array(bytes)], { type: "image/png" }), name);
    form.append("type", "temp");
    form.append("subfolder", "beeline");
    form.append("overwrite", "true");
    const path = "/upload/image";
    const answer = await this.#http.send(path, { body: form, timeoutMs: undefined });
    if (answer.status !== 200) throw refusal(this.#http.url, path, answer);
    const uploaded = parseAnswer(Uploaded, parseJson(answer.bytes, path), path);
    const below = uploaded.subfolder === "" ? "" : `${uploaded.subfolder}/`;
    return `${below}${uploaded.name} [${uploaded.type}]`;
  }
}

/** The job's own id for its first picture; the others' follow from it and look like one. */
function promptId(jobId: string, index: number): string {
  if (index === 0) return jobId;
  const hex = createHash("sha256").update(`${jobId} ${index}`).digest("hex");
  return [8, 12, 16, 20, 32].map((end, at, ends) => hex.slice(ends[at - 1] ?? 0, end)).join("-");
}
