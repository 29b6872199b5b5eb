/**
 * What ComfyUI has: files by the names that its loaders take, folders, samplers.
 *
 * A loader's name is a path below one of several folders, and of two files with the same one the
 * first folder's is loaded; a file that is hidden in this way counts as not there.
 */

import { access } from "node:fs/promises";
import { join } from "node:path";
import { BeelineError, type ResourceType } from "@beeline/protocol";
import { z } from "zod";
import type { GenerateJob, ModelFolder, ResolvedFile } from "../../image-backend.ts";
import { parseAnswer } from "../shared/answers.ts";
import type { BackendHttp } from "../shared/backend-http.ts";
import { findListed, nameOf } from "../shared/files.ts";
import { type SamplerLists, samplerTable } from "../shared/samplers.ts";

const FOLDERS: readonly (readonly [folder: string, type: ResourceType])[] = [
  ["checkpoints", "checkpoint"],
  ["loras", "lora"],
  ["vae", "vae"],
  ["hypernetworks", "hypernet"],
  ["embeddings", "embedding"],
  ["controlnet", "controlnet"],
  ["upscale_models", "upscaler"],
];
const FOLDER_OF = {
  checkpoint: "checkpoints",
  vae: "vae",
  lora: "loras",
  hypernet: "hypernetworks",
};
type LoadedType = keyof typeof FOLDER_OF;

const Places = z.array(z.looseObject({ name: z.string(), folders: z.array(z.string()) }));
const Names = z.array(z.string());
/** A list of choices: the list itself in older servers, an option of it in newer ones. */
const Choices = z.union([
  z
    .tuple([Names])
    .rest(z.unknown())
    .transform(([names]) => names),
  z
    .tuple([z.literal("COMBO"), z.looseObject({ options: Names })])
    .rest(z.unknown())
    .transform(([, { options }]) => options),
]);
const KSampler = z.looseObject({
  KSampler: z.looseObject({
    input: z.looseObject({
      required: z.looseObject({ sampler_name: Choices, scheduler: Choices }),
    }),
  }),
});

/** A job's files and sampler as the graph names them. */
export interface Resolved {
  readonly checkpoint: string;
  readonly vae: string | undefined;
  readonly networks: readonly {
    readonly type: "lora" | "hypernet";
    readonly name: string;
    readonly strength: number;
  }[];
  readonly sampler: string;
  readonly scheduler: string;
}

export class Catalogue {
  readonly #http: BackendHttp;

  constructor(http: BackendHttp) {
    this.#http = http;
  }

  async samplers(): Promise<ReturnType<typeof samplerTable>> {
    const path = "/object_info/KSampler";
    const info = parseAnswer(KSampler, await this.#http.json(path), path);
    const { sampler_name, scheduler } = info.KSampler.input.required;
    const lists: SamplerLists = { samplers: sampler_name, schedulers: scheduler };
    return samplerTable("comfyui", lists);
  }

  async folders(): Promise<readonly ModelFolder[]> {
    const places = await this.#places();
    return FOLDERS.flatMap(([name, type]) =>
      (places.get(name) ?? []).map((path) => ({ type, path })),
    );
  }

  /** @throws {BeelineError} `MODEL_NOT_FOUND`, `RESOURCE_NOT_FOUND` or `SAMPLER_NOT_FOUND`. */
  async resolve(job: GenerateJob): Promise<Resolved> {
    const words = (await this.samplers()).get(job.sampler);
    if (words === undefined) {
      throw new BeelineError("SAMPLER_NOT_FOUND", `ComfyUI has no sampler "${job.sampler}"`);
    }
    const places = await this.#places();
    const networks: Resolved["networks"][number][] = [];
    for (const network of job.networks) {
      const { type, strength } = network;
      networks.push({ type, strength, name: await this.#nameOf(network, type, places) });
    }
    return {
      ...words,
      checkpoint: await this.#nameOf(job.model, "checkpoint", places),
      vae: job.vae && (await this.#nameOf(job.vae, "vae", places)),
      networks,
    };
  }

  async #nameOf(
    file: ResolvedFile,
    type: LoadedType,
    places: ReadonlyMap<string, readonly string[]>,
  ): Promise<string> {
    const folder = FOLDER_OF[type];
    const path = `/models/${folder}`;
    const names = parseAnswer(Names, (await this.#http.jsonIfThere(path)) ?? [], path);
    const alike = names.filter((name) => nameOf(name) === nameOf(file.path));
    const listed = await Promise.all(
      alike.map(async (name) => ({
        name,
        path: (await firstThere(places.get(folder) ?? [], name)) ?? name,
      })),
    );
    const found = await findListed(file, listed);
    if (found !== undefined) return found.name;
    throw new BeelineError(
      type === "checkpoint" ? "MODEL_NOT_FOUND" : "RESOURCE_NOT_FOUND",
      `ComfyUI does not list the ${type} "${file.name}"`,
    );
  }

  async #places(): Promise<ReadonlyMap<string, readonly string[]>> {
    const path = "/experiment/models";
    const places = parseAnswer(Places, (await this.#http.jsonIfThere(path)) ?? [], path);
    return new Map(places.map(({ name, folders }) => [name, folders]));
  }
}

/** The file that ComfyUI loads by this name, if its folders are on this machine. */
async function firstThere(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, ...name.split(/[/\\]/));
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
