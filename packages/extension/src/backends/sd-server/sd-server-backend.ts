/**
 * sd-server of stable-diffusion.cpp, by its own asynchronous API.
 *
 * One model per process, chosen when it was started: any other is refused here, because the server
 * draws with its own whatever it is asked for, and the hash that it shows is a constant. It has no
 * steps to report and stops only what still waits, so each picture is a job of its own: progress and
 * cancel then come at least between two pictures.
 */

import { dirname, isAbsolute } from "node:path";
import { BeelineError } from "@beeline/protocol";
import type {
  BackendCapabilities,
  GenerateHooks,
  GenerateJob,
  ImageBackend,
  ModelFolder,
} from "../../image-backend.ts";
import { canceled, pause, untilAborted } from "../shared/abort.ts";
import { base64Bytes, parseAnswer } from "../shared/answers.ts";
import {
  type BackendAddress,
  BackendHttp,
  failure,
  MAX_PICTURES_BYTES,
  parseJson,
  refusal,
} from "../shared/backend-http.ts";
import { findListed } from "../shared/files.ts";
import { JobProgress } from "../shared/progress.ts";
import { samplerTable } from "../shared/samplers.ts";
import { finishImage, readSource, type Source, showStill } from "../shared/source.ts";
import { Accepted, Capabilities, Job } from "./job-answer.ts";

export interface SdServerOptions extends BackendAddress {
  /** Between two looks at a job, in ms. Default 300. */
  readonly pollMs?: number;
  /** How long the server may be unreachable in mid-job, in ms. Default 30 s. */
  readonly downMs?: number;
}

const POLL_MS = 300;
const DOWN_MS = 30_000;
const PROGRAM = "stable-diffusion.cpp";
const CAPABILITIES = "/sdcpp/v1/capabilities";

export class SdServerBackend implements ImageBackend {
  readonly #http: BackendHttp;
  readonly #pollMs: number;
  readonly #downMs: number;

  constructor(options: SdServerOptions) {
    this.#http = new BackendHttp(options);
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#downMs = options.downMs ?? DOWN_MS;
  }

