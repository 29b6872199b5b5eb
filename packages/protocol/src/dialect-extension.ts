/**
 * The shipped dialect from the client's side: what one of ours says to a shipped extension, and what
 * it reads of the answers. `dialect.ts` is the other direction.
 *
 * Shipped extensions differ: one answers a cancel and another only stops, a list is pushed without
 * an id, fields are missing or of another type. So what is read is as lenient as its use allows, and
 * whatever cannot be understood is `undefined` rather than an error.
 *
 * Pure translation. Which answer belongs to which request is the caller's business.
 */

import { ACTIVITIES_KEPT, type Activity } from "./commands/activities.ts";
import { Progress, Status, Timestamp } from "./commands/base.ts";
import type { Resource, ResourceProgress, ResourceRef } from "./commands/resources.ts";
import type { CommandName } from "./commands.ts";
import { ourType, shippedType } from "./dialect.ts";
import { BeelineError, type ErrorCode, type WireError } from "./errors.ts";
import { Sha256 } from "./ids.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a shipped extension can be asked for. Pictures are not among it: none draws dependably. */
export const SHIPPED_COMMANDS: ReadonlySet<CommandName> = new Set([
  "activities:list",
  "activities:cancel",
  "activities:clear",
  "resources:list",
  "resources:add",
  "resources:add:cancel",
  "resources:remove",
]);

/** One entry of a shipped extension's list. */
export interface ShippedEntry {
  readonly resource: Resource;
  /** As the extension wrote it: what it wants to hear when the file is to be removed. */
  readonly original: Fields;
}

/** A `commandStatus`, as far as it can be understood. */
export interface ShippedStatus {
  /** Absent in lists that are pushed unasked. */
  readonly id: string | undefined;
  /** Absent in the desktop app's word that a download was canceled. */
  readonly type: string | undefined;
  readonly status: Status | undefined;
  readonly progress: number | undefined;
  readonly speed: number | undefined;
  readonly remainingTime: number | undefined;
  readonly error: WireError | undefined;
  readonly resource: Resource | undefined;
  /** Of a list. Absent, too, if it is not one of resources: the desktop app pushes paths once. */
  readonly resources: readonly ShippedEntry[] | undefined;
  /** Newest first, as many as our own extension keeps. */
  readonly activities: readonly Activity[] | undefined;
}

/** @returns undefined for what is no answer at all. */
export function readShippedStatus(payload: unknown): ShippedStatus | undefined {
  if (!isFields(payload)) return undefined;
  const type = textOf(payload.type);
  return {
    id: textOf(payload.id),
    type,
    status: Status.safeParse(payload.status).data,
    progress: Progress.safeParse(payload.progress).data,
    speed: amountOf(payload.speed),
    remainingTime: amountOf(payload.remainingTime),
    error: errorOf(payload),
    resource: entryOf(payload.resource)?.resource,
    resources: type === "resources:list" ? entriesOf(payload.resources) : undefined,
    activities: activitiesOf(payload.activities),
  };
}

/** What a file's command came to, or how far it is. */
export function progressOf(ref: ResourceRef, heard: Partial<ShippedStatus>): ResourceProgress {
  const { status = "processing", progress, speed, remainingTime, error } = heard;
  const isUnderWay = status === "processing";
  return {
    ...ref,
    status,
    ...(progress !== undefined && { progress }),
    ...(isUnderWay && speed !== undefined && { speed }),
    ...(isUnderWay && remainingTime !== undefined && { remainingTime }),
    ...(status === "error" && {
      error: error ?? wire("INTERNAL", "it failed and did not say why"),
    }),
  };
}

/** A resource as shipped extensions expect to be told it. @param original their own entry of it. */
export function toShippedResource(
  resource: ResourceRef & { readonly name?: string },
  original: Fields = {},
): Record<string, unknown> {
  const { type, name, ...rest } = resource;
  const shown = name ?? textOf(original.name) ?? resource.hash.slice(0, 10);
  return {
    ...rest,
    type: shippedType(type),
    hash: rest.hash.toLowerCase(),
    name: shown,
    // What people are shown; shipped sites know a title, we know the file.
    modelName: shown.replace(/\.\w+$/, ""),
    ...original,
  };
}

/** The extension's own word, under the code that fits what was asked of it. */
function errorOf({ type, status, error }: Fields): WireError | undefined {
  const message = textOf(error);
  if (status !== "error" || message === undefined) return undefined;
  return wire(FAILURES[String(type)] ?? "BACKEND_FAILED", message);
}

const FAILURES: Readonly<Record<string, ErrorCode>> = {
  "resources:add": "DOWNLOAD_FAILED",
  "resources:remove": "RESOURCE_NOT_FOUND",
  "activities:cancel": "JOB_UNKNOWN",
};

function wire(code: ErrorCode, message: string): WireError {
  return new BeelineError(code, message).toWire();
}

/** A list in which something is no resource is not a list: it must not look as if files had gone. */
function entriesOf(list: unknown): readonly ShippedEntry[] | undefined {
  if (!Array.isArray(list) || !list.every(isFields)) return undefined;
  // A file that is still being hashed has no hash yet, and nothing can be asked of it.
  return list.map(entryOf).filter((entry) => entry !== undefined);
}

function entryOf(original: unknown): ShippedEntry | undefined {
  if (!isFields(original)) return undefined;
  const hash = Sha256.safeParse(original.hash).data;
  if (hash === undefined) return undefined;
  const path = textOf(original.path);
  const resource: Resource = {
    type: ourType(original.type) ?? "other",
    hash,
    name: textOf(original.name) ?? hash.slice(0, 10),
    hasPreview: Boolean(original.hasPreview),
    ...(path !== undefined && { path }),
    ...(original.downloading === true && { downloading: true }),
  };
  return { resource, original };
}

function activitiesOf(list: unknown): readonly Activity[] | undefined {
  if (!Array.isArray(list)) return undefined;
  return list
    .map(shippedActivity)
    .filter((activity) => activity !== undefined)
    .sort((a, b) => (b.createdAt ?? "").localeCompare(a.createdAt ?? ""))
    .slice(0, ACTIVITIES_KEPT);
}

/** One past request as our own extension would tell it. */
export function shippedActivity(payload: unknown): Activity | undefined {
  const heard = readShippedStatus(isFields(payload) ? { ...payload, activities: [] } : payload);
  if (heard?.id === undefined || heard.type === undefined) return undefined;
  const { createdAt, updatedAt } = payload as Fields;
  const times = dropUndefined({
    createdAt: Timestamp.safeParse(createdAt).data,
    updatedAt: Timestamp.safeParse(updatedAt).data,
  });
  const { resource, progress, error } = heard;
  // The extension lists a request as it came, before there is a status.
  const status = heard.status ?? "pending";
  return {
    ...times,
    id: heard.id,
    type: heard.type,
    status,
    ...dropUndefined({ progress, error }),
    ...(resource && {
      resources: [{ ...progressOf(resource, { ...heard, status }), name: resource.name }],
    }),
  };
}

function amountOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function dropUndefined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
