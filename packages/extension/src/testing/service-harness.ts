/**
 * A command service on real folders, with a backend and a listener that tests hold by the hand.
 *
 * For tests only: not part of what the package ships.
 */

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BeelineError } from "@beeline/protocol";
import type {
  BackendCapabilities,
  DrawnImage,
  GenerateHooks,
  GenerateJob,
  ImageBackend,
} from "../image-backend.ts";
import { type OpenCommandServiceOptions, openCommandService } from "../open-command-service.ts";
import type { Caller, CommandService, InputBlobs, StoredImage, Subscriber } from "../service.ts";

export const ALICE: Caller = { clientId: "alice's secret", linkId: "link", name: "Alice" };
export const BOB: Caller = { clientId: "bob's secret", linkId: "link", name: "Bob" };

export const MODEL = "a model";
export const sha256 = (content: string | Uint8Array) =>
  createHash("sha256").update(content).digest("hex");

/** A UUID that is easy to tell from others. */
export const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** Draws what a test tells it to, when it tells it to. */
export class FakeBackend implements ImageBackend {
  readonly jobs: GenerateJob[] = [];
  refreshed = 0;
  able: BackendCapabilities = {
    kind: "fake",
    name: "Fake",
    demo: true,
    img2img: true,
    mask: true,
    vae: true,
    networks: ["lora"],
    samplers: ["Euler a", "DDIM"],
  };
  /** Replaced by tests that look into a job; by default every image comes at once. */
  draw: (job: GenerateJob, hooks: GenerateHooks) => Promise<void> = async (job, hooks) => {
    for (let index = 0; index < job.quantity * job.batchSize; index++) {
      hooks.onImage(picture(job, index));
    }
  };

  probe = async () => undefined;
  capabilities = async () => this.able;
  refresh = async () => {
    this.refreshed += 1;
  };
  generate = (job: GenerateJob, hooks: GenerateHooks) => {
    this.jobs.push(job);
    return this.draw(job, hooks);
  };
  close = async () => undefined;
}

export function picture(job: GenerateJob, index: number, size = 16): DrawnImage {
  const { width, height } = job;
  const bytes = Buffer.alloc(size, index + 1);
  return { index, seed: job.seed + index, mime: "image/png", width, height, bytes };
}

/** Draws nothing until the test opens the gate; ends as a backend must when it is told to stop. */
export function gated(): { draw: FakeBackend["draw"]; open: () => void; begun: Promise<void> } {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const draw: FakeBackend["draw"] = async (job, hooks) => {
    begin();
    await new Promise<void>((resolve, reject) => {
      void gate.then(resolve);
      const stop = () => reject(new BeelineError("CANCELED", "stopped"));
      if (hooks.signal.aborted) stop();
      hooks.signal.addEventListener("abort", stop);
    });
    for (let index = 0; index < job.quantity * job.batchSize; index++) {
      hooks.onImage(picture(job, index));
    }
  };
  return { draw, open: () => open(), begun };
}

type Response = Record<string, unknown> & { status: string };

/** Writes down what a subscriber hears. */
export class Ear implements Subscriber {
  readonly heard: ("image" | "preview" | Response)[] = [];
  readonly images: StoredImage[] = [];
  readonly previews: number[] = [];
  readonly final: Promise<Response>;
  #waiting: { wanted: (response: Response) => boolean; resolve: (response: Response) => void }[] =
    [];
  #finals = 0;
  #resolve: (response: Response) => void = () => undefined;

  constructor() {
    this.final = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get responses(): Response[] {
    return this.heard.filter((event) => typeof event === "object");
  }

  response(response: Readonly<Record<string, unknown>>, final: boolean): void {
    if (this.#finals > 0) throw new Error("something came after the final response");
    this.heard.push(response as Response);
    for (const { wanted, resolve } of this.#waiting) {
      if (wanted(response as Response)) resolve(response as Response);
    }
    if (!final) return;
    this.#finals += 1;
    this.#resolve(response as Response);
  }

  preview(preview: { index: number }): void {
    this.heard.push("preview");
    this.previews.push(preview.index);
  }

  image(image: StoredImage): void {
    this.heard.push("image");
    this.images.push(image);
  }

  /** The first response, past or to come, that is wanted. */
  until(wanted: (response: Response) => boolean): Promise<Response> {
    const past = this.responses.find(wanted);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }
}

const NO_BLOBS: InputBlobs = {
  read: () => Promise.reject(new BeelineError("SESSION_CLOSED", "no blobs here")),
};

/** One data folder and one models folder, with services opened on them one after the other. */
export class Desk {
  readonly dir: string;
  readonly backend = new FakeBackend();
  readonly options: Partial<OpenCommandServiceOptions> = {};
  service!: CommandService;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** With one checkpoint in it. */
  static async make(options: Partial<OpenCommandServiceOptions> = {}): Promise<Desk> {
    const desk = new Desk(await mkdtemp(join(tmpdir(), "beeline-service-")));
    Object.assign(desk.options, options);
    await desk.put("checkpoints/model.safetensors", MODEL);
    await desk.open();
    return desk;
  }

  async put(path: string, content: string | Uint8Array): Promise<string> {
    const file = join(this.dir, "models", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return sha256(content);
  }

  async open(): Promise<void> {
    this.service = await openCommandService({
      dataDir: join(this.dir, "data"),
      modelsDir: join(this.dir, "models"),
      backend: this.backend,
      name: "test",
      version: "0.0.0",
      drawSeed: () => 4242,
      ...this.options,
    });
  }

  async reopen(): Promise<void> {
    await this.service.close();
    await this.open();
  }

  /** Sends a command and listens. */
  send(raw: unknown, caller: Caller = ALICE, blobs: InputBlobs = NO_BLOBS): Ear & { stop(): void } {
    const ear = new Ear();
    const stop = this.service.handle(raw, caller, blobs, ear);
    return Object.assign(ear, { stop });
  }

  /** Sends a command and gives its final response. */
  ask(raw: unknown, caller: Caller = ALICE): Promise<Response> {
    return this.send(raw, caller).final;
  }

  async remove(): Promise<void> {
    await this.service.close();
    await rm(this.dir, { recursive: true });
  }
}

/** A request of the specification, for 64 pixels a side. */
export function txt2img(n: number, more: Record<string, unknown> = {}, params = {}): object {
  return {
    id: uuid(n),
    version: "1.0.0",
    type: "image:txt2img",
    createdAt: "2026-01-02T03:04:05.678Z",
    params: { prompt: "a bee", width: 64, height: 64, steps: 4, ...params },
    ...more,
  };
}

export function img2img(n: number, params: object): object {
  return txt2img(n, { type: "image:img2img" }, params);
}

export const command = (n: number, type: string, fields: object = {}): object => ({
  id: uuid(n),
  version: "1.0.0",
  type,
  ...fields,
});
