/**
 * sd-server of stable-diffusion.cpp as its native API behaves, misbehaviour included.
 *
 * Follows leejet/stable-diffusion.cpp (2026-08): examples/server/api.md, routes_sdcpp.cpp and
 * async_jobs.cpp (states, 202, 404, 409 for what is being drawn, 410, 429 when the queue is full) and
 * routes_sdapi.cpp (the constant hash). It draws with the one model that it was started with,
 * whatever is asked for.
 */
import { basename, extname } from "node:path";
import { type Asked, FakeHttp, type Reply } from "./fake-http.ts";
import { drawFake } from "./fake-picture.ts";
import { Gate } from "./gate.ts";

interface FakeJob {
  readonly id: string;
  readonly body: Record<string, unknown>;
  status: "queued" | "generating" | "completed" | "failed" | "cancelled";
  b64: string | undefined;
  error: string | undefined;
}

const stem = (path: string): string => basename(path, extname(path));

export class FakeSdServer extends FakeHttp {
  /** The file that it was started with. */
  model: string;
  readonly loras: readonly string[];
  readonly gate = new Gate();
  maxQueue = 64;
  /** The next job fails with this. */
  fails: string | undefined;
  spoils: "size" | "truncated" | undefined;
  readonly jobs = new Map<string, FakeJob>();
  #turn: Promise<void> = Promise.resolve();
  #count = 0;

  private constructor(model: string, loras: readonly string[]) {
    super();
    this.model = model;
    this.loras = loras;
  }

  static start(model: string, loras: readonly string[]): Promise<FakeSdServer> {
    return new FakeSdServer(model, loras).listen();
  }

  /** The process starts anew and knows no job. */
  restart(): void {
    this.jobs.clear();
    this.breakConnections();
  }

  /** Somebody else's job, before ours. */
  occupy(): void {
    this.#submit({ width: 64, height: 64, seed: 1 });
  }

  protected override answer({ path, body, method }: Asked): Reply | undefined {
    if (path === "/sdcpp/v1/capabilities") return { body: this.#capabilities() };
    if (path === "/sdapi/v1/sd-models") {
      const hash = "8888888888";
      const title = stem(this.model);
      return { body: [{ title, model_name: title, filename: this.model, hash, sha256: hash }] };
    }
    if (path === "/sdcpp/v1/img_gen" && method === "POST") {
      if (this.#queued().length >= this.maxQueue) {
        return { status: 429, body: { error: "job queue is full" } };
      }
      const { id } = this.#submit(body);
      return { status: 202, body: { id, kind: "img_gen", status: "queued" } };
    }
    const [, id = "", cancel] = /^\/sdcpp\/v1\/jobs\/([\w-]+)(\/cancel)?$/.exec(path) ?? [];
    if (id === "") return undefined;
    const job = this.jobs.get(id);
    if (job === undefined) return { status: 404, body: { error: "job not found" } };
    if (cancel === undefined || job.status === "completed") return { body: this.#describe(job) };
    if (job.status === "generating") {
      const error = "job is currently generating and cannot be interrupted yet";
      return { status: 409, body: { error } };
    }
    job.status = "cancelled";
    return { body: this.#describe(job) };
  }

  #queued(): FakeJob[] {
    return [...this.jobs.values()].filter(({ status }) => status === "queued");
  }

  #submit(body: Record<string, unknown>): FakeJob {
    const id = `job_${this.#count++}`;
    const job: FakeJob = { id, body, status: "queued", b64: undefined, error: undefined };
    this.jobs.set(id, job);
    this.#turn = this.#turn.then(() => this.#draw(job));
    return job;
  }

  async #draw(job: FakeJob): Promise<void> {
    if (job.status === "cancelled") return;
    job.status = "generating";
    await this.gate.pass(new AbortController().signal);
    if (this.fails !== undefined) {
      job.status = "failed";
      job.error = this.fails;
      this.fails = undefined;
      return;
    }
    const { width, height, seed } = job.body as { width: number; height: number; seed: number };
    const size = this.spoils === "size" ? { width: 64, height: 72 } : { width, height };
    const texts = {
      parameters: `${job.body.prompt}\nSteps: 4, Seed: ${seed}, Model: ${stem(this.model)}`,
    };
    const png = await drawFake({ ...size, seed, texts });
    const bytes = this.spoils === "truncated" ? png.subarray(0, png.length >> 1) : png;
    job.b64 = bytes.toString("base64");
    job.status = "completed";
  }

  #describe(job: FakeJob): unknown {
    const place = this.#queued().indexOf(job);
    return {
      id: job.id,
      kind: "img_gen",
      status: job.status,
      queue_position: place + 1,
      result: job.b64 === undefined ? null : { images: [{ index: 0, b64_json: job.b64 }] },
      error: job.error === undefined ? null : { code: "generation_failed", message: job.error },
    };
  }

  #capabilities(): unknown {
    return {
      model: { name: basename(this.model), stem: stem(this.model), path: this.model },
      current_mode: "img_gen",
      samplers: ["euler", "euler_a", "dpm++2m"],
      schedulers: ["discrete", "karras"],
      loras: this.loras.map((path) => ({ name: stem(path), path: basename(path) })),
      features_by_mode: {
        img_gen: {
          init_image: true,
          mask_image: true,
          lora: true,
          cancel_queued: true,
          cancel_generating: false,
        },
      },
      limits: { max_batch_count: 8, max_queue_size: this.maxQueue },
    };
  }
}
