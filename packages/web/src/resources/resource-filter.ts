/** Finding resources in a list of thousands, and judging what is typed to add one. Pure. */

import { RESOURCE_TYPES, type Resource, type ResourceType } from "@beeline/protocol";

export const TYPE_WORDS: Readonly<Record<ResourceType, string>> = {
  checkpoint: "Checkpoint",
  lora: "LoRA",
  locon: "LoCon",
  dora: "DoRA",
  vae: "VAE",
  hypernet: "Hypernetwork",
  embedding: "Embedding",
  controlnet: "ControlNet",
  upscaler: "Upscaler",
  other: "Other",
};

/** Every word of the search must be in the name or begin the hash. */
export function filterResources(
  resources: readonly Resource[],
  type: ResourceType | undefined,
  search: string,
): readonly Resource[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return resources.filter(({ type: itsType, name, hash }) => {
    if (type !== undefined && itsType !== type) return false;
    const lower = name.toLowerCase();
    return words.every((word) => lower.includes(word) || hash.startsWith(word));
  });
}

/** The types that occur, in the order of the protocol, with how often. */
export function typesIn(
  resources: readonly Resource[],
): readonly { readonly type: ResourceType; readonly count: number }[] {
  return RESOURCE_TYPES.map((type) => ({
    type,
    count: resources.filter((resource) => resource.type === type).length,
  })).filter(({ count }) => count > 0);
}

export interface AddForm {
  readonly type: ResourceType;
  readonly name: string;
  readonly hash: string;
  readonly url: string;
}

/** What is wrong with each field, in words; an empty object when nothing is. The extension decides in the end. */
export function addProblems(form: AddForm): Partial<Record<keyof AddForm, string>> {
  const problems: Partial<Record<keyof AddForm, string>> = {};
  if (!/\.safetensors$/i.test(form.name.trim()))
    problems.name = "A file name that ends in .safetensors";
  else if (/[/\\]/.test(form.name)) problems.name = "A file name without folders";
  if (!/^[0-9a-f]{64}$/i.test(form.hash.trim())) problems.hash = "64 hexadecimal digits";
  if (!["https:", "http:"].includes(parseUrl(form.url)?.protocol ?? ""))
    problems.url = "An https address";
  return problems;
}

/** The file name at the end of an address, to save typing it. */
export function nameFromUrl(address: string): string {
  const last = parseUrl(address)?.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last).replace(/[/\\]/g, "");
  } catch {
    return last;
  }
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
}
