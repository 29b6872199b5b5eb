/**
 * Which folders of this machine hold the backend's models: what the owner says, else what it says.
 */

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ImageBackend, ModelFolder } from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";

/** Names below a models folder: ComfyUI's, AUTOMATIC1111's and Beeline's own, in this order. */
const NAMES: readonly (readonly [ModelFolder["type"], readonly string[]])[] = [
  ["checkpoint", ["checkpoints", "Stable-diffusion"]],
  ["lora", ["loras", "Lora"]],
  ["vae", ["vae", "VAE"]],
  ["hypernet", ["hypernetworks"]],
  ["embedding", ["embeddings"]],
  ["controlnet", ["controlnet", "ControlNet"]],
  ["upscaler", ["upscale_models", "ESRGAN", "upscalers"]],
];

/** @throws {BeelineError} `BACKEND_UNAVAILABLE` when none of them is on this machine. */
export async function modelFolders(
  backend: ImageBackend,
  modelsDir: string | undefined,
): Promise<readonly ModelFolder[]> {
  const named =
    modelsDir === undefined ? ((await backend.folders?.()) ?? []) : foldersBelow(modelsDir);
  const there = await Promise.all(
    named.map(async ({ type, path }) => ({ type, path, isThere: await isFolder(path) })),
  );
  const found = there.filter(({ isThere }) => isThere).map(({ type, path }) => ({ type, path }));
  if (found.some(({ type }) => type === "checkpoint")) return unique(found);
  const looked = named.map(({ path }) => path).join(", ") || "it names none";
  throw new BeelineError(
    "BACKEND_UNAVAILABLE",
    `the backend runs, but its checkpoints are not on this machine (${looked}); say where they are with --models-dir`,
  );
}

function foldersBelow(modelsDir: string): readonly ModelFolder[] {
  const root = resolve(modelsDir);
  return NAMES.flatMap(([type, names]) => names.map((name) => ({ type, path: join(root, name) })));
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** On systems where "vae" and "VAE" are one folder, it counts once. */
function unique(folders: readonly ModelFolder[]): readonly ModelFolder[] {
  const seen = new Set<string>();
  return folders.filter(({ type, path }) => {
    const name = `${type} ${path.toLowerCase()}`;
    if (seen.has(name) && process.platform !== "linux") return false;
    seen.add(name);
    return true;
  });
}
