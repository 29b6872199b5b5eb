/**
 * The job that is running, kept so that a reloaded page finds it again: same id, same request, so
 * the extension answers with the running job or its result and never draws twice.
 *
 * `sessionStorage` says which job is this tab's; the request lies in IndexedDB, because the pictures
 * in it are too large for the former. A browser that forbids either only loses this convenience.
 */

import type { Img2ImgInput } from "@beeline/client";
import type { TextRequest } from "./draw-form.ts";

export type DrawRequest =
  | { readonly kind: "txt2img"; readonly request: TextRequest }
  | { readonly kind: "img2img"; readonly request: Img2ImgInput };

export interface PendingJob {
  readonly id: string;
  readonly instanceId: number;
  readonly startedAtMs: number;
  readonly draw: DrawRequest;
  /** For the picture's caption: a hash says nothing to a person. */
  readonly modelName: string | undefined;
}

const MARK = "beeline.job";
/** Not `beeline`: that one is the client library's own. */
const DATABASE = "beeline-page";
const STORE = "jobs";
/** Extensions keep results for an hour at most; what is older was left behind by a closed tab. */
const KEPT_MS = 60 * 60 * 1000;

/** Resolves when the job can be found again; also when it cannot, which is no reason not to draw. */
export async function keepPendingJob(job: PendingJob): Promise<void> {
  try {
    await inStore("readwrite", (store) => store.put(job));
    sessionStorage.setItem(MARK, job.id);
  } catch {
    // Storage is forbidden or full: a reload will not find this job.
  }
}

export async function forgetPendingJob(id: string): Promise<void> {
  try {
    if (sessionStorage.getItem(MARK) === id) sessionStorage.removeItem(MARK);
    await inStore("readwrite", (store) => store.delete(id));
  } catch {
    // Storage is forbidden: there was nothing to forget.
  }
}

/** @returns the job this tab was running on that instance when it was reloaded. */
export async function findPendingJob(
  instanceId: number,
  nowMs: number,
): Promise<PendingJob | undefined> {
  try {
    const id = sessionStorage.getItem(MARK);
    const jobs = await inStore<PendingJob[]>("readonly", (store) => store.getAll());
    for (const job of jobs) {
      if (nowMs - job.startedAtMs > KEPT_MS)
        await inStore("readwrite", (store) => store.delete(job.id));
    }
    return jobs.find(
      (job) => job.id === id && job.instanceId === instanceId && nowMs - job.startedAtMs <= KEPT_MS,
    );
  } catch {
    return undefined;
  }
}

async function inStore<T>(
  mode: IDBTransactionMode,
  action: (store: IDBObjectStore) => IDBRequest<T> | IDBRequest,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
  const database = await settled(opening);
  try {
    return await settled(
      action(database.transaction(STORE, mode).objectStore(STORE)) as IDBRequest<T>,
    );
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
