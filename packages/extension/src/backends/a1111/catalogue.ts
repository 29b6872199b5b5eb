/**
 * What an AUTOMATIC1111 relative has: checkpoints, VAEs, networks and samplers by its own names.
 *
 * Every file of a job is looked up here before anything is queued, because the program replaces a
 * checkpoint that it does not know by the loaded one and leaves out a LoRA without a word.
 */

import { BeelineError, type ResourceType } from "@beeline/protocol";
import { z } from "zod";
import type { GenerateJob, ModelFolder, ResolvedFile } from "../../image-backend.ts";
import { parseAnswer } from "../shared/answers.ts";
import type { BackendHttp } from "../shared/backend-http.ts";
import { findListed, stemOf } from "../shared/files.ts";
import type { SamplerLists } from "../shared/samplers.ts";
import type { Dialect } from "./dialect.ts";

/** A refresh waits for the picture being drawn; a long one is not waited for. */
const REFRESH_MS = 120_000;

const Text = z.string().nullish();
const Models = z.array(
  z.looseObject({
    title: z.string(),
    model_name: Text,
    filename: z.string(),
    hash: Text,
    sha256: Text,
  }),
);
const Vaes = z.array(z.looseObject({ model_name: z.string(), filename: z.string() }));
const Networks = z.array(z.looseObject({ name: z.string(), path: z.string() }));
const Names = z.array(z.looseObject({ name: z.string(), label: Text }));
const Flags = z.looseObject({
  ckpt_dir: Text,
  vae_dir: Text,
  lora_dir: Text,
  embeddings_dir: Text,
  hypernetwork_dir: Text,
  models_dir: Text,
  data_dir: Text,
  no_hashing: z.boolean().nullish(),
});

export interface ModelEntry {
  readonly path: string;
  /** What the request names it by; unique. */
  readonly title: string;
  /** What an answer may call it. */
  readonly names: readonly string[];
  readonly shortHash: string | undefined;
  readonly sha256: string | undefined;
}

/** A job's files in the program's own words. */
export interface Resolved {
  readonly model: ModelEntry;
  readonly vae: { readonly path: string; readonly name: string } | undefined;
  readonly networks: readonly {
    readonly type: "lora" | "hypernet";
    readonly name: string;
    readonly strength: number;
  }[];
  /** The program can be expected to say which LoRAs it used. */
  readonly namesLoras: boolean;
}

export class Catalogue {
  readonly #http: BackendHttp;
  readonly #dialect: Dialect;

  constructor(http: BackendHttp, dialect: Dialect) {
    this.#http = http;
    this.#dialect = dialect;
  }

  async samplers(): Promise<SamplerLists> {
    const samplers = await this.#list("/sdapi/v1/samplers", Names);
    const schedulers = await this.#list("/sdapi/v1/schedulers", Names);
    return {
      samplers: samplers.map(({ name }) => name),
      schedulers: schedulers.map(({ name, label }) => label ?? name),
    };
  }

