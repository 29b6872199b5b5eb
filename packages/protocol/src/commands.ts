/**
 * The command table: wire name → request and response schema.
 *
 * The names are the specification's and are spelled nowhere else. Types follow from the schemas, so
 * a handler that is missing or wrong does not compile.
 */

import type { z } from "zod";
import { ActivitiesCancel, ActivitiesClear, ActivitiesList } from "./commands/activities.ts";
import { Base, PROTOCOL_VERSION, type Status } from "./commands/base.ts";
import { Describe } from "./commands/describe.ts";
import { Img2Img, Txt2Img } from "./commands/image.ts";
import {
  ResourcesAdd,
  ResourcesAddCancel,
  ResourcesList,
  ResourcesRemove,
} from "./commands/resources.ts";
import { BeelineError, type WireError } from "./errors.ts";

export const COMMANDS = {
  "activities:list": ActivitiesList,
  "activities:cancel": ActivitiesCancel,
  "activities:clear": ActivitiesClear,
  "resources:list": ResourcesList,
  "resources:add": ResourcesAdd,
  "resources:add:cancel": ResourcesAddCancel,
  "resources:remove": ResourcesRemove,
  "image:txt2img": Txt2Img,
  "image:img2img": Img2Img,
  "extension:describe": Describe,
} as const;

export type CommandName = keyof typeof COMMANDS;
export type RequestInput<N extends CommandName> = z.input<(typeof COMMANDS)[N]["request"]>;
export type RequestOf<N extends CommandName> = z.output<(typeof COMMANDS)[N]["request"]>;
export type ResponseOf<N extends CommandName> = z.output<(typeof COMMANDS)[N]["response"]>;

/** A request that passed every check. `fields` holds what is particular to the command. */
export type CheckedCommand = {
  [N in CommandName]: {
    readonly id: string;
    readonly type: N;
    readonly version: string;
    readonly createdAt: string;
    readonly fields: RequestOf<N>;
  };
}[CommandName];

/** Commands that start no job and change nothing: answered at once and never remembered. */
export const READ_ONLY_COMMANDS: ReadonlySet<CommandName> = new Set([
  "activities:list",
  "resources:list",
  "extension:describe",
]);

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/**
 * Checks one request as it came from the wire.
 *
 * @param nowIso stands in for a missing `createdAt` (the shipped dialect may lack it).
 * @throws {BeelineError} `COMMAND_INVALID`, `COMMAND_UNKNOWN` or `VERSION_UNSUPPORTED`; the message names the field.
 */
export function parseCommand(raw: unknown, nowIso: string): CheckedCommand {
  const base = Base.safeParse(raw);
  if (!base.success) throw new BeelineError("COMMAND_INVALID", describeIssues(base.error));
  const type = (raw as { type?: unknown }).type;
  if (typeof type !== "string") throw new BeelineError("COMMAND_INVALID", "type: expected text");
  if (!isCommandName(type)) {
    throw new BeelineError("COMMAND_UNKNOWN", `no command is called "${type.slice(0, 64)}"`);
  }
  const version = base.data.version ?? PROTOCOL_VERSION;
  if (majorOf(version) !== majorOf(PROTOCOL_VERSION)) {
    throw new BeelineError(
      "VERSION_UNSUPPORTED",
      `version ${version.slice(0, 32)} is not understood here; ${PROTOCOL_VERSION} is`,
    );
  }
  const fields = COMMANDS[type].request.safeParse(raw);
  if (!fields.success) throw new BeelineError("COMMAND_INVALID", describeIssues(fields.error));
  return {
    id: base.data.id,
    type,
    version,
    createdAt: base.data.createdAt ?? nowIso,
    fields: fields.data,
  } as CheckedCommand;
}

/** An error as the answer to a command, in the specification's shape. Echoes what can be trusted. */
export function errorResponse(
  command: { readonly id: string; readonly type: string; readonly createdAt?: string },
  error: BeelineError,
  nowIso: string,
): {
  id: string;
  type: string;
  version: string;
  createdAt: string;
  updatedAt: string;
  status: Status;
  error: WireError;
} {
  return {
    id: command.id,
    type: command.type,
    version: PROTOCOL_VERSION,
    createdAt: command.createdAt ?? nowIso,
    updatedAt: nowIso,
    status: error.code === "CANCELED" ? "canceled" : "error",
    error: error.toWire(),
  };
}

/** The first three issues, each with its path: enough to correct a request by. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join(".") || "command"}: ${issue.message}`)
    .join("; ");
}

function majorOf(version: string): string {
  return version.slice(0, version.indexOf("."));
}