  async probe(): Promise<void> {
    if (Capabilities.safeParse(await this.#http.jsonIfThere(CAPABILITIES)).success) return;
    throw new BeelineError(
      "BACKEND_UNAVAILABLE",
      `${this.#http.url} is not an sd-server with the sdcpp API`,
    );
  }

  async capabilities(): Promise<BackendCapabilities> {
    const capabilities = await this.#capabilities();
    const features = capabilities.features_by_mode.img_gen ?? {};
    return {
      kind: "sd-server",
      name: `${PROGRAM} (${capabilities.model.stem || capabilities.model.name})`,
      demo: false,
      img2img: features.init_image !== false,
      mask: features.mask_image !== false,
      // Chosen when it was started, as the model was.
      vae: false,
      networks: features.lora === false ? [] : ["lora"],
      samplers: [...samplerTable("sdServer", capabilities).keys()],
      progress: "images",
      previews: false,
      cancels: "queued",
    };
  }

  /** It says only where its model lies, and that only when it was started with a whole path. */
  async folders(): Promise<readonly ModelFolder[]> {
    const { path } = (await this.#capabilities()).model;
    return isAbsolute(path) ? [{ type: "checkpoint", path: dirname(path) }] : [];
  }

  /** Nothing to do: it looks for LoRAs when it is asked for one. */
  async refresh(): Promise<void> {}

  async generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    await untilAborted(this.#draw(job, hooks), hooks.signal);
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #draw(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    const source = await readSource(job);
    if (source.kind === "still") return showStill(job, source.raster, PROGRAM, hooks);
    const body = await this.#request(job, source);
    const images = job.quantity * job.batchSize;
    const progress = new JobProgress({
      images,
      steps: job.steps,
      onProgress: hooks.onProgress,
      clock: () => performance.now(),
    });
    for (let index = 0; index < images; index++) {
      if (hooks.signal.aborted) throw canceled();
      const seed = (job.seed + index) >>> 0;
      const bytes = await this.#drawOne({ ...body, seed }, index, progress, hooks.signal);
      // It may have been started anew with another model in the meantime.
      await this.#requireModel(job, await this.#capabilities());
      const image = await finishImage(job, source, { bytes, index, seed, program: PROGRAM });
      if (hooks.signal.aborted) throw canceled();
      hooks.onImage(image);
      progress.at(index + 1, 0, 0);
    }
  }

  async #request(job: GenerateJob, source: Source): Promise<Record<string, unknown>> {
    const capabilities = await this.#capabilities();
    await this.#requireModel(job, capabilities);
    const words = samplerTable("sdServer", capabilities).get(job.sampler);
    if (words === undefined) {
      throw new BeelineError("SAMPLER_NOT_FOUND", `sd-server has no sampler "${job.sampler}"`);
    }
    const lora: { path: string; multiplier: number }[] = [];
    for (const network of job.networks) {
      const entry = network.type === "lora" && (await findListed(network, capabilities.loras));
      if (!entry) {
        throw new BeelineError(
          "RESOURCE_NOT_FOUND",
          `sd-server does not list the ${network.type} "${network.name}"`,
        );
      }
      lora.push({ path: entry.path, multiplier: network.strength });
    }
    if (job.vae !== undefined) {
      throw new BeelineError("COMMAND_UNSUPPORTED", "sd-server uses the VAE it was started with");
    }
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
    return {
      prompt: job.prompt,
      negative_prompt: job.negativePrompt,
      width: job.width,
      height: job.height,
      batch_count: 1,
      clip_skip: job.clipSkip ?? -1,
      sample_params: {
        sample_method: words.sampler,
        scheduler: words.scheduler,
        sample_steps: job.steps,
        guidance: { txt_cfg: job.cfgScale },
      },
      lora,
      output_format: "png",
      embed_image_metadata: true,
      ...(source.kind === "picture" && {
        init_image: base64(source.init),
        strength: job.init?.denoiseStrength,
        ...(source.mask && { mask_image: base64(source.mask) }),
      }),
    };
  }

  async #requireModel(job: GenerateJob, { model }: Capabilities): Promise<void> {
    if ((await findListed(job.model, [{ path: model.path || model.name }])) !== undefined) return;
    throw new BeelineError(
      "MODEL_NOT_FOUND",
      `sd-server was started with "${model.name}" and draws with no other; "${job.model.name}" was asked for`,
    );
  }

  async #drawOne(
    body: Record<string, unknown>,
    index: number,
    progress: JobProgress,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const id = await this.#submit(body, progress, signal);
    const path = `/sdcpp/v1/jobs/${encodeURIComponent(id)}`;
    let reachedAt = performance.now();
    for (;;) {
      if (signal.aborted) {
        // It ends what waits; what it draws already it draws to the end, unheard.
        await this.#http.send(`${path}/cancel`, { method: "POST" }).catch(() => undefined);
        throw canceled();
      }
      try {
        const job = await this.#look(path);
        reachedAt = performance.now();
        if (job.status === "completed") return pictureOf(job);
        if (job.status === "failed") throw failure(job.error?.message || "the drawing failed");
        if (job.status === "cancelled") {
          throw new BeelineError("BACKEND_FAILED", "somebody cancelled the job at sd-server");
        }
        if (job.status === "queued") progress.waiting(job.queue_position);
        else progress.at(index, 1, 0);
      } catch (error) {
        const isDown = error instanceof BeelineError && error.code === "BACKEND_UNAVAILABLE";
        if (!isDown || performance.now() - reachedAt > this.#downMs) throw error;
      }
      await pause(this.#pollMs, signal);
    }
  }

  /** Waits for a place while the server's queue is full of others' jobs. */
  async #submit(
    body: Record<string, unknown>,
    progress: JobProgress,
    signal: AbortSignal,
  ): Promise<string> {
    const path = "/sdcpp/v1/img_gen";
    for (;;) {
      const answer = await this.#http.send(path, { body, signal, timeoutMs: undefined });
      if (answer.status === 202 || answer.status === 200) {
        return parseAnswer(Accepted, parseJson(answer.bytes, path), path).id;
      }
      if (answer.status !== 429) throw refusal(this.#http.url, path, answer);
      progress.waiting(1);
      await pause(this.#pollMs, signal);
      if (signal.aborted) throw canceled();
    }
  }

  async #look(path: string): Promise<Job> {
    const answer = await this.#http.send(path, { maxBytes: MAX_PICTURES_BYTES });
    if (answer.status === 404 || answer.status === 410) {
      throw new BeelineError(
        "BACKEND_FAILED",
        "sd-server no longer knows the job: it was restarted",
      );
    }
    if (answer.status !== 200) throw refusal(this.#http.url, path, answer);
    return parseAnswer(Job, parseJson(answer.bytes, path), path);
  }

  async #capabilities(): Promise<Capabilities> {
    return parseAnswer(Capabilities, await this.#http.json(CAPABILITIES), CAPABILITIES);
  }
}

function pictureOf(job: Job): Uint8Array {
  const bytes = base64Bytes(job.result?.images[0]?.b64_json ?? "");
  if (bytes !== undefined) return bytes;
  throw new BeelineError("BACKEND_FAILED", "sd-server ended the job without a picture");
}
