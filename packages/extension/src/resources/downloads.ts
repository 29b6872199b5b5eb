/**
 * Brings resources into the library: two downloads at a time, each file once.
 *
 * Two commands that want the same file share it: the second waits for the first and finds it there,
 * or takes over when the first was cancelled. A file that is already there is a success at once.
 */

import { BeelineError, type Resource, type ResourceToAdd } from "@beeline/protocol";
import { Slots } from "../jobs/slots.ts";
import { type AddressPolicy, checkUrl } from "./address-policy.ts";
import { DOWNLOAD_LIMITS, type DownloadLimits, downloadFile } from "./download.ts";
import { checkFileName } from "./file-name.ts";
import { GuardedFetch } from "./guarded-fetch.ts";
import type { Library } from "./library.ts";
import { purgeParts } from "./part-file.ts";
import { savePreview } from "./preview.ts";
import { TransferRate } from "./transfer-rate.ts";

/** One stream fills most lines; a second one helps with slow hosts. */
const AT_ONCE = 2;
/** Faster reports help nobody and cost the link. */
const REPORT_EVERY_MS = 500;
/** Parts older than a week belong to downloads that nobody will ask for again. */
const KEEP_PARTS_MS = 7 * 24 * 60 * 60 * 1000;

export interface DownloadProgress {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
  /** Bytes per second. */
  readonly speed: number;
  /** Seconds. */
  readonly remainingTime: number | undefined;
}

export interface DownloadsOptions {
  readonly library: Library;
  readonly policy: AddressPolicy;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly limits?: Partial<DownloadLimits>;
  readonly fetch?: GuardedFetch;
}

export class Downloads {
  readonly #library: Library;
  readonly #policy: AddressPolicy;
  readonly #clock: () => number;
  readonly #limits: DownloadLimits;
  readonly #fetch: GuardedFetch;
  readonly #slots = new Slots(AT_ONCE);
  /** By hash: settles when everybody who wants the file so far is done. */
  readonly #wanted = new Map<string, Promise<void>>();
  readonly #inFlight = new Map<string, Resource>();
  readonly #listeners = new Set<() => void>();

  constructor(options: DownloadsOptions) {
    this.#library = options.library;
    this.#policy = options.policy;
    this.#clock = options.clock;
    this.#limits = { ...DOWNLOAD_LIMITS, ...options.limits };
    this.#fetch = options.fetch ?? new GuardedFetch(options.policy);
  }

  /** The way to fetch other things that a page names, under the same rules. */
  get fetch(): GuardedFetch {
    return this.#fetch;
  }

  /** Deletes parts that nobody came back for. */
  async purge(): Promise<void> {
    for (const { path } of this.#library.folders) {
      await purgeParts(path, this.#clock() - KEEP_PARTS_MS);
    }
  }

  /**
   * Resolves when the file is in the library. What is wrong with the request itself is said before
   * anything is waited for.
   * @throws {BeelineError} as `downloadFile`; the signal's reason when it fires: after `CANCELED`
   * nothing is left, after anything else the part is kept for another try.
   */
  async add(
    resource: ResourceToAdd,
    signal: AbortSignal,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<void> {
    if (this.#library.find(resource.hash, resource.type) !== undefined) return;
    checkFileName(resource.name);
    checkUrl(resource.url, this.#policy);
    const before = this.#wanted.get(resource.hash) ?? Promise.resolve();
    const mine = this.#after(before, resource, signal, onProgress);
    // Whoever comes next waits for all before: one who gave up says nothing of those ahead of it.
    const settled = Promise.allSettled([before, mine]).then(() => undefined);
    this.#wanted.set(resource.hash, settled);
    void settled.then(() => {
      if (this.#wanted.get(resource.hash) === settled) this.#wanted.delete(resource.hash);
    });
    await mine;
  }

  /** Files on their way, as entries of the resource list. */
  inFlight(): readonly Resource[] {
    return [...this.#inFlight.values()];
  }

  /** Called when a file sets out or stops. @returns a function that removes the listener. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#fetch.close();
  }

  async #after(
    before: Promise<void>,
    resource: ResourceToAdd,
    signal: AbortSignal,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<void> {
    await unlessAborted(before, signal);
    await this.#slots.use(signal, async () => {
      if (this.#library.find(resource.hash, resource.type) !== undefined) return;
      const { type, hash, name } = resource;
      this.#inFlight.set(hash, { type, hash, name, downloading: true });
      this.#tell();
      try {
        await this.#download(resource, signal, onProgress);
      } finally {
        this.#inFlight.delete(hash);
        this.#tell();
      }
    });
  }

  async #download(
    resource: ResourceToAdd,
    signal: AbortSignal,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<void> {
    const { url, hash, name, type, previewImage } = resource;
    const folder = await this.#library.folderFor(type);
    const path = await downloadFile(
      { url, name, folder, sha256: hash },
      { fetch: this.#fetch, limits: this.#limits, signal, onBytes: this.#reporter(onProgress) },
    );
    if (previewImage !== undefined) {
      // Best effort: a missing picture is no reason to refuse gigabytes that are right.
      await savePreview(previewImage, path, this.#fetch, signal).catch(() => undefined);
    }
    await this.#library.adopt(type, path, hash);
  }

  #reporter(
    onProgress: (progress: DownloadProgress) => void,
  ): (received: number, total: number | undefined) => void {
    const rate = new TransferRate();
    let reportedAt = Number.NEGATIVE_INFINITY;
    return (receivedBytes, totalBytes) => {
      const now = this.#clock();
      if (now - reportedAt < REPORT_EVERY_MS && receivedBytes !== totalBytes) return;
      reportedAt = now;
      rate.add(now, receivedBytes);
      const remainingTime = totalBytes === undefined ? undefined : rate.secondsTo(totalBytes);
      onProgress({ receivedBytes, totalBytes, speed: rate.bytesPerSecond, remainingTime });
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw BeelineError.from(signal.reason);
  let giveUp = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
