/**
 * Where each type of resource lives below the models folder.
 *
 * Several types share a folder because the programs that load them do: LoRA, LoCon and DoRA files
 * are told apart by their content, not their place, so a file found in `loras` is listed as `lora`
 * and answers to all three.
 */

import type { ResourceType } from "@beeline/protocol";

export const FOLDER_OF: Readonly<Record<ResourceType, string>> = {
  checkpoint: "checkpoints",
  lora: "loras",
  locon: "loras",
  dora: "loras",
  vae: "vae",
  hypernet: "hypernetworks",
  embedding: "embeddings",
  controlnet: "controlnet",
  upscaler: "upscalers",
  other: "other",
};

/** The type under which the files of a folder are listed, folder by folder. */
export const LISTED_AS: ReadonlyMap<string, ResourceType> = new Map([
  ["checkpoints", "checkpoint"],
  ["loras", "lora"],
  ["vae", "vae"],
  ["hypernetworks", "hypernet"],
  ["embeddings", "embedding"],
  ["controlnet", "controlnet"],
  ["upscalers", "upscaler"],
  ["other", "other"],
]);

/** Unfinished downloads, in each folder: the same file system as their place, and ignored by scanners. */
export const PARTIAL_FOLDER = ".beeline-partial";

/** What the demo renderer and the programs beside us load; everything else in a folder is not a model. */
const MODEL_FILE = /\.(?:safetensors|ckpt|pt|pth|bin|gguf)$/i;

export function isModelFile(name: string): boolean {
  return MODEL_FILE.test(name) && !name.startsWith(".");
}

/** The picture kept beside a model, under the name that AUTOMATIC1111 and its relatives look for. */
export function previewPathOf(modelPath: string): string {
  return `${modelPath.replace(/\.[^./\\]+$/, "")}.preview.png`;
}
