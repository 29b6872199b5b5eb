/**
 * What a person asks for, and how it becomes a request. Pure.
 *
 * Invariant: a form that went through {@link changeForm} is within the limits it was given, so the
 * page never sends what the extension must refuse.
 */

import {
  type ExtensionInfo,
  IMAGE_LIMITS,
  type RequestInput,
  type Resource,
} from "@beeline/protocol";

export type TextRequest = RequestInput<"image:txt2img">;

export interface NetworkChoice {
  readonly hash: string;
  readonly type: "lora" | "hypernet";
  readonly name: string;
  readonly strength: number;
}

export interface DrawForm {
  readonly mode: "txt2img" | "img2img";
  readonly prompt: string;
  readonly negativePrompt: string;
  /** A hash; undefined leaves the choice to the extension. */
  readonly model: string | undefined;
  readonly vae: string | undefined;
  readonly networks: readonly NetworkChoice[];
  readonly sampler: string | undefined;
  /** Undefined: a new one for every request. */
  readonly seed: number | undefined;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
  readonly cfgScale: number;
  readonly quantity: number;
  readonly batchSize: number;
  readonly denoiseStrength: number;
  readonly maskedOnly: boolean;
}

export type Limits = ExtensionInfo["limits"];

/** Until the extension has said its own. No picture is sent before that, so its size is not bound. */
export const PROTOCOL_LIMITS: Limits = {
  quantity: IMAGE_LIMITS.quantity,
  batchSize: IMAGE_LIMITS.batchSize,
  steps: IMAGE_LIMITS.steps,
  side: IMAGE_LIMITS.side,
  inputImage: Number.POSITIVE_INFINITY,
};

export const FIRST_FORM: DrawForm = {
  mode: "txt2img",
  prompt: "a bee resting on a sunlit honeycomb, macro photograph, golden hour",
  negativePrompt: "",
  model: undefined,
  vae: undefined,
  networks: [],
  sampler: undefined,
  seed: undefined,
  steps: 20,
  width: 512,
  height: 512,
  cfgScale: 7,
  quantity: 1,
  batchSize: 1,
  denoiseStrength: 0.75,
  maskedOnly: false,
};

/** Sizes that today's models were trained on: 512 for the first generation, a megapixel for SDXL. */
export const SIZE_PRESETS: readonly { readonly width: number; readonly height: number }[] = [
  { width: 512, height: 512 },
  { width: 512, height: 768 },
  { width: 768, height: 512 },
  { width: 1024, height: 1024 },
  { width: 832, height: 1216 },
  { width: 1216, height: 832 },
];

export const SMALLEST_SIDE = 64;
/** Latents are an eighth of the picture's size. */
export const SIDE_STEP = 8;
export const LARGEST_SEED = 0xffff_ffff;

export function changeForm(form: DrawForm, change: Partial<DrawForm>, limits: Limits): DrawForm {
  const next = { ...form, ...change };
  return {
    ...next,
    prompt: next.prompt.slice(0, IMAGE_LIMITS.promptLength),
    negativePrompt: next.negativePrompt.slice(0, IMAGE_LIMITS.promptLength),
    networks: next.networks
      .slice(0, IMAGE_LIMITS.networks)
      .map((network) => ({ ...network, strength: within(network.strength, -4, 4) })),
    seed: next.seed === undefined ? undefined : Math.round(within(next.seed, 0, LARGEST_SEED)),
    steps: Math.round(within(next.steps, 1, limits.steps)),
    width: side(next.width, limits.side),
    height: side(next.height, limits.side),
    cfgScale: within(next.cfgScale, 0, 30),
    quantity: Math.round(within(next.quantity, 1, limits.quantity)),
    batchSize: Math.round(within(next.batchSize, 1, limits.batchSize)),
    denoiseStrength: within(next.denoiseStrength, 0, 1),
  };
}

/** The part of the request that both commands share. Choices the computer does not have are left out. */
export function toRequest(form: DrawForm, resources: readonly Resource[]): TextRequest {
  const has = (hash: string) => resources.some((resource) => resource.hash === hash);
  const { model, vae, sampler, seed } = form;
  return {
    quantity: form.quantity,
    batchSize: form.batchSize,
    ...(model !== undefined && has(model) ? { model } : {}),
    ...(vae !== undefined && has(vae) ? { vae } : {}),
    additionalNetworks: form.networks
      .filter((network) => has(network.hash))
      .map(({ type, hash, name, strength }) => ({
        type,
        hash,
        name: name.slice(0, 200),
        strength,
      })),
    params: {
      prompt: form.prompt,
      negativePrompt: form.negativePrompt,
      ...(sampler === undefined ? {} : { sampler }),
      ...(seed === undefined ? {} : { seed }),
      steps: form.steps,
      width: form.width,
      height: form.height,
      cfgScale: form.cfgScale,
    },
  };
}

/** The drawing size nearest to a picture's shape with about the pixels of the present one. */
export function sizeLike(
  picture: { readonly width: number; readonly height: number },
  form: DrawForm,
  limits: Limits,
): { readonly width: number; readonly height: number } {
  const ratio = picture.width / picture.height;
  const area = form.width * form.height;
  // Both scale by one factor if the limit is hit, so that the shape stays.
  const fit = Math.min(
    1,
    limits.side / Math.sqrt(area * ratio),
    limits.side / Math.sqrt(area / ratio),
  );
  return {
    width: side(Math.sqrt(area * ratio) * fit, limits.side),
    height: side(Math.sqrt(area / ratio) * fit, limits.side),
  };
}

function side(value: number, largest: number): number {
  const rounded = Math.round(value / SIDE_STEP) * SIDE_STEP;
  return within(rounded, SMALLEST_SIDE, Math.floor(largest / SIDE_STEP) * SIDE_STEP);
}

/** A field that was emptied has no number; the smallest stands in. */
function within(value: number, smallest: number, largest: number): number {
  return Number.isFinite(value) ? Math.min(largest, Math.max(smallest, value)) : smallest;
}
