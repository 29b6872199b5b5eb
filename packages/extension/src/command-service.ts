/**
 * Carries commands out: the implementation of {@link CommandService}.
 *
 * Every command is checked, then permitted, then either answered at once or made a job that runs
 * exactly once (jobs.ts). Whatever happens, the one who asked gets a final response in the
 * specification's shape: a whole object with id, type, version and times around what a handler said.
 *
 * What commands do lies in commands/; what carries them is none of this file's business.
 */

import { createHash } from "node:crypto";
import {
  BeelineError,
  type CheckedCommand,
  errorResponse,
  PROTOCOL_VERSION,
  parseCommand,
} from "@beeline/protocol";
import type { Activities } from "./activities.ts";
import { answers } from "./commands/answers.ts";
import { bodyDigest } from "./commands/body-digest.ts";
import {
  type AnswerContext,
  type AnswerName,
  type Answers,
  type Commands,
  isJobCommand,
  type JobContext,
  type JobHandlers,
  type JobName,
} from "./commands/command-table.ts";
import { generationHandlers } from "./commands/generation.ts";
import { Adds } from "./commands/resource-add.ts";
import { removeResources } from "./commands/resources.ts";
import type { ImageBackend } from "./image-backend.ts";
import type { JobRecord, JobStore } from "./jobs/job-store.ts";
import { type JobSpec, Jobs } from "./jobs/jobs.ts";
import type { JobResponse, LiveJob } from "./jobs/live-job.ts";
import { Turns } from "./jobs/turns.ts";
import { Listener } from "./listener.ts";
import type { Downloads } from "./resources/downloads.ts";
import type { Library } from "./resources/library.ts";
import type { Caller, Changed, CommandService, InputBlobs, Subscriber } from "./service.ts";

/** One is drawn while 32 wait: hours of work on most machines. */
const MAX_IMAGE_JOBS = 33;
/** Adds and removes under way; files are downloaded two at a time anyway. */
const MAX_RESOURCE_JOBS = 32;

/** Whether a caller may do this. Asked before anything happens; false answers `NOT_PERMITTED`. */
export type Permit = (command: CheckedCommand, caller: Caller) => boolean | Promise<boolean>;

export interface CommandServiceOptions {
  readonly backend: ImageBackend;
  readonly library: Library;
  readonly downloads: Downloads;
  readonly store: JobStore;
  readonly activities: Activities;
  /** Shown to pages by `extension:describe`. */
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** An integer from 0 to 2³²-1. */
  readonly drawSeed: () => number;
  readonly permit: Permit;
}

/** Settles what the last run left unfinished, then takes commands. Closing it closes its parts, not the backend. */
export async function createCommandService(
  options: CommandServiceOptions,
): Promise<CommandService> {
  const service = new Service(options);
  await service.recover();
  return service;
}

class Service implements CommandService {
  readonly #options: CommandServiceOptions;
  readonly #jobs: Jobs;
  readonly #answers: Answers;
  readonly #handlers: JobHandlers;
  readonly #listeners = new Set<(what: Changed) => void>();
  readonly #stops: readonly (() => void)[];

