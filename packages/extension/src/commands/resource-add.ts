/**
 * `resources:add` and `resources:add:cancel`: downloads as commands.
 *
 * An add is one job with several files; each has a state of its own and can be cancelled alone. The
 * whole fails when one file fails, and is cancelled when all are.
 */

import {
  BeelineError,
  type ResourceProgress,
  type ResourceRef,
  type ResourceToAdd,
  type Status,
} from "@beeline/protocol";
import type { DownloadProgress, Downloads } from "../resources/downloads.ts";
import type { Fields, JobContext } from "./command-table.ts";

type AddContext = JobContext<"resources:add">;
type AddFields = Fields<"resources:add">;

/** One file of an add. */
interface Item {
  readonly resource: ResourceToAdd;
  readonly cancel: AbortController;
  readonly ended: Promise<unknown>;
  state: ResourceProgress;
}

/** The adds that are under way, by job id, so that single files of them can be cancelled. */
export class Adds {
  readonly #downloads: Downloads;
  readonly #refreshBackend: () => Promise<void>;
  readonly #items = new Map<string, readonly Item[]>();

  constructor(downloads: Downloads, refreshBackend: () => Promise<void>) {
    this.#downloads = downloads;
    this.#refreshBackend = refreshBackend;
  }

  async run(resources: readonly ResourceToAdd[], context: AddContext): Promise<AddFields> {
    const items: Item[] = [];
    const report = () => {
      const status = overall(items);
      // An end is told once, by what this returns: clients stop listening at the first they hear.
      if (status !== "pending" && status !== "processing") return;
      context.report({ status, resources: states(items) });
    };
    for (const resource of resources) items.push(this.#start(resource, context, report));
    this.#items.set(context.id, items);
    report();
    try {
      await Promise.all(items.map((item) => item.ended));
    } finally {
      this.#items.delete(context.id);
    }
    // The extension is stopping: the job goes on later, so this is no end to report.
    if (context.signal.aborted && !isCancel(context.signal.reason)) throw context.signal.reason;
    if (items.some((item) => item.state.status === "success")) await this.#refreshBackend();
    const error = items.find((item) => item.state.status === "error")?.state.error;
    return { status: overall(items), resources: states(items), ...(error && { error }) };
  }

  /**
   * Cancels the named files of an add that is under way, or says what they came to.
   * @param final the resources of the add's last response, if it has ended.
   * @throws {BeelineError} `RESOURCE_NOT_FOUND` for a file that was not part of it.
   */
  async cancel(
    jobId: string,
    refs: readonly ResourceRef[],
    final: readonly ResourceProgress[],
  ): Promise<ResourceProgress[]> {
    const items = this.#items.get(jobId) ?? [];
    const answers: ResourceProgress[] = [];
    for (const ref of refs) {
      const item = items.find(({ state }) => same(state, ref));
      item?.cancel.abort(new BeelineError("CANCELED", "canceled on request"));
      await item?.ended;
      const state = item?.state ?? final.find((ended) => same(ended, ref));
      if (state === undefined) {
        const detail = `that command adds no ${ref.type} with the hash ${ref.hash}`;
        throw new BeelineError("RESOURCE_NOT_FOUND", detail);
      }
      answers.push(state);
    }
    return answers;
  }

  #start(resource: ResourceToAdd, context: AddContext, report: () => void): Item {
    const cancel = new AbortController();
    const signal = AbortSignal.any([context.signal, cancel.signal]);
    const onProgress = (progress: DownloadProgress) => {
      item.state = { ...resource, status: "processing", ...figures(progress) };
      report();
    };
    const ended = this.#downloads.add(resource, signal, onProgress).then(
      () => {
        item.state = { ...resource, status: "success", progress: 100 };
        report();
      },
      (thrown: unknown) => {
        const error = BeelineError.from(thrown);
        const { speed: _speed, remainingTime: _time, ...last } = item.state;
        item.state = isCancel(error)
          ? { ...last, status: "canceled" }
          : { ...last, status: "error", error: error.toWire() };
        report();
      },
    );
    const item: Item = {
      resource,
      cancel,
      ended,
      state: { ...resource, status: "pending", progress: 0 },
    };
    return item;
  }
}

function states(items: readonly Item[]): ResourceProgress[] {
  return items.map((item) => item.state);
}

function overall(items: readonly Item[]): Status {
  const all = new Set(items.map((item) => item.state.status));
  if (all.has("processing")) return "processing";
  if (all.has("pending")) return all.size === 1 ? "pending" : "processing";
  if (all.has("error")) return "error";
  return all.has("success") ? "success" : "canceled";
}

function figures(progress: DownloadProgress): Partial<ResourceProgress> {
  const { receivedBytes, totalBytes, speed, remainingTime } = progress;
  // What a server says of itself may be anything; what clients accept ends at 100.
  const share = totalBytes ? Math.min(1, receivedBytes / totalBytes) : 0;
  return {
    progress: Math.round(share * 10_000) / 100,
    speed: Math.round(Math.max(0, speed)),
    ...(remainingTime !== undefined && { remainingTime: Math.ceil(remainingTime) }),
  };
}

function same(state: ResourceRef, ref: ResourceRef): boolean {
  return state.hash === ref.hash && state.type === ref.type;
}

function isCancel(error: unknown): boolean {
  return error instanceof BeelineError && error.code === "CANCELED";
}
