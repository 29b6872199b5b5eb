/**
 * Exactly once: one id, one job, whoever asks however often and across restarts.
 *
 * Asking again with the same body and from the same client attaches to the running job or delivers
 * the finished result; anything else under that id is `COMMAND_CONFLICT`. A job that was running
 * when the extension stopped is never started again, except for kinds that say they can go on.
 *
 * Knows nothing of what jobs do: that is the `run` it is given.
 */

import { setTimeout as delay } from "node:timers/promises";
import { BeelineError, errorResponse } from "@beeline/protocol";
import type { Subscriber } from "../service.ts";
import type { JobRecord, JobStore } from "./job-store.ts";
import { type JobIdentity, type JobResponse, LiveJob } from "./live-job.ts";

/** A backend that does not stop within this time is left behind when the extension closes. */
const CLOSE_GRACE_MS = 5_000;

export interface JobSpec extends Omit<JobIdentity, "arrival"> {
  readonly createdAt: string;
  /** Present for jobs that go on after a restart: all that is needed to run them again. */
  readonly resume?: unknown;
  /** Carries the job out; whatever it throws becomes the response by {@link failed}. */
  run(job: LiveJob): Promise<JobResponse>;
  /** The final response for an error. */
  failed(error: BeelineError, job: LiveJob): JobResponse;
}

export interface JobsOptions {
  readonly store: JobStore;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears every response of every job, the last included. */
  readonly onResponse: (job: LiveJob, response: JobResponse) => void;
}

export class Jobs {
  readonly #store: JobStore;
  readonly #clock: () => number;
  readonly #onResponse: (job: LiveJob, response: JobResponse) => void;
  readonly #live = new Map<string, LiveJob>();
  #closing = false;
  /** The newest journal entry being made. */
  #beginning: Promise<void> = Promise.resolve();
  #arrivals = 0;

  constructor(options: JobsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#onResponse = options.onResponse;
  }

  get store(): JobStore {
    return this.#store;
  }

  /** Jobs that have not ended, of the types that `counts` accepts. */
  running(counts: (type: string) => boolean): number {
    return [...this.#live.values()].filter((job) => !job.hasEnded && counts(job.identity.type))
      .length;
  }

  /** True when the id already names a job, running or finished. */
  has(id: string): boolean {
    return this.#live.has(id) || this.#store.get(id) !== undefined;
  }

  /**
   * Starts a job, attaches to it, or delivers what it came to.
   * @returns a function that stops listening.
   * @throws {BeelineError} `COMMAND_CONFLICT`, or `JOB_UNKNOWN` when the result is no longer kept.
   */
  submit(spec: JobSpec, subscriber: Subscriber): () => void {
    const known = this.#live.get(spec.id)?.identity ?? this.#store.get(spec.id);
    if (known === undefined) return this.#launch(spec).attach(subscriber);
    if (known.owner !== spec.owner || known.bodyDigest !== spec.bodyDigest) {
      throw new BeelineError("COMMAND_CONFLICT", `the id ${spec.id} belongs to another command`);
    }
    const live = this.#live.get(spec.id);
    if (live !== undefined) return live.attach(subscriber);
    this.#replay(spec.id, subscriber);
    return () => undefined;
  }

  /** Goes on with a job of an earlier run; nobody listens yet. */
  resume(spec: JobSpec): void {
    this.#launch(spec);
  }

  /**
   * A client's own job. Those of others are unknown to it.
   * @throws {BeelineError} `JOB_UNKNOWN`
   */
  find(id: string, owner: string): LiveJob | Readonly<JobRecord> {
    const live = this.#live.get(id);
    const job = live ?? this.#store.get(id);
    const itsOwner = live?.identity.owner ?? this.#store.get(id)?.owner;
    if (job === undefined || itsOwner !== owner) {
      throw new BeelineError("JOB_UNKNOWN", `no job of this client has the id ${id}`);
    }
    return job;
  }

  /** Ends every running job as interrupted and waits for that, within bounds. */
  async close(): Promise<void> {
    this.#closing = true;
    const running = [...this.#live.values()].filter((job) => !job.hasEnded);
    for (const job of running) {
      job.abort(new BeelineError("JOB_INTERRUPTED", "the extension is stopping"));
    }
    const all = Promise.all(running.map((job) => job.ended));
    await Promise.race([all, delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
  }

  #launch(spec: JobSpec): LiveJob {
    const { id, type, owner, linkId, bodyDigest } = spec;
    const identity = { id, type, owner, linkId, bodyDigest, arrival: this.#arrivals++ };
    const job = new LiveJob(identity, this.#clock, this.#onResponse);
    this.#live.set(spec.id, job);
    this.#run(spec, job).catch((thrown) => this.#giveUp(spec, job, thrown));
    return job;
  }

  async #run(spec: JobSpec, job: LiveJob): Promise<void> {
    const { run: _run, failed: _failed, ...record } = spec;
    let response: JobResponse;
    try {
      await this.#begin(record);
      response = await spec.run(job);
    } catch (error) {
      response = spec.failed(
        BeelineError.from(job.signal.aborted ? job.signal.reason : error),
        job,
      );
    }
    // A job that goes on after the next start stays "running" on disk.
    const goesOn = this.#closing && spec.resume !== undefined && job.signal.aborted;
    const remembered = goesOn || (await this.#remember(spec.id, response));
    job.end(response);
    // What the disk could not take is remembered as long as the process lives.
    if (remembered) this.#live.delete(spec.id);
  }

  /** What even the answer to an error could not deal with. It ends this job, not the extension. */
  #giveUp(spec: JobSpec, job: LiveJob, thrown: unknown): void {
    this.#live.delete(spec.id);
    const now = new Date(this.#clock()).toISOString();
    try {
      const response = errorResponse(spec, BeelineError.from(thrown), now);
      void this.#remember(spec.id, response);
      job.end(response);
    } catch {}
  }

  /** One after the other: a journal entry that the disk took sooner must not overtake an older one. */
  #begin(record: Parameters<JobStore["begin"]>[0]): Promise<void> {
    const begun = this.#beginning.then(() => this.#store.begin(record));
    this.#beginning = begun.catch(() => {});
    return begun;
  }

  async #remember(id: string, response: JobResponse): Promise<boolean> {
    try {
      await this.#store.finish(id, response);
      return true;
    } catch {
      return false;
    }
  }

  #replay(id: string, subscriber: Subscriber): void {
    const images = this.#store.images(id);
    const response = this.#store.get(id)?.response;
    if (images === undefined || response === undefined) {
      throw new BeelineError("JOB_UNKNOWN", "the result was delivered and is no longer kept");
    }
    for (const image of images) subscriber.image(image);
    subscriber.response(response, true);
  }
}
