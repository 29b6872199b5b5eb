/**
 * AUTOMATIC1111, Forge and SD.Next: one adapter, three dialects.
 *
 * Requests answer only when a batch is done, so each batch is a request of its own and its pictures
 * land as they are ready; progress is watched from beside it. A cancel ends the job at once, while
 * the program is stopped behind it; the next job waits until it is, because an interrupt hits
 * whatever runs. Half-drawn pictures, which an interrupt answers as if they were done, are dropped.
 */

import { BeelineError } from "@beeline/protocol";
import type {
  BackendCapabilities,
  GenerateHooks,
  GenerateJob,
  ImageBackend,
  ModelFolder,
} from "../../image-backend.ts";
import { canceled, pause, untilAborted } from "../shared/abort.ts";
import {
  type BackendAddress,
  BackendHttp,
  MAX_PICTURES_BYTES,
  parseJson,
  refusal,
} from "../shared/backend-http.ts";
import { Previews } from "../shared/previews.ts";
import { JobProgress } from "../shared/progress.ts";
import { joinedSamplers } from "../shared/samplers.ts";
import { finishImage, readSource, type Source, showStill } from "../shared/source.ts";
import { checkAnswer } from "./answer.ts";
import { Catalogue, type Resolved } from "./catalogue.ts";
import { type Dialect, requireDialect } from "./dialect.ts";
import { batchRequest, seedOf } from "./request.ts";
import { Watch } from "./watch.ts";

export interface A1111Options extends BackendAddress {
  /** Least time between two looks at the progress in ms; absent: the dialect's. */
  readonly pollMs?: number;
  /** How long the program may say nothing, or be idle under our request. Default 60 s. */
  readonly silenceMs?: number;
}

/** Loading a model blocks some versions entirely for half a minute. */
const SILENCE_MS = 60_000;
/** SD.Next turns requests away for up to a minute; more often than this is no rate limit. */
const MAX_TURNED_AWAY = 5;
const TURNED_AWAY_MS = 15_000;

interface Batch {
  readonly job: GenerateJob;
  readonly resolved: Resolved;
  readonly source: Source;
  readonly dialect: Dialect;
  readonly progress: JobProgress;
  readonly previews: Previews;
  readonly batch: number;
  readonly hooks: GenerateHooks;
}

