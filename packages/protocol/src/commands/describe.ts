/** `extension:describe`, our own: what a page needs to know before it can offer anything. */

import { z } from "zod";
import { ResponseBase } from "./base.ts";

export const ExtensionInfo = z.object({
  name: z.string(),
  version: z.string(),
  backend: z.object({
    kind: z.string(),
    name: z.string(),
    /** True for the built-in renderer, so that no page can pass it off as Stable Diffusion. */
    demo: z.boolean(),
    img2img: z.boolean(),
    mask: z.boolean(),
    vae: z.boolean(),
    networks: z.array(z.enum(["lora", "hypernet"])),
    samplers: z.array(z.string()),
  }),
  limits: z.object({
    quantity: z.number(),
    batchSize: z.number(),
    steps: z.number(),
    side: z.number(),
    /** Bytes of an input picture. */
    inputImage: z.number(),
  }),
});
export type ExtensionInfo = z.infer<typeof ExtensionInfo>;

export const Describe = {
  request: z.object({}),
  response: ResponseBase.extend({ extension: ExtensionInfo.optional() }),
};
