/** `resources:list`, `resources:add`, `resources:add:cancel`, `resources:remove`. */

import { z } from "zod";
import { Sha256 } from "../ids.ts";
import { Progress, ResponseBase, Status, WireErrorSchema } from "./base.ts";

/** The specification's types, plus those that shipped clients know (see `dialect.ts`). */
export const RESOURCE_TYPES = [
  "checkpoint",
  "lora",
  "locon",
  "dora",
  "vae",
  "hypernet",
  "embedding",
  "controlnet",
  "upscaler",
  "other",
] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** Spellings in use elsewhere, in lower case, and what they mean here. */
const ALIASES: Readonly<Record<string, ResourceType>> = {
  model: "checkpoint",
  lycoris: "locon",
  hypernetwork: "hypernet",
  textualinversion: "embedding",
  "textual inversion": "embedding",
};

export const ResourceTypeSchema = z.string().transform((text, context): ResourceType => {
  const name = text.toLowerCase();
  const type = (RESOURCE_TYPES as readonly string[]).includes(name)
    ? (name as ResourceType)
    : ALIASES[name];
  if (type !== undefined) return type;
  context.addIssue({ code: "custom", message: `unknown resource type "${text.slice(0, 40)}"` });
  return z.NEVER;
});

/** Most resources in one command: a page adds a model with its extra files, not a library. */
export const MAX_RESOURCES_PER_COMMAND = 64;

export const ResourceRef = z.object({ type: ResourceTypeSchema, hash: Sha256 });
export type ResourceRef = z.infer<typeof ResourceRef>;

export const ResourceToAdd = ResourceRef.extend({
  name: z.string().min(1).max(200),
  previewImage: z.url().max(2048).optional(),
  url: z.url().max(2048),
});
export type ResourceToAdd = z.infer<typeof ResourceToAdd>;

export const Resource = ResourceRef.extend({
  name: z.string(),
  path: z.string().optional(),
  /** Bytes of the file. */
  size: z.number().int().nonnegative().optional(),
  hasPreview: z.boolean().optional(),
  /** True while the file is still on its way. */
  downloading: z.boolean().optional(),
});
export type Resource = z.infer<typeof Resource>;

export const ResourceProgress = ResourceRef.extend({
  name: z.string().optional(),
  previewImage: z.string().optional(),
  url: z.string().optional(),
  status: Status,
  progress: Progress.optional(),
  /** Bytes per second over the last seconds. */
  speed: z.number().nonnegative().optional(),
  /** Seconds until done at that speed. */
  remainingTime: z.number().nonnegative().optional(),
  error: WireErrorSchema.optional(),
});
export type ResourceProgress = z.infer<typeof ResourceProgress>;

const Resources = <T extends z.ZodType>(item: T) =>
  z.array(item).min(1).max(MAX_RESOURCES_PER_COMMAND);

export const ResourcesList = {
  request: z.object({ types: z.array(ResourceTypeSchema).max(32).optional() }),
  response: ResponseBase.extend({ resources: z.array(Resource).optional() }),
};

export const ResourcesAdd = {
  request: z.object({ resources: Resources(ResourceToAdd) }),
  response: ResponseBase.extend({ resources: z.array(ResourceProgress).optional() }),
};

export const ResourcesAddCancel = {
  /** `id` names this command; `activityId` the add to cancel. Without it, `id` does (the specification's form). */
  request: z.object({ activityId: z.uuid().optional(), resources: Resources(ResourceRef) }),
  response: ResponseBase.extend({ resources: z.array(ResourceProgress).optional() }),
};

export const ResourcesRemove = {
  request: z.object({ resources: Resources(ResourceRef) }),
  response: ResponseBase.extend({ resources: z.array(ResourceProgress).optional() }),
};