export class A1111Backend implements ImageBackend {
  readonly #http: BackendHttp;
  readonly #options: A1111Options;
  #dialect: Dialect | undefined;
  /** Settles when the program is done with what this adapter asked of it last. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: A1111Options) {
    this.#options = options;
    this.#http = new BackendHttp(options);
  }

  async probe(): Promise<void> {
    this.#dialect = await requireDialect(this.#http);
  }

  async capabilities(): Promise<BackendCapabilities> {
    const dialect = await this.#speak();
    const samplers = joinedSamplers(await new Catalogue(this.#http, dialect).samplers());
    return {
      kind: dialect.kind,
      name: dialect.name,
      demo: false,
      img2img: true,
      mask: true,
      vae: true,
      networks: dialect.hypernets ? ["lora", "hypernet"] : ["lora"],
      samplers,
      progress: "steps",
      previews: true,
      cancels: "running",
    };
  }

  async folders(): Promise<readonly ModelFolder[]> {
    return new Catalogue(this.#http, await this.#speak()).folders();
  }

  async refresh(): Promise<void> {
    await new Catalogue(this.#http, await this.#speak()).refresh();
  }

  async generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    await untilAborted(this.#busy, hooks.signal);
    const work = this.#draw(job, hooks);
    this.#busy = work.catch(() => undefined);
    await untilAborted(work, hooks.signal);
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #speak(): Promise<Dialect> {
    this.#dialect ??= await requireDialect(this.#http);
    return this.#dialect;
  }

  async #draw(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    const dialect = await this.#speak();
    const source = await readSource(job);
    if (source.kind === "still") return showStill(job, source.raster, dialect.name, hooks);
    const resolved = await new Catalogue(this.#http, dialect).resolve(job);
    const clock = () => performance.now();
    const previews = new Previews(hooks, clock);
    const progress = new JobProgress({
      images: job.quantity * job.batchSize,
      steps: job.steps,
      onProgress: hooks.onProgress,
      clock,
    });
    try {
      for (let batch = 0; batch < job.quantity; batch++) {
        if (hooks.signal.aborted) throw canceled();
        await this.#drawBatch({ job, resolved, source, dialect, progress, previews, batch, hooks });
      }
    } finally {
      previews.stop();
    }
  }

  async #drawBatch(asked: Batch): Promise<void> {
    const { job, resolved, source, dialect, previews, batch, hooks } = asked;
    const taskId = `task(beeline-${job.id}-${batch})`;
    const watch = new Watch(this.#http, dialect, taskId);
    await watch.begin();
    const samplers = await new Catalogue(this.#http, dialect).samplers();
    const { path, body } = batchRequest({
      job,
      resolved,
      samplers,
      source,
      dialect,
      batch,
      taskId,
    });
    const ended = new AbortController();
    const answer = this.#post(path, body, ended.signal);
    const lost = this.#follow(watch, asked, ended.signal).catch((error: unknown) => {
      ended.abort(error);
    });
    let value: unknown;
    try {
      value = await answer;
    } finally {
      ended.abort(canceled());
      await lost;
    }
    previews.stop();
    if (hooks.signal.aborted) throw canceled();
    const count = job.batchSize;
    const seed = seedOf(job, batch);
    const drawn = checkAnswer(value, path, {
      resolved,
      dialect,
      sha256: job.model.hash,
      seed,
      count,
    });
    if (await watch.wasStopped(drawn.jobTimestamp)) {
      throw new BeelineError("BACKEND_FAILED", `somebody stopped the drawing in ${dialect.name}`);
    }
    for (const [index, picture] of drawn.pictures.entries()) {
      const place = batch * count + index;
      const answered = { ...picture, index: place, program: dialect.name };
      const image = await finishImage(job, source, answered);
      if (hooks.signal.aborted) throw canceled();
      hooks.onImage(image);
    }
    asked.progress.at((batch + 1) * count, 0, 0);
  }

  /** Sends a batch, again when the program turns it away for having too many requests. */
  async #post(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    for (let turnedAway = 0; ; turnedAway++) {
      const asked = { body, signal, timeoutMs: undefined, maxBytes: MAX_PICTURES_BYTES };
      const answer = await this.#http.send(path, asked);
      if (answer.status >= 200 && answer.status < 300) return parseJson(answer.bytes, path);
      if (answer.status !== 429 || turnedAway >= MAX_TURNED_AWAY) {
        throw asSamplerError(refusal(this.#http.url, path, answer));
      }
      const seconds = Number(answer.headers["retry-after"]);
      const waitMs = Number.isFinite(seconds) ? seconds * 1000 : TURNED_AWAY_MS;
      await pause(Math.min(waitMs, TURNED_AWAY_MS), signal);
      signal.throwIfAborted();
    }
  }

  /** Reports until `ended`; stops the program when the job is canceled. Rejects when it is lost. */
  async #follow(watch: Watch, asked: Batch, ended: AbortSignal): Promise<void> {
    const { job, progress, previews, batch, hooks, dialect } = asked;
    const { silenceMs = SILENCE_MS, pollMs = dialect.pollMs } = this.#options;
    let aliveAt = performance.now();
    while (!ended.aborted) {
      await pause(pollMs, AbortSignal.any([ended, hooks.signal]));
      // A canceled job is looked after in the same rhythm.
      if (hooks.signal.aborted) await pause(pollMs, ended);
      if (ended.aborted) return;
      try {
        const sight = await watch.look();
        if (sight.state !== "idle") aliveAt = performance.now();
        if (hooks.signal.aborted) {
          if (sight.state === "ours") await watch.interrupt();
        } else if (sight.state === "queued") {
          progress.waiting(sight.ahead);
        } else if (sight.state === "ours") {
          progress.at(batch * job.batchSize, job.batchSize, sight.fraction);
          if (sight.preview) previews.offer(batch * job.batchSize, sight.preview);
        }
      } catch {
        // Busy, rate-limited or gone: the silence decides.
      }
      if (performance.now() - aliveAt > silenceMs) {
        throw new BeelineError(
          "BACKEND_UNAVAILABLE",
          `${dialect.name} has said nothing of this job for ${Math.round(silenceMs / 1000)} s`,
        );
      }
    }
  }
}

/** The program refuses a sampler with a 400 of its own. */
function asSamplerError(error: BeelineError): BeelineError {
  if (!/sampler not found/i.test(error.detail)) return error;
  return new BeelineError("SAMPLER_NOT_FOUND", error.detail);
}