  /** Folders as the program's own flags have them, else where its models lie. */
  async folders(): Promise<readonly ModelFolder[]> {
    const flags = await this.#flags();
    const models = flags.models_dir ?? (flags.data_dir ? `${flags.data_dir}/models` : undefined);
    const below = (name: string) => (models == null ? undefined : `${models}/${name}`);
    const embeddings = flags.data_dir == null ? undefined : `${flags.data_dir}/embeddings`;
    const places: readonly (readonly [ResourceType, string | null | undefined])[] = [
      ["checkpoint", flags.ckpt_dir ?? below("Stable-diffusion")],
      ["vae", flags.vae_dir ?? below("VAE")],
      ["lora", flags.lora_dir ?? below("Lora")],
      ["embedding", flags.embeddings_dir ?? embeddings],
      ["hypernet", this.#dialect.hypernets ? flags.hypernetwork_dir : undefined],
      ["controlnet", below("ControlNet")],
      ["upscaler", below("ESRGAN")],
    ];
    return places.flatMap(([type, path]) => (path ? [{ type, path }] : []));
  }

  /** @throws {BeelineError} `MODEL_NOT_FOUND` or `RESOURCE_NOT_FOUND` with the file's name. */
  async resolve(job: GenerateJob): Promise<Resolved> {
    const model = await this.#find(job.model, () => this.#models());
    if (model === undefined) throw this.#unknown("MODEL_NOT_FOUND", "checkpoint", job.model);
    const vae = job.vae && (await this.#find(job.vae, () => this.#vaes()));
    if (job.vae !== undefined && vae === undefined) {
      throw this.#unknown("RESOURCE_NOT_FOUND", "VAE", job.vae);
    }
    const networks: Resolved["networks"][number][] = [];
    for (const network of job.networks) {
      const { type, strength } = network;
      const entry = await this.#find(network, () => this.#networks(type));
      if (entry === undefined) throw this.#unknown("RESOURCE_NOT_FOUND", type, network);
      // These end a name in the prompt, so the program could not be told which file is meant.
      if (/[<>:]/.test(entry.name)) {
        throw new BeelineError(
          "RESOURCE_NOT_FOUND",
          `${this.#dialect.name} cannot be told to use "${entry.name}": rename the file`,
        );
      }
      networks.push({ type, name: entry.name, strength });
    }
    const namesLoras = networks.length > 0 && (await this.#flags()).no_hashing !== true;
    return { model, vae, networks, namesLoras };
  }

  /** Reads the folders anew. What a relative does not have is no error. */
  async refresh(): Promise<void> {
    for (const what of ["checkpoints", "vae", "loras"]) {
      await this.#http.send(`/sdapi/v1/refresh-${what}`, { method: "POST", timeoutMs: REFRESH_MS });
    }
  }

  async #find<T extends { readonly path: string; readonly sha256?: string | undefined }>(
    file: ResolvedFile,
    list: () => Promise<readonly T[]>,
  ): Promise<T | undefined> {
    const known = await findListed(file, await list());
    if (known !== undefined) return known;
    // It may have arrived after the program last looked.
    await this.refresh();
    return findListed(file, await list());
  }

  async #models(): Promise<readonly ModelEntry[]> {
    const entries = await this.#list("/sdapi/v1/sd-models", Models);
    return entries.map(({ title, model_name, filename, hash, sha256 }) => ({
      path: filename,
      title,
      names: [stemOf(filename), ...(model_name ? [model_name] : [])],
      shortHash: hash ?? undefined,
      // Forge has made these up from file names.
      sha256: this.#dialect.kind === "forge" ? undefined : (sha256 ?? undefined),
    }));
  }

  async #vaes(): Promise<readonly { path: string; name: string }[]> {
    const entries = await this.#list(this.#dialect.vaeList, Vaes);
    return entries.map(({ model_name, filename }) => ({ path: filename, name: model_name }));
  }

  async #networks(type: "lora" | "hypernet"): Promise<readonly { path: string; name: string }[]> {
    const list = type === "lora" ? "/sdapi/v1/loras" : "/sdapi/v1/hypernetworks";
    return this.#list(list, Networks);
  }

  async #list<T>(path: string, shape: z.ZodType<T[]>): Promise<T[]> {
    return parseAnswer(shape, (await this.#http.jsonIfThere(path)) ?? [], path);
  }

  async #flags(): Promise<z.output<typeof Flags>> {
    const path = "/sdapi/v1/cmd-flags";
    return parseAnswer(Flags, (await this.#http.jsonIfThere(path)) ?? {}, path);
  }

  #unknown(
    code: "MODEL_NOT_FOUND" | "RESOURCE_NOT_FOUND",
    what: string,
    { name }: ResolvedFile,
  ): BeelineError {
    return new BeelineError(code, `${this.#dialect.name} does not list the ${what} "${name}"`);
  }
}
