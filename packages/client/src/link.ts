/**
 * A link, from the site's side: turns method calls into commands. See `api.ts` for what each member
 * promises, and `connection.ts` for what carries them.
 */

import { type Clock, type CreateRtcPeer, loadSimplePeer, realClock } from "@beeline/paths";
import {
  type Activity,
  BeelineError,
  type CommandName,
  type ExtensionInfo,
  parseLinkKey,
  type Resource,
  type ResourceProgress,
  type ResourceRef,
  type ResourceToAdd,
  type ResourceType,
  type ResponseOf,
} from "@beeline/protocol";
import type {
  ConnectOptions,
  ExtensionKind,
  ImageJob,
  Img2ImgInput,
  JobOptions,
  Link,
  LinkEvents,
  LinkState,
  LinkStats,
  PathPolicy,
  PathReport,
  ResourcesJob,
} from "./api.ts";
import type { Calls } from "./calls.ts";
import { Connection } from "./connection.ts";
import { type ImageJobOptions, startImageJob } from "./image-job.ts";
import { takeInputs } from "./input-images.ts";
import { openPartStore } from "./part-store.ts";
import { randomUuid } from "./random.ts";
import { type ResourcesJobOptions, startResourcesJob } from "./resources-job.ts";

const CLOSE_TIMEOUT_MS = 5_000;

/** Parts that tests replace. */
export interface LinkParts {
  readonly clock: Clock;
  readonly createPeer: CreateRtcPeer | undefined;
}

/**
 * Joins the room of `options.key` and resolves as soon as the server has let us in; commands may be
 * sent at once and travel when the extension is there.
 * @throws {BeelineError} `LINK_KEY_MALFORMED`, `LINK_KEY_UNKNOWN`, `CANCELED`.
 */
export async function connect(options: ConnectOptions, parts?: LinkParts): Promise<Link> {
  const key = parseLinkKey(options.key);
  const createPeer = parts === undefined ? await loadSimplePeer() : parts.createPeer;
  const clock = parts?.clock ?? realClock;
  const connection = new Connection({ ...options, key }, clock, createPeer);
  await connection.joined(options.signal);
  return new RoomLink(connection, clock);
}

class RoomLink implements Link {
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #parts = openPartStore();

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#calls = connection.calls;
    this.#clock = clock;
  }

  get key(): string {
    return this.#connection.key;
  }

  get state(): LinkState {
    return this.#connection.state;
  }

  get extension(): ExtensionKind | undefined {
    return this.#connection.kind;
  }

  get path(): PathReport {
    return this.#connection.path;
  }

  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void {
    return this.#connection.on(event, listener);
  }

  txt2img(request: Parameters<Link["txt2img"]>[0], options: JobOptions = {}): ImageJob {
    return startImageJob({
      ...this.#imageJobOptions(options),
      type: "image:txt2img",
      command: request,
      inputs: [],
    });
  }

  img2img(request: Img2ImgInput, options: JobOptions = {}): ImageJob {
    const { command, inputs } = takeInputs(request);
    return startImageJob({
      ...this.#imageJobOptions(options),
      type: "image:img2img",
      command,
      inputs,
    });
  }

  async describe(options: JobOptions = {}): Promise<ExtensionInfo> {
    const { extension } = await this.#ask("extension:describe", {}, options);
    if (extension === undefined) throw new BeelineError("MESSAGE_MALFORMED", "no description");
    return extension;
  }

  async listResources(
    types?: readonly ResourceType[],
    options: JobOptions = {},
  ): Promise<readonly Resource[]> {
    const response = await this.#ask("resources:list", types ? { types } : {}, options);
    return response.resources ?? [];
  }

  addResources(resources: readonly ResourceToAdd[], options: JobOptions = {}): ResourcesJob {
    return startResourcesJob({ ...this.#jobOptions(options), fields: { resources } });
  }

  async cancelAdd(
    addId: string,
    resources: readonly ResourceRef[],
  ): Promise<readonly ResourceProgress[]> {
    const fields = { activityId: addId, resources };
    return (await this.#ask("resources:add:cancel", fields)).resources ?? [];
  }

  async removeResources(
    resources: readonly ResourceRef[],
    options: JobOptions = {},
  ): Promise<readonly ResourceProgress[]> {
    return (await this.#ask("resources:remove", { resources }, options)).resources ?? [];
  }

  async listActivities(options: JobOptions = {}): Promise<readonly Activity[]> {
    return (await this.#ask("activities:list", {}, options)).activities ?? [];
  }

  async clearActivities(): Promise<void> {
    await this.#ask("activities:clear", {});
  }

  setPolicy(policy: PathPolicy): void {
    this.#connection.setPolicy(policy);
  }

  stats(): LinkStats {
    return this.#connection.stats();
  }

  close(timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
    return this.#connection.close(timeoutMs);
  }

  async #ask<N extends CommandName>(
    type: N,
    fields: Readonly<Record<string, unknown>>,
    { id = randomUuid(), signal }: JobOptions = {},
  ): Promise<ResponseOf<N>> {
    this.#assertOpen();
    const aborted = new BeelineError("CANCELED", "aborted by the caller");
    if (signal?.aborted) throw aborted;
    const abort = (): void => this.#calls.fail(id, aborted);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        const onResponse = (response: ResponseOf<N>): void => {
          if (response.status !== "success") return;
          this.#calls.finish(id, false);
          resolve(response);
        };
        this.#calls.start({ ...fields, id, type }, [], { onResponse, onError: reject }, true);
      });
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #imageJobOptions(options: JobOptions): Omit<ImageJobOptions, "type" | "command" | "inputs"> {
    const isResumable = options.id !== undefined;
    const jobOptions = this.#jobOptions(options);
    return { ...jobOptions, clock: this.#clock, parts: this.#parts, isResumable };
  }

  #jobOptions(options: JobOptions): Omit<ResourcesJobOptions, "fields"> {
    this.#assertOpen();
    return {
      id: options.id ?? randomUuid(),
      signal: options.signal,
      calls: this.#calls,
      cancel: (activityId) => {
        // Its own failure changes nothing: the job's answer is what counts.
        this.#ask("activities:cancel", { activityId }).catch(() => {});
      },
    };
  }

  #assertOpen(): void {
    if (this.state === "closed") throw new BeelineError("SESSION_CLOSED", "the link was closed");
  }
}
