/**
 * AUTOMATIC1111, Forge and SD.Next as their API behaves, misbehaviour included.
 *
 * Follows lllyasviel/stable-diffusion-webui-forge (2025-06): modules/api/api.py (requests, progress,
 * cmd-flags), modules/progress.py (tasks), modules/processing.py (an unknown checkpoint override is
 * dropped and the loaded model used; the `info` of an answer), extensions-builtin/sd_forge_lora (a
 * LoRA that is not there is ignored; "Lora hashes"), modules/sd_models.py (titles, hashes);
 * AUTOMATIC1111 for `sd_vae`; and vladmandic/sdnext (2026-07): modules/api (no task ids, `info` without
 * a model's name, "LoRA networks", 204 for interrupt, 429). One picture is drawn at a time; an
 * interrupt hits whatever is drawn and answers 200 with half a picture.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import { type Asked, FakeHttp, type Reply } from "./fake-http.ts";
import { drawFake } from "./fake-picture.ts";
import { Gate } from "./gate.ts";

export type FakeDialect = "a1111" | "forge" | "sdnext";

export interface FakeA1111Files {
  readonly checkpoints: readonly string[];
  readonly vaes: readonly string[];
  readonly loras: readonly string[];
  readonly hypernets: readonly string[];
}

interface Task {
  readonly id: string;
  readonly timestamp: string;
  readonly steps: number;
  step: number;
  interrupted: boolean;
  readonly stopped: AbortController;
}

const stem = (path: string): string => basename(path, extname(path));
const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

export class FakeA1111 extends FakeHttp {
  readonly dialect: FakeDialect;
  readonly files: FakeA1111Files;
  readonly gate = new Gate();
  /** Ids of the tasks that an interrupt hit. */
  readonly interrupted: string[] = [];
  /** Started with --nowebui: nothing below /internal. */
  noWebUi = false;
  /** Draws with the model that is loaded, as when an override is not understood. */
  ignoresOverride = false;
  /** Leaves LoRAs out, as when their files cannot be read. */
  ignoresLoras = false;
  /** Answers pictures of another size, or files that end early. */
  spoils: "size" | "truncated" | undefined;
  #loaded: string;
  #pending: string[] = [];
  #current: Task | undefined;
  #last: Task | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #count = 0;
  #endOther: () => void = () => {};

  private constructor(dialect: FakeDialect, files: FakeA1111Files) {
    super();
    this.dialect = dialect;
    this.files = files;
    this.#loaded = files.checkpoints.at(-1) ?? "";
  }

  static start(dialect: FakeDialect, files: FakeA1111Files): Promise<FakeA1111> {
    return new FakeA1111(dialect, files).listen();
  }

  /** Somebody draws in the program's own page, until {@link vacate}. */
  async occupy(): Promise<void> {
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const done = new Promise<void>((resolve) => {
      this.#endOther = resolve;
    });
    void this.#inTurn("task(somebody else)", 20, async (task) => {
      task.step = 10;
      begin();
      await done;
    });
    await begun;
  }

  vacate(): void {
    this.#endOther();
  }

  /** Whoever sits at the machine presses Interrupt. */
  interrupt(): void {
    const task = this.#current;
    if (task === undefined) return;
    task.interrupted = true;
    this.interrupted.push(task.id);
    task.stopped.abort();
  }

  protected answer(asked: Asked): Promise<Reply | undefined> | Reply | undefined {
    const { path, body } = asked;
    if (path === "/internal/progress") return this.#taskProgress(body);
    if (path === "/sdapi/v1/progress") return { body: this.#progress() };
    if (path === "/sdapi/v1/interrupt") {
      this.interrupt();
      return this.dialect === "sdnext" ? { status: 204 } : { body: {} };
    }
    if (path === "/sdapi/v1/txt2img" || path === "/sdapi/v1/img2img") return this.#draw(body);
    if (/^\/sdapi\/v1\/refresh-(checkpoints|vae|loras)$/.test(path)) return { body: null };
    const list = this.#lists()[path];
    return list === undefined ? undefined : { body: list };
  }

  #lists(): Record<string, unknown> {
    const { checkpoints, vaes, loras, hypernets } = this.files;
    const isSdNext = this.dialect === "sdnext";
    const vaeList = vaes.map((path) => ({ model_name: basename(path), filename: path }));
    const folder = (paths: readonly string[]) => (paths[0] ? dirname(paths[0]) : null);
    return {
      "/sdapi/v1/sd-models": checkpoints.map((path) => this.#model(path)),
      ...(this.dialect === "forge"
        ? { "/sdapi/v1/sd-modules": vaeList }
        : { "/sdapi/v1/sd-vae": vaeList }),
      "/sdapi/v1/loras": loras.map((path) => ({ name: stem(path), alias: stem(path), path })),
      ...(!isSdNext && {
        "/sdapi/v1/hypernetworks": hypernets.map((path) => ({ name: stem(path), path })),
      }),
      ...(isSdNext && { "/sdapi/v1/version": { app: "sd.next" } }),
      "/sdapi/v1/samplers": ["Euler a", "DPM++ 2M"].map((name) => ({ name, options: {} })),
      "/sdapi/v1/schedulers": ["Automatic", "Karras"].map((label) => ({
        name: label.toLowerCase(),
        label,
      })),
      "/sdapi/v1/cmd-flags": {
        ckpt_dir: folder(checkpoints),
        vae_dir: folder(vaes),
        lora_dir: folder(loras),
        hypernetwork_dir: folder(hypernets),
        no_hashing: false,
      },
    };
  }

  #model(path: string): {
    title: string;
    model_name: string;
    hash: string | null;
    [more: string]: unknown;
  } {
    // Forge makes its hashes up from names; the others know them only once a model was loaded.
    const sha256 = this.dialect === "forge" ? sha(basename(path)) : null;
    const hash = sha256?.slice(0, 10) ?? null;
    const title = hash === null ? basename(path) : `${basename(path)} [${hash}]`;
    return { title, model_name: stem(path), hash, sha256, filename: path, config: null };
  }

  /** Runs when everything that was asked for before is done. */
  #inTurn<T>(id: string, steps: number, work: (task: Task) => Promise<T>): Promise<T> {
    this.#pending.push(id);
    const run = this.#turn.then(async () => {
      this.#pending = this.#pending.filter((other) => other !== id);
      this.#count += 1;
      const timestamp = `20261123${String(this.#count).padStart(6, "0")}`;
      const stopped = new AbortController();
      const task = { id, steps, timestamp, step: 0, interrupted: false, stopped };
      this.#current = task;
      try {
        return await work(task);
      } finally {
        this.#last = task;
        this.#current = undefined;
      }
    });
    this.#turn = run.catch(() => undefined);
    return run;
  }

  async #draw(body: Record<string, unknown>): Promise<Reply> {
    const { sampler_name, steps, batch_size, width, height, seed, prompt } = body as {
      sampler_name: string;
      steps: number;
      batch_size: number;
      width: number;
      height: number;
      seed: number;
      prompt: string;
    };
    if (!["Euler a", "DPM++ 2M"].includes(sampler_name)) {
      return { status: 400, body: { detail: "Sampler not found" } };
    }
    const settings = body.override_settings as Record<string, unknown>;
    const takesIds = this.dialect !== "sdnext";
    const id = takesIds ? String(body.force_task_id) : `task ${this.#count}`;
    return this.#inTurn(id, steps, async (task) => {
      const model = this.#chooseModel(settings.sd_model_checkpoint);
      const half = Math.floor(steps / 2);
      for (task.step = 0; task.step < steps && !task.interrupted; task.step++) {
        // Lets requests for progress in between two steps.
        await new Promise((resolve) => setImmediate(resolve));
        if (task.step === half) await this.gate.pass(task.stopped.signal);
      }
      const seeds = Array.from({ length: batch_size }, (_, index) => (seed + index) >>> 0);
      const extra = this.#networksUsed(prompt);
      const infotexts = seeds.map((each) => this.#infotext(body, each, model, settings, extra));
      const images = await Promise.all(
        seeds.map(async (each, index) => {
          const size = this.spoils === "size" ? { width: 64, height: 72 } : { width, height };
          const texts = { parameters: infotexts[index] ?? "" };
          // Half-denoised: another picture than the seed's.
          const png = await drawFake({ ...size, seed: task.interrupted ? ~each : each, texts });
          const bytes = this.spoils === "truncated" ? png.subarray(0, png.length >> 1) : png;
          return bytes.toString("base64");
        }),
      );
      const info = {
        all_seeds: seeds,
        index_of_first_image: 0,
        infotexts,
        job_timestamp: task.timestamp,
        extra_generation_params: extra,
        sd_model_hash: this.#model(model).hash ?? sha256Of(model).slice(0, 10),
        ...(takesIds && { sd_model_name: stem(model), sd_vae_name: this.#vaeUsed(settings) }),
      };
      return { body: { images, parameters: {}, info: JSON.stringify(info) } };
    });
  }

  /** An override that names no known checkpoint is dropped without a word. */
  #chooseModel(override: unknown): string {
    const found = this.files.checkpoints.find((path) => this.#model(path).title === override);
    if (found !== undefined && !this.ignoresOverride) this.#loaded = found;
    return this.#loaded;
  }

  #vaeUsed(settings: Record<string, unknown>): string | null {
    const asked = settings.sd_vae;
    const found = this.files.vaes.find((path) => basename(path) === asked);
    return found === undefined || this.dialect === "forge" ? null : basename(found);
  }

  /** Every tag is removed from the prompt; one that names no file does nothing else. */
  #networksUsed(prompt: string): Record<string, string> {
    const names = [...prompt.matchAll(/<(\w+):([^>]+)>/g)].flatMap(([, type, content]) => {
      const name = content?.split(":")[0] ?? "";
      const isThere = type === "lora" && this.files.loras.some((path) => stem(path) === name);
      return isThere && !this.ignoresLoras ? [name] : [];
    });
    if (names.length === 0) return {};
    if (this.dialect === "sdnext") return { "LoRA networks": names.join(", ") };
    // Not the file's SHA-256: its header is left out.
    return { "Lora hashes": names.map((name) => `${name}: ${sha(name).slice(0, 12)}`).join(", ") };
  }

  #infotext(
    body: Record<string, unknown>,
    seed: number,
    model: string,
    settings: Record<string, unknown>,
    extra: Record<string, string>,
  ): string {
    const modules = (settings.forge_additional_modules ?? []) as string[];
    const vae = this.files.vaes.find((path) => basename(path) === settings.sd_vae);
    const fields = {
      Steps: body.steps,
      Sampler: body.sampler_name,
      Seed: seed,
      Size: `${body.width}x${body.height}`,
      Model: stem(model),
      ...(this.dialect === "sdnext" && vae && { VAE: stem(vae) }),
      ...Object.fromEntries(modules.map((path, index) => [`Module ${index + 1}`, stem(path)])),
      ...Object.fromEntries(
        Object.entries(extra).map(([key, value]) => [key, JSON.stringify(value)]),
      ),
    };
    const line = Object.entries(fields).map(([key, value]) => `${key}: ${value}`);
    const prompt = String(body.prompt).replace(/<\w+:[^>]+>/g, "");
    return `${prompt}\nNegative prompt: ${body.negative_prompt}\n${line.join(", ")}`;
  }

  #taskProgress(body: Record<string, unknown>): Reply | undefined {
    if (this.noWebUi || this.dialect === "sdnext") return undefined;
    const id = String(body.id_task);
    const task = this.#current?.id === id ? this.#current : undefined;
    const place = this.#pending.indexOf(id);
    return {
      body: {
        active: task !== undefined,
        queued: place >= 0,
        completed: this.#last?.id === id,
        progress: task && task.step / task.steps,
        eta: null,
        live_preview: task && `data:image/png;base64,${PREVIEW}`,
        id_live_preview: task?.step ?? -1,
        textinfo: place < 0 ? "Waiting..." : `In queue: ${place + 1}/${this.#pending.length}`,
      },
    };
  }

  /** Of whoever is drawing; when idle, the state of whoever was. */
  #progress(): unknown {
    const task = this.#current ?? this.#last;
    const isBusy = this.#current !== undefined;
    return {
      progress: isBusy && task ? task.step / task.steps : 0,
      eta_relative: 0,
      state: {
        skipped: false,
        interrupted: task?.interrupted ?? false,
        job: isBusy ? "scripts_txt2img" : "",
        job_count: isBusy ? 1 : 0,
        job_timestamp: task?.timestamp ?? "0",
        job_no: 0,
        sampling_step: task?.step ?? 0,
        sampling_steps: task?.steps ?? 0,
      },
      current_image: isBusy ? PREVIEW : null,
      ...(this.dialect !== "sdnext" && { current_task: isBusy ? task?.id : null }),
    };
  }
}

const PREVIEW = (await drawFake({ width: 640, height: 512, seed: 7 })).toString("base64");

/** As the program computes it when it loads a model. */
function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
