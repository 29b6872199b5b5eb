/**
 * A call of ours as the commands that a shipped extension takes, and their answers as the one that
 * the call expects. Pure.
 *
 * A shipped command names a single resource, so a call becomes one command for each of its files. A
 * call of one command gives it its own id; the extension's activities then name it as ours do.
 */

import {
  type Activity,
  BeelineError,
  PROTOCOL_VERSION,
  progressOf,
  type Resource,
  type ResourceProgress,
  type ResourceRef,
  type ResourceToAdd,
  type ResourceType,
  type ShippedEntry,
  type ShippedStatus,
  type Status,
  shippedType,
  toShippedResource,
} from "@beeline/protocol";
import type { OpenCall } from "./calls.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a command came to so far; undefined: nothing was heard. */
export type Heard = Partial<ShippedStatus> | undefined;

/** One command that a shipped extension is sent for a call. */
export interface ShippedRequest {
  readonly id: string;
  readonly fields: Fields;
  /** The file that it is about. */
  readonly ref: ResourceRef | undefined;
  /** For cancels: the command to stop. */
  readonly target: string | undefined;
}

/** What the call refers to, as the carrier knows it. */
export interface KnownThings {
  /** The extension's own entry of a file. */
  entry(hash: string): ShippedEntry | undefined;
  /** The commands that another call became, while it is open. */
  requests(callId: string): readonly ShippedRequest[] | undefined;
  newId(): string;
}

/** @throws {BeelineError} `RESOURCE_NOT_FOUND` if an add is to be canceled for a file it has not. */
export function requestsOf(call: OpenCall, known: KnownThings): readonly ShippedRequest[] {
  const bodies = bodiesOf(call, known);
  const { createdAt } = call.command;
  return bodies.map(({ type = call.type, ref, target, ...fields }) => {
    const id = bodies.length === 1 ? call.id : known.newId();
    return { id, ref, target, fields: { id, type, createdAt, ...fields } };
  });
}

interface Body extends Fields {
  readonly type?: string;
  readonly ref?: ResourceRef;
  readonly target?: string;
}

function bodiesOf(call: OpenCall, known: KnownThings): readonly Body[] {
  const { command } = call;
  switch (call.type) {
    case "resources:add":
      return (command.resources as readonly ResourceToAdd[]).map((resource) => ({
        ref: refOf(resource),
        resource: toShippedResource(resource),
      }));
    case "resources:remove":
      return (command.resources as readonly ResourceRef[]).map((resource) => ({
        ref: refOf(resource),
        resource: toShippedResource(resource, known.entry(resource.hash.toLowerCase())?.original),
      }));
    case "activities:cancel":
    case "resources:add:cancel":
      return cancelsOf(command, known);
    case "resources:list": {
      const types = command.types as readonly ResourceType[] | undefined;
      return [types === undefined ? {} : { types: types.map(shippedType) }];
    }
    default:
      return [{}];
  }
}

function cancelsOf(command: Fields, known: KnownThings): readonly Body[] {
  const activityId = String(command.activityId ?? command.id);
  const refs = command.resources as readonly ResourceRef[] | undefined;
  const ours = known.requests(activityId);
  const targets =
    ours === undefined
      ? // Another client's, or one of before a reload: it was one command of that id.
        [{ id: activityId, ref: refs?.[0] }]
      : ours.filter(({ ref }) => refs === undefined || refs.some((each) => isSame(each, ref)));
  if (targets.length === 0) {
    throw new BeelineError("RESOURCE_NOT_FOUND", "that command adds no such file");
  }
  return targets.map(({ id, ref }) => ({
    type: "activities:cancel",
    activityId: id,
    target: id,
    ...(ref !== undefined && { ref: refOf(ref) }),
  }));
}

export function isFinal(heard: Heard): boolean {
  const status = heard?.status;
  return status === "success" || status === "error" || status === "canceled";
}

/** One command of a call, and what is known of it. */
export interface RequestState {
  readonly request: ShippedRequest;
  readonly heard: Heard;
  /** For cancels: how the command that it names has ended. */
  readonly ended: Status | undefined;
}

/** The response to the call, from what was heard of each of its commands. */
export function responseTo(call: OpenCall, parts: readonly RequestState[], nowIso: string): Fields {
  const status = overall(parts.map(({ heard }) => heard?.status ?? "pending"));
  const error = parts.find(({ heard }) => heard?.status === "error")?.heard?.error;
  const [first] = parts;
  return {
    id: call.id,
    type: call.type,
    version: PROTOCOL_VERSION,
    createdAt: call.command.createdAt,
    updatedAt: nowIso,
    status,
    ...(status === "error" && error !== undefined && { error }),
    ...answersOf(call, parts, first?.heard),
  };
}

function answersOf(
  call: OpenCall,
  parts: readonly RequestState[],
  heard: Heard,
): { resources?: readonly (Resource | ResourceProgress)[]; activities?: readonly Activity[] } {
  switch (call.type) {
    case "resources:list": {
      // Whatever types it was asked for, a shipped extension lists all that it has.
      const types = call.command.types as readonly ResourceType[] | undefined;
      const listed = (heard?.resources ?? []).map(({ resource }) => resource);
      return { resources: listed.filter(({ type }) => types?.includes(type) ?? true) };
    }
    case "activities:list":
    case "activities:clear":
      return { activities: heard?.activities ?? [] };
    case "resources:add":
    case "resources:remove":
      return { resources: filesOf(call, parts) };
    case "resources:add:cancel":
      return {
        resources: parts.flatMap(({ request: { ref }, ended = "canceled" }) =>
          ref === undefined ? [] : [{ ...ref, status: ended }],
        ),
      };
    default:
      return {};
  }
}

function filesOf(call: OpenCall, parts: readonly RequestState[]): readonly ResourceProgress[] {
  const asked = call.command.resources as readonly (ResourceRef & { name?: string })[];
  return asked.map(({ type, hash, name }, index) => {
    const progress = progressOf({ type, hash }, parts[index]?.heard ?? { status: "pending" });
    return name === undefined ? progress : { ...progress, name };
  });
}

/** As our own extension reckons: the whole fails when one fails, and is canceled when all are. */
function overall(statuses: readonly Status[]): Status {
  const all = new Set(statuses);
  if (all.has("processing")) return "processing";
  if (all.has("pending")) return all.size === 1 ? "pending" : "processing";
  if (all.has("error")) return "error";
  return all.has("success") ? "success" : "canceled";
}

function refOf({ type, hash }: ResourceRef): ResourceRef {
  return { type, hash: hash.toLowerCase() };
}

function isSame(a: ResourceRef, b: ResourceRef | undefined): boolean {
  return a.type === b?.type && a.hash.toLowerCase() === b.hash.toLowerCase();
}
