/**
 * The shapes of what carries commands out: one entry per command, or it does not compile.
 *
 * Answers are given at once and not remembered: they read, or they cancel (which may be repeated).
 * Jobs take time or change something, and one id runs at most once.
 */

import type { CheckedCommand, CommandName, ImageInfo, ResponseOf } from "@beeline/protocol";
import type { DrawnImage } from "../image-backend.ts";
import type { InputName } from "../jobs/job-store.ts";
import type { Caller, InputBlobs } from "../service.ts";

export const JOB_COMMANDS = [
  "image:txt2img",
  "image:img2img",
  "resources:add",
  "resources:remove",
] as const satisfies readonly CommandName[];
export type JobName = (typeof JOB_COMMANDS)[number];
export type AnswerName = Exclude<CommandName, JobName>;

/** Commands by name. Indexed rather than narrowed, so that a table and its argument stay a pair. */
export type Commands = { readonly [N in CommandName]: Extract<CheckedCommand, { type: N }> };
export type CommandOf<N extends CommandName> = Commands[N];

/** What a handler says; id, type, version and times are put around it. */
export type Fields<N extends CommandName> = Omit<
  ResponseOf<N>,
  "id" | "type" | "version" | "createdAt" | "updatedAt"
>;

export interface AnswerContext {
  readonly caller: Caller;
  /** Digest of the caller's secret: what its jobs are filed under. */
  readonly owner: string;
}

export interface JobContext<N extends JobName> {
  /** The job's id, as files and queues know it. */
  readonly id: string;
  /** Digest of the client's secret: jobs of one client share it. */
  readonly owner: string;
  /** Counts jobs as their commands came. */
  readonly arrival: number;
  /** Fires when the job is to stop; throw its reason. */
  readonly signal: AbortSignal;
  readonly blobs: InputBlobs;
  /** The state changed: told at once. */
  report(fields: Fields<N>): void;
  /** Only figures changed: told as often as makes sense. */
  progress(fields: Fields<N>): void;
  preview(preview: { index: number; mime: string; bytes: Uint8Array }): void;
  /** Keeps a finished picture and hands it to those who listen. */
  keepImage(image: DrawnImage): Promise<ImageInfo>;
  /** Keeps an input picture on disk while the job waits. */
  keepInput(name: InputName, bytes: Uint8Array): Promise<void>;
  readInput(name: InputName): Promise<Uint8Array>;
}

export type Answers = {
  readonly [N in AnswerName]: (
    command: Commands[N],
    context: AnswerContext,
  ) => Promise<Fields<N>> | Fields<N>;
};

/** Resolve with the final fields. What is thrown becomes the final response's error. */
export type JobHandlers = {
  readonly [N in JobName]: (command: Commands[N], context: JobContext<N>) => Promise<Fields<N>>;
};

export function isJobCommand(command: CheckedCommand): command is Commands[JobName] {
  return (JOB_COMMANDS as readonly string[]).includes(command.type);
}
