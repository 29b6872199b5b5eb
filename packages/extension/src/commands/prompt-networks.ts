/**
 * Networks that a prompt names by AUTOMATIC1111's syntax, `<lora:name:0.8>`. Pure.
 *
 * People paste such prompts. Some programs would load the file, some draw the words, and all are
 * silent about a name that they do not know. Here a name that means exactly one file of the library
 * becomes a network of the job, like one asked for by its hash, and leaves the prompt; anything else
 * in that syntax is refused, so no text of a page ever reaches a program as syntax.
 */

import { BeelineError } from "@beeline/protocol";
import type { BackendCapabilities, GenerateJob } from "../image-backend.ts";
import type { Shelf } from "./plan.ts";

/** AUTOMATIC1111's own pattern: it takes each of these out of the prompt, known or not. */
const TAG = /<(\w+):([^>]+)>/g;
/** The protocol's bound for strengths. */
const MAX_STRENGTH = 4;

type Networks = GenerateJob["networks"];

/**
 * The prompt without its tags, and `asked` with what they name. What was asked for by hash stands.
 * @throws {BeelineError} `RESOURCE_NOT_FOUND`, `COMMAND_INVALID` or `COMMAND_UNSUPPORTED`, naming the tag.
 */
export function namedNetworks(
  prompt: string,
  asked: Networks,
  capabilities: BackendCapabilities,
  shelf: Shelf,
): { readonly prompt: string; readonly networks: Networks } {
  const networks = [...asked];
  for (const [tag, word = "", content = ""] of prompt.matchAll(TAG)) {
    const type = typeOf(word);
    const [name = "", strength = "1", ...rest] = content.split(":");
    const value = Number(strength);
    const isPlain = rest.length === 0 && strength.trim() !== "" && Math.abs(value) <= MAX_STRENGTH;
    if (type === undefined || !isPlain) throw invalid("params.prompt", tag);
    if (!capabilities.networks.includes(type)) {
      throw new BeelineError(
        "COMMAND_UNSUPPORTED",
        `${capabilities.name} does not support ${type}, which the prompt asks for: ${tag}`,
      );
    }
    const [file, another] = shelf.named(name.trim(), type);
    if (file === undefined || another !== undefined) {
      const why = file === undefined ? "no file has that name" : "several files have that name";
      throw new BeelineError("RESOURCE_NOT_FOUND", `the prompt asks for ${tag}, but ${why}`);
    }
    if (networks.some(({ hash }) => hash === file.hash)) continue;
    networks.push({
      hash: file.hash,
      name: file.name,
      path: file.path,
      type,
      strength: value,
    });
  }
  const plain = prompt
    .replace(TAG, "")
    .replace(/[ \t]{2,}/g, " ")
    .trim();
  return { prompt: hasTag(prompt) ? plain : prompt, networks };
}

/** @throws {BeelineError} `COMMAND_INVALID` when a text that can hold no networks names one. */
export function refuseNetworks(field: string, text: string): void {
  const [tag] = text.match(TAG) ?? [];
  if (tag !== undefined) throw invalid(field, tag);
}

function hasTag(text: string): boolean {
  return text.search(TAG) >= 0;
}

function typeOf(word: string): "lora" | "hypernet" | undefined {
  if (word === "lora" || word === "lyco") return "lora";
  return word === "hypernet" ? "hypernet" : undefined;
}

function invalid(field: string, tag: string): BeelineError {
  return new BeelineError(
    "COMMAND_INVALID",
    `${field}: ${tag} is network syntax that is not understood here; use additionalNetworks`,
  );
}
