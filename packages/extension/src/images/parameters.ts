/**
 * The text that Stable Diffusion programs keep in a picture under `parameters`: how it was made.
 *
 * The shape is AUTOMATIC1111's, which sites and galleries parse: the prompt, a line that begins
 * `Negative prompt:`, and one line of `Name: value` pairs. Pure; it writes and does not parse.
 */

import type { GenerateJob } from "../image-backend.ts";

/** Digits of a SHA-256 in `Model hash`: what AUTOMATIC1111 prints and Civitai calls AutoV2. */
const MODEL_HASH_DIGITS = 10;
/** The same in `Lora hashes`. */
const NETWORK_HASH_DIGITS = 12;

/** AUTOMATIC1111's rule: a value that holds a separator is written as JSON text. */
const quote = (value: string): string => (/[,:\n]/.test(value) ? JSON.stringify(value) : value);

const stem = (name: string): string => name.replace(/\.safetensors$/i, "");

/** `<`, `>` and `:` end a network's name in a prompt. */
const tagName = (name: string): string => stem(name).replace(/[<>:]/g, "_");

/**
 * The text for one picture of `job`, drawn with `seed`.
 * @param version names the program that drew it, e.g. `beeline-demo`.
 */
export function imageParameters(job: GenerateJob, seed: number, version: string): string {
  const tags = job.networks.map(
    ({ type, name, strength }) => ` <${type}:${tagName(name)}:${strength}>`,
  );
  const loras = job.networks
    .filter(({ type }) => type === "lora")
    .map(({ name, hash }) => `${stem(name)}: ${hash.slice(0, NETWORK_HASH_DIGITS)}`);
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ["Steps", job.steps],
    ["Sampler", job.sampler],
    ["CFG scale", job.cfgScale],
    ["Seed", seed],
    ["Size", `${job.width}x${job.height}`],
    ["Model hash", job.model.hash.slice(0, MODEL_HASH_DIGITS)],
    ["Model", stem(job.model.name)],
    ["VAE hash", job.vae?.hash.slice(0, MODEL_HASH_DIGITS)],
    ["VAE", job.vae?.name],
    ["Denoising strength", job.init?.denoiseStrength],
    ["Clip skip", job.clipSkip],
    ["Lora hashes", loras.length > 0 ? loras.join(", ") : undefined],
    ["Version", version],
  ];
  const settings = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${quote(String(value))}`)
    .join(", ");
  const lines = [job.prompt + tags.join("")];
  if (job.negativePrompt !== "") lines.push(`Negative prompt: ${job.negativePrompt}`);
  return [...lines, settings].join("\n");
}
