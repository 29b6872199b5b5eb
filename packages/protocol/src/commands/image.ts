/** `image:txt2img` and `image:img2img`, in the specification's shapes. */

import { z } from "zod";
import { Sha256 } from "../ids.ts";
import { Progress, ResponseBase } from "./base.ts";

/** Bounds that keep one command from taking a desktop hostage; backends may be stricter. */
export const IMAGE_LIMITS = {
  quantity: 16,
  batchSize: 8,
  steps: 150,
  /** Pixels a side: the largest that today's models draw in one go. */
  side: 2048,
  promptLength: 10_000,
  networks: 16,
} as const;

/** Stable Diffusion works on latents an eighth of the picture's size. */
const Side = z.number().int().min(64).max(IMAGE_LIMITS.side).multipleOf(8);

export const AdditionalNetwork = z.object({
  type: z.enum(["lora", "hypernet"]),
  hash: Sha256,
  name: z.string().max(200).optional(),
  /** The specification says 0 to 1; people use negative and larger ones, and backends take them. */
  strength: z.number().min(-4).max(4).default(1),
});

const Params = z.object({
  prompt: z.string().max(IMAGE_LIMITS.promptLength),
  negativePrompt: z.string().max(IMAGE_LIMITS.promptLength).default(""),
  sampler: z.string().min(1).max(100).optional(),
  /** Absent or -1: the extension draws one and reports it. */
  seed: z.number().int().min(-1).max(0xffff_ffff).optional(),
  steps: z.number().int().min(1).max(IMAGE_LIMITS.steps).default(20),
  width: Side.default(512),
  height: Side.default(512),
  cfgScale: z.number().min(0).max(30).default(7),
  clipSkip: z.number().int().min(1).max(12).optional(),
});

/**
 * An input picture: an https URL, base64 (with or without a data: prefix), or the number of a blob
 * that the client sends beside the command on our own wire.
 */
export const InputImage = z.union([
  z.string().min(1),
  z.object({ blob: z.number().int().min(0).max(7) }),
]);
export type InputImage = z.infer<typeof InputImage>;

const Txt2ImgRequest = z.object({
  quantity: z.number().int().min(1).max(IMAGE_LIMITS.quantity).default(1),
  batchSize: z.number().int().min(1).max(IMAGE_LIMITS.batchSize).default(1),
  /** Absent: the first checkpoint of the extension's list. */
  model: Sha256.optional(),
  vae: Sha256.optional(),
  additionalNetworks: z.array(AdditionalNetwork).max(IMAGE_LIMITS.networks).default([]),
  params: Params,
});

const Img2ImgRequest = Txt2ImgRequest.extend({
  params: Params.extend({
    initImage: InputImage,
    /** White is repainted, black is kept. */
    maskImage: InputImage.optional(),
    denoiseStrength: z.number().min(0).max(1).default(0.75),
    maskedOnly: z.boolean().default(false),
  }),
});

/** What is known of one finished image; its bytes travel beside the response, as a blob. */
export const ImageInfo = z.object({
  index: z.number().int().nonnegative(),
  seed: z.number().int(),
  mime: z.string(),
  /** Bytes of the encoded image. */
  size: z.number().int().positive(),
  sha256: Sha256,
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type ImageInfo = z.infer<typeof ImageInfo>;

const ImageResponse = ResponseBase.extend({
  progress: Progress.optional(),
  step: z.number().int().nonnegative().optional(),
  steps: z.number().int().positive().optional(),
  /** Milliseconds until the whole job is done, as far as can be told. */
  etaMs: z.number().nonnegative().optional(),
  /** Jobs before this one; 0 once it runs. */
  queuePosition: z.number().int().nonnegative().optional(),
  /** Images finished so far. On the shipped dialect this field holds base64 instead. */
  images: z.array(ImageInfo).optional(),
});

export const Txt2Img = { request: Txt2ImgRequest, response: ImageResponse };
export const Img2Img = { request: Img2ImgRequest, response: ImageResponse };
export type ImageResponse = z.infer<typeof ImageResponse>;
