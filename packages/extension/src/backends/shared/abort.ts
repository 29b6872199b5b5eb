/** Waiting that ends when a job is canceled. */

import { setTimeout as delay } from "node:timers/promises";
import { BeelineError } from "@beeline/protocol";

export const canceled = (): BeelineError => new BeelineError("CANCELED", "the job was canceled");

/** Settles with `work`, or rejects with `CANCELED` as soon as the signal fires; the work goes on unheard. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(canceled());
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Resolves after `ms`, earlier when the signal fires; never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined);
}
