/**
 * The last ten requests of each link that changed something or drew something: what pages show as
 * history and the owner as a log.
 *
 * Kept as one JSON file, replaced atomically, so it survives restarts. Addresses are kept without
 * what follows the "?": that is where download tokens are. Requests that only read are not kept.
 */

import { readFile } from "node:fs/promises";
import { ACTIVITIES_KEPT, Activity, BeelineError } from "@beeline/protocol";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import type { JobResponse } from "./jobs/live-job.ts";

const Entry = z.object({ linkId: z.string(), activity: Activity });
type Entry = z.output<typeof Entry>;

export class Activities {
  readonly #file: string;
  /** Newest first. */
  #entries: Entry[];
  #saving: Promise<void> = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  private constructor(file: string, entries: Entry[]) {
    this.#file = file;
    this.#entries = entries;
  }

  /** What was under way when the process ended is shown as interrupted until somebody knows better. */
  static async open(file: string): Promise<Activities> {
    const entries = await readEntries(file);
    return new Activities(
      file,
      entries.map(({ linkId, activity }) => ({ linkId, activity: asInterrupted(activity) })),
    );
  }

  /** Newest first. */
  list(linkId: string, quantity: number = ACTIVITIES_KEPT): readonly Activity[] {
    return this.#of(linkId)
      .slice(0, quantity)
      .map((entry) => entry.activity);
  }

  /**
   * Takes the latest response to a request; of one that is not in shape what tells it from others, so
   * that its end is kept. Listeners hear of new requests and changes of status.
   */
  update(linkId: string, response: JobResponse): void {
    const activity = withoutTokens(legible(response));
    const index = this.#entries.findIndex(
      (entry) => entry.linkId === linkId && entry.activity.id === activity.id,
    );
    const before = this.#entries[index]?.activity.status;
    if (index >= 0) this.#entries[index] = { linkId, activity };
    else this.#entries.unshift({ linkId, activity });
    this.#trim(linkId);
    if (before !== activity.status) this.#changed();
  }

  /** Forgets what has ended. */
  clear(linkId: string): void {
    this.#entries = this.#entries.filter(
      (entry) => entry.linkId !== linkId || isUnderWay(entry.activity),
    );
    this.#changed();
  }

  /** @returns a function that removes the listener. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    await this.#saving;
  }

  /** What has ended goes before what is under way. */
  #trim(linkId: string): void {
    const entries = this.#of(linkId);
    if (entries.length <= ACTIVITIES_KEPT) return;
    const oldest = entries.findLast((entry) => !isUnderWay(entry.activity)) ?? entries.at(-1);
    this.#entries = this.#entries.filter((entry) => entry !== oldest);
  }

  #of(linkId: string): Entry[] {
    return this.#entries.filter((entry) => entry.linkId === linkId);
  }

  #changed(): void {
    const content = JSON.stringify(this.#entries);
    // A history that cannot be written is no reason to fail the request that it tells of.
    this.#saving = this.#saving
      .then(() => writeFileAtomic(this.#file, content, { mode: 0o600 }))
      .catch(() => undefined);
    for (const listener of this.#listeners) listener();
  }
}

function isUnderWay(activity: Activity): boolean {
  return activity.status === "pending" || activity.status === "processing";
}

function asInterrupted(activity: Activity): Activity {
  if (!isUnderWay(activity)) return activity;
  const error = new BeelineError("JOB_INTERRUPTED", "the extension stopped").toWire();
  return { ...activity, status: "error", error };
}

function legible(response: JobResponse): Activity {
  const { data } = Activity.safeParse(response);
  if (data !== undefined) return data;
  const { id, type, status } = response;
  return { id: String(id), type: String(type), status };
}

function withoutTokens(activity: Activity): Activity {
  if (activity.resources === undefined) return activity;
  const resources = activity.resources.map((resource) => ({
    ...resource,
    ...(resource.url !== undefined && { url: bare(resource.url) }),
    ...(resource.previewImage !== undefined && { previewImage: bare(resource.previewImage) }),
  }));
  return { ...activity, resources };
}

/** Origin and path of an address. */
function bare(address: string): string {
  if (!URL.canParse(address)) return "";
  const url = new URL(address);
  return `${url.origin}${url.pathname}`;
}

async function readEntries(file: string): Promise<Entry[]> {
  try {
    return z.array(Entry).parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return [];
  }
}
