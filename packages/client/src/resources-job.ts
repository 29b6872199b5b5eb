/** An add of resources as its caller sees it: progress to iterate over, a final state to await. */

import { BeelineError, type ResponseOf } from "@beeline/protocol";
import type { ResourcesJob, ResourcesUpdate } from "./api.ts";
import type { Calls } from "./calls.ts";
import { UpdateQueue } from "./update-queue.ts";

export interface ResourcesJobOptions {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal | undefined;
  readonly calls: Calls;
  readonly cancel: (id: string) => void;
}

export function startResourcesJob(options: ResourcesJobOptions): ResourcesJob {
  const { id, calls } = options;
  const updates = new UpdateQueue<ResourcesUpdate>(() => true);
  const result = new Promise<ResourcesUpdate>((resolve, reject) => {
    const fail = (error: BeelineError): void => {
      reject(error);
      updates.end();
    };
    if (options.signal?.aborted) {
      fail(new BeelineError("CANCELED", "aborted before it was sent"));
      return;
    }
    calls.start(
      { ...options.fields, id, type: "resources:add" },
      [],
      {
        onResponse: (response: ResponseOf<"resources:add">) => {
          const update = { status: response.status, resources: response.resources ?? [] };
          updates.push(update);
          if (response.status !== "success") return;
          calls.finish(id, true);
          resolve(update);
          updates.end();
        },
        onError: fail,
      },
      false,
    );
  });
  result.catch(() => {});
  const cancel = (): void => options.cancel(id);
  options.signal?.addEventListener("abort", cancel, { once: true });
  return { id, result, cancel, [Symbol.asyncIterator]: () => updates[Symbol.asyncIterator]() };
}
