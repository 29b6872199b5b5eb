/**
 * The shipped dialect: what today's Civitai Link clients say, and what they expect to hear.
 *
 * It differs from the specification in four ways: one `resource` a command instead of `resources[]`;
 * type names in CamelCase; no version; and an answer is the request itself with fields added, which
 * replaces the one before it as a whole. Hashes are compared as lower-case text, so they leave in
 * lower case whatever case they came in. The specification's arrays are read too, and answered as
 * arrays; a request with a version is the specification's own and passes through unchanged.
 *
 * Pure translation, of requests to what `parseCommand` takes and of our responses back. Checks
 * nothing (parseCommand does) and remembers nothing: the caller keeps a request beside its job.
 */

import type { Resource, ResourceType } from "./commands/resources.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How shipped clients call each of our types. */
const SHIPPED_TYPE: Readonly<Record<ResourceType, string>> = {
  checkpoint: "Checkpoint",
  lora: "LORA",
  locon: "LoCon",
  dora: "DoRA",
  vae: "VAE",
  hypernet: "Hypernetwork",
  embedding: "TextualInversion",
  controlnet: "Controlnet",
  upscaler: "Upscaler",
  other: "Other",
};

const OUR_TYPE: ReadonlyMap<string, ResourceType> = new Map(
  (Object.entries(SHIPPED_TYPE) as [ResourceType, string][]).map(([ours, shipped]) => [
    shipped.toLowerCase(),
    ours,
  ]),
);

/** Shipped types that have no folder of their own here. */
const OTHER_TYPES: ReadonlySet<string> = new Set(
  [
    "AestheticGradient",
    "CheckpointConfig",
    "CLIP",
    "CLIPVision",
    "ComfyWorkflows",
    "Detection",
    "LLM",
    "MotionModule",
    "Poses",
    "TextEncoder",
    "UNet",
    "VisionLanguage",
    "Wildcards",
    "Workflows",
  ].map((name) => name.toLowerCase()),
);

/** A request of a shipped client: as it came, and as `parseCommand` takes it. */
export interface ShippedRequest {
  readonly original: Fields;
  readonly command: unknown;
}

/** Reads a request of a shipped client. What is no object becomes a command that parseCommand refuses. */
export function fromShipped(raw: unknown): ShippedRequest {
  if (!isFields(raw)) return { original: {}, command: raw };
  if (isSpecified(raw)) return { original: raw, command: raw };
  const { resource, resources, types, params, ...rest } = withoutBlanks(raw);
  const list = Array.isArray(resources)
    ? resources
    : resource === undefined
      ? undefined
      : [resource];
  return {
    original: raw,
    command: {
      ...rest,
      ...(list !== undefined && { resources: list.map(ourResource) }),
      ...(types !== undefined && { types: Array.isArray(types) ? types.map(knownType) : types }),
      ...(params !== undefined && { params: isFields(params) ? withoutBlanks(params) : params }),
    },
  };
}

/**
 * One of our responses as the answer to a shipped client's request: a whole object that echoes it.
 * @param images base64 of every picture, for the final response of a generation.
 */
export function toShipped(
  request: ShippedRequest,
  response: Fields,
  images?: readonly string[],
): Record<string, unknown> {
  const { original } = request;
  const pictures = images !== undefined && { images };
  if (isSpecified(original)) return { ...response, ...pictures };
  return {
    ...original,
    id: response.id,
    type: response.type,
    createdAt: original.createdAt ?? response.createdAt,
    ...answered(response),
    ...shippedResources(original, response),
    ...pictures,
  };
}

/** What is pushed to shipped clients, unasked, whenever the resources changed. It has no id. */
export function shippedResourceList(resources: readonly Resource[]): Record<string, unknown> {
  return { type: "resources:list", resources: resources.map(shippedEntry) };
}

/** The fields that any answer may have. Figures of a single file stand beside the status. */
function answered(response: Fields): Fields {
  const files = filesOf(response);
  const figures = files.length === 1 ? (files[0] ?? {}) : {};
  const { updatedAt, status, activityId, activities } = response;
  return dropUndefined({
    updatedAt,
    status,
    activityId,
    progress: response.progress ?? figures.progress,
    speed: figures.speed,
    remainingTime: figures.remainingTime,
    error: errorText(response.error),
    activities: Array.isArray(activities) ? activities.map(shippedActivity) : undefined,
  });
}

function shippedResources(original: Fields, response: Fields): Fields {
  if (response.type === "resources:list") {
    const list = response.resources as readonly Resource[] | undefined;
    return list === undefined ? {} : { resources: list.map(shippedEntry) };
  }
  if (isFields(original.resource)) return { resource: lowerHash(original.resource) };
  if (!Array.isArray(original.resources)) return {};
  const files = filesOf(response);
  return {
    resources: original.resources.map((item: unknown, index) => {
      const { error, ...figures } = files[index] ?? {};
      // The echo comes last: it is the client's own spelling.
      const echo = isFields(item) ? lowerHash(item) : {};
      return dropUndefined({ ...figures, error: errorText(error), ...echo });
    }),
  };
}

/** A past request as shipped clients know them: one resource, under the name they show. */
function shippedActivity(activity: Fields): Fields {
  const { version: _version, resources: _resources, images: _images, ...rest } = activity;
  const [file] = filesOf(activity);
  const { error, type, hash, name, previewImage, url } = file ?? {};
  const resource = dropUndefined({
    type: shippedType(type),
    hash,
    name,
    modelName: name,
    previewImage,
    url,
  });
  return {
    ...rest,
    ...answered(activity),
    ...(file !== undefined && { resource }),
    ...dropUndefined({ error: errorText(activity.error ?? error) }),
  };
}

function shippedEntry(resource: Resource): Fields {
  const { type, hash, name, path, hasPreview, downloading } = resource;
  return dropUndefined({
    type: shippedType(type),
    hash: hash.toLowerCase(),
    name,
    path,
    hasPreview: hasPreview ?? false,
    downloading,
  });
}

function ourResource(resource: unknown): unknown {
  if (!isFields(resource)) return resource;
  const { type, ...rest } = withoutBlanks(resource);
  return { ...rest, type: knownType(type) };
}

/** A type that nobody knows stays as it is, to be refused by name. */
function knownType(type: unknown): unknown {
  return ourType(type) ?? type;
}

/** @returns undefined for a type that nobody knows. */
export function ourType(type: unknown): ResourceType | undefined {
  if (typeof type !== "string") return undefined;
  const name = type.toLowerCase();
  return OUR_TYPE.get(name) ?? (OTHER_TYPES.has(name) ? "other" : undefined);
}

/** How shipped peers call a type of ours; anything else stays as it is. */
export function shippedType(type: unknown): unknown {
  return SHIPPED_TYPE[type as ResourceType] ?? type;
}

function filesOf(response: Fields): readonly Fields[] {
  return Array.isArray(response.resources) ? response.resources.filter(isFields) : [];
}

function errorText(error: unknown): string | undefined {
  if (!isFields(error)) return undefined;
  return typeof error.message === "string" ? error.message : undefined;
}

function lowerHash(resource: Fields): Fields {
  const { hash } = resource;
  return typeof hash === "string" ? { ...resource, hash: hash.toLowerCase() } : resource;
}

/** Shipped clients write null or "" where they mean nothing; an empty prompt is still a prompt. */
function withoutBlanks(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) => value !== null && (value !== "" || /prompt$/i.test(name)),
    ),
  );
}

function dropUndefined(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Shipped clients never send a version, the specification always does. */
function isSpecified(request: Fields): boolean {
  return typeof request.version === "string";
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
