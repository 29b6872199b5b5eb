/**
 * Turns what a command asks for into what a backend can draw, or says what is missing.
 *
 * Every name is resolved here, before the job waits for its turn, because backends replace what they
 * do not know by something else and draw a wrong picture. Pure: no I/O, randomness is passed in.
 */

import { BeelineError, type RequestOf } from "@beeline/protocol";
import type { BackendCapabilities, GenerateJob, ResolvedFile } from "../image-backend.ts";
import { namedNetworks, refuseNetworks } from "./prompt-networks.ts";

/** What a plan needs of the library. */
export interface Shelf {
  /** Files that a prompt may mean by a name, without its extension. */
  named(name: string, type: "lora" | "hypernet"): readonly ResolvedFile[];
  find(hash: string, type: "checkpoint" | "vae" | "lora" | "hypernet"): ResolvedFile | undefined;
  list(types: readonly ["checkpoint"]): readonly ResolvedFile[];
  /** Files not hashed yet: one that was not found may be among them. */
  readonly unread: number;
}

/** A job without its input pictures, which are read when it starts. */
export type Plan = Omit<GenerateJob, "init">;

type Request = RequestOf<"image:txt2img"> | RequestOf<"image:img2img">;

/** Seeds are 32 bits wide everywhere. */
const SEEDS = 2 ** 32;

/**
 * @param drawSeed an integer from 0 to 2³²-1.
 * @throws {BeelineError} `MODEL_NOT_FOUND`, `RESOURCE_NOT_FOUND`, `SAMPLER_NOT_FOUND`,
 * `COMMAND_INVALID` or `COMMAND_UNSUPPORTED`, naming what it is about.
 */
export function planJob(
  id: string,
  request: Request,
  capabilities: BackendCapabilities,
  shelf: Shelf,
  drawSeed: () => number,
): Plan {
  checkSupport(request, capabilities);
  const { params } = request;
  const { seed } = params;
  const asked = request.additionalNetworks.map(({ type, hash, name, strength }) => ({
    ...find(type, hash, name, shelf),
    type,
    strength,
  }));
  const { prompt, networks } = namedNetworks(params.prompt, asked, capabilities, shelf);
  refuseNetworks("params.negativePrompt", params.negativePrompt);
  return {
    id,
    quantity: request.quantity,
    batchSize: request.batchSize,
    model: findModel(request.model, shelf),
    vae: request.vae === undefined ? undefined : find("vae", request.vae, undefined, shelf),
    networks,
    prompt,
    negativePrompt: params.negativePrompt,
    sampler: findSampler(params.sampler, capabilities),
    seed: seed === undefined || seed === -1 ? drawSeed() % SEEDS : seed,
    steps: params.steps,
    width: params.width,
    height: params.height,
    cfgScale: params.cfgScale,
    clipSkip: params.clipSkip,
  };
}

function checkSupport(request: Request, capabilities: BackendCapabilities): void {
  const { params } = request;
  const lacking =
    "initImage" in params && !capabilities.img2img
      ? "img2img"
      : "maskImage" in params && params.maskImage !== undefined && !capabilities.mask
        ? "masks"
        : request.vae !== undefined && !capabilities.vae
          ? "a VAE of its own"
          : request.additionalNetworks.find(({ type }) => !capabilities.networks.includes(type))
              ?.type;
  if (lacking !== undefined) {
    throw new BeelineError(
      "COMMAND_UNSUPPORTED",
      `${capabilities.name} does not support ${lacking}`,
    );
  }
}

function findModel(hash: string | undefined, shelf: Shelf): ResolvedFile {
  const model = hash === undefined ? shelf.list(["checkpoint"])[0] : shelf.find(hash, "checkpoint");
  if (model !== undefined) return pick(model);
  const what = hash === undefined ? "there is no checkpoint" : `no checkpoint has the hash ${hash}`;
  throw new BeelineError("MODEL_NOT_FOUND", what + stillReading(shelf));
}

function find(
  type: "vae" | "lora" | "hypernet",
  hash: string,
  name: string | undefined,
  shelf: Shelf,
): ResolvedFile {
  const file = shelf.find(hash, type);
  if (file !== undefined) return pick(file);
  const called = name === undefined ? "" : ` ("${name}")`;
  throw new BeelineError(
    "RESOURCE_NOT_FOUND",
    `no ${type} has the hash ${hash}${called}${stillReading(shelf)}`,
  );
}

function findSampler(name: string | undefined, capabilities: BackendCapabilities): string {
  const { samplers } = capabilities;
  const sampler =
    name === undefined
      ? samplers[0]
      : samplers.find((known) => known.toLowerCase() === name.toLowerCase());
  if (sampler !== undefined) return sampler;
  throw new BeelineError(
    "SAMPLER_NOT_FOUND",
    name === undefined ? "there is no sampler" : `there is no sampler called "${name}"`,
  );
}

function stillReading(shelf: Shelf): string {
  return shelf.unread > 0 ? `; ${shelf.unread} files are still being read` : "";
}

function pick({ hash, name, path }: ResolvedFile): ResolvedFile {
  return { hash, name, path };
}