  constructor(options: CommandServiceOptions) {
    const { activities, backend, downloads, library } = options;
    this.#options = options;
    this.#jobs = new Jobs({
      store: options.store,
      clock: options.clock,
      onResponse: (job, response) => activities.update(job.identity.linkId, response),
    });
    // Only a hint: a backend that is down now reads its folders when it starts.
    const refreshBackend = () => backend.refresh().catch(() => undefined);
    const adds = new Adds(downloads, refreshBackend);
    const turns = new Turns();
    const { fetch } = downloads;
    this.#answers = answers({ ...options, jobs: this.#jobs, adds });
    this.#handlers = {
      ...generationHandlers({ ...options, shelf: library, turns, fetch }),
      "resources:add": ({ fields }, context) => adds.run(fields.resources, context),
      "resources:remove": ({ fields }) =>
        removeResources(fields.resources, library, refreshBackend),
    };
    this.#stops = [
      library.onChanged(() => this.#tell("resources")),
      downloads.onChanged(() => this.#tell("resources")),
      activities.onChanged(() => this.#tell("activities")),
    ];
  }

  handle(raw: unknown, caller: Caller, blobs: InputBlobs, subscriber: Subscriber): () => void {
    const listener = new Listener(subscriber);
    // A moment later, so that nothing is heard before the caller holds what stops it.
    queueMicrotask(() => void this.#carryOut(raw, caller, blobs, listener));
    return () => listener.close();
  }

  acknowledge(commandId: string, caller: Caller): void {
    const id = commandId.toLowerCase();
    const { store } = this.#options;
    if (store.get(id)?.owner !== digestOf(caller.clientId)) return;
    // One that is lost costs disk space for a day, nothing else.
    store.acknowledge(id).catch(() => undefined);
  }

  onChanged(listener: (what: Changed) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#jobs.close();
    await this.#options.downloads.close();
    await this.#options.library.close();
    await this.#options.activities.close();
  }

  /** Downloads of the last run go on; everything else that it left unfinished was interrupted. */
  async recover(): Promise<void> {
    const { store, activities } = this.#options;
    for (const record of store.unfinished()) {
      const command = this.#resumable(record);
      if (command !== undefined) {
        this.#jobs.resume(this.#spec(command.type, command, record, NO_BLOBS));
        continue;
      }
      const error = new BeelineError("JOB_INTERRUPTED", "the extension stopped during this job");
      const response = errorResponse(record, error, this.#now());
      activities.update(record.linkId, response);
      // A full disk is no reason not to start; the next start settles it again.
      await store.finish(record.id, response).catch(() => undefined);
    }
  }

  async #carryOut(
    raw: unknown,
    caller: Caller,
    blobs: InputBlobs,
    listener: Listener,
  ): Promise<void> {
    let origin = legible(raw);
    try {
      const command = parseCommand(raw, this.#now());
      origin = command;
      if (!(await this.#options.permit(command, caller))) {
        throw new BeelineError("NOT_PERMITTED", `${command.type} is not allowed for this link`);
      }
      const owner = digestOf(caller.clientId);
      if (isJobCommand(command)) {
        this.#admit(command);
        const identity = { owner, linkId: caller.linkId };
        const spec = this.#spec(command.type, command, identity, blobs);
        listener.stopsWith(this.#jobs.submit(spec, listener));
      } else {
        listener.response(await this.#answer(command.type, command, { caller, owner }), true);
      }
    } catch (error) {
      listener.response(errorResponse(origin, BeelineError.from(error), this.#now()), true);
    }
  }

  async #answer<N extends AnswerName>(
    type: N,
    command: Commands[N],
    context: AnswerContext,
  ): Promise<JobResponse> {
    return this.#whole(command, await this.#answers[type](command, context));
  }

  /** @throws {BeelineError} `QUEUE_FULL`, which is not remembered: the same id may be sent again later. */
  #admit(command: Commands[JobName]): void {
    if (this.#jobs.has(command.id.toLowerCase())) return;
    const isImage = (type: string) => type.startsWith("image:");
    const image = isImage(command.type);
    const running = this.#jobs.running((type) => isImage(type) === image);
    if (running < (image ? MAX_IMAGE_JOBS : MAX_RESOURCE_JOBS)) return;
    throw new BeelineError("QUEUE_FULL", `${running} jobs are under way or waiting`);
  }

  #spec<N extends JobName>(
    type: N,
    command: Commands[N],
    identity: { readonly owner: string; readonly linkId: string },
    blobs: InputBlobs,
  ): JobSpec {
    const { owner, linkId } = identity;
    const { fields, ...base } = command;
    return {
      id: command.id.toLowerCase(),
      type,
      owner,
      linkId,
      bodyDigest: bodyDigest(command),
      createdAt: command.createdAt,
      ...(type === "resources:add" && { resume: { ...base, ...fields } }),
      run: async (job) => {
        const context = this.#context<N>(command, job, blobs);
        return this.#whole(command, await this.#handlers[type](command, context));
      },
      failed: (error, job) => {
        const { queuePosition: _place, etaMs: _eta, ...latest } = job.latest ?? { status: "error" };
        return { ...latest, ...errorResponse(command, error, this.#now()) };
      },
    };
  }

  #context<N extends JobName>(
    command: Commands[N],
    job: LiveJob,
    blobs: InputBlobs,
  ): JobContext<N> {
    const { store } = this.#options;
    const { id, owner, arrival } = job.identity;
    return {
      id,
      owner,
      arrival,
      blobs,
      signal: job.signal,
      report: (fields) => job.report(this.#whole(command, fields)),
      progress: (fields) => job.progress(this.#whole(command, fields)),
      preview: (preview) => job.preview(preview),
      keepInput: (name, bytes) => store.putInput(id, name, bytes),
      readInput: (name) => store.readInput(id, name),
      keepImage: async (drawn) => {
        const image = await store.addImage(id, drawn);
        job.image(image);
        return image.info;
      },
    };
  }

  /** A response in the specification's shape. */
  #whole(command: CheckedCommand, fields: JobResponse): JobResponse {
    return {
      id: command.id,
      type: command.type,
      version: PROTOCOL_VERSION,
      createdAt: command.createdAt,
      updatedAt: this.#now(),
      ...fields,
    };
  }

  #resumable(record: JobRecord): Commands[JobName] | undefined {
    if (record.resume === undefined) return undefined;
    try {
      const command = parseCommand(record.resume, this.#now());
      return isJobCommand(command) ? command : undefined;
    } catch {
      // Written by an older version that allowed more.
      return undefined;
    }
  }

  #now(): string {
    return new Date(this.#options.clock()).toISOString();
  }

  #tell(what: Changed): void {
    for (const listener of this.#listeners) listener(what);
  }
}

/** Pictures beside a command came over a session, and that ended with the last run. */
const NO_BLOBS: InputBlobs = {
  read: () => Promise.reject(new BeelineError("SESSION_CLOSED", "the session is over")),
};

function digestOf(clientId: string): string {
  return createHash("sha256").update(clientId).digest("hex");
}

/** What can be said of a message that may not be a command at all. */
function legible(raw: unknown): { id: string; type: string; createdAt?: string } {
  const { id, type } = (typeof raw === "object" && raw !== null ? raw : {}) as Record<
    string,
    unknown
  >;
  const short = (value: unknown) => (typeof value === "string" && value.length <= 64 ? value : "");
  return { id: short(id), type: short(type) };
}
