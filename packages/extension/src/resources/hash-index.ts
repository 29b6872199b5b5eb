/**
 * Remembers the SHA-256 of files, so that each is computed once.
 *
 * A remembered hash holds while the file's size, modification time and inode are what they were.
 * Kept as one JSON file, replaced atomically; one that cannot be read is an empty one, because
 * everything in it can be computed again.
 */

import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { readFile } from "node:fs/promises";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";

/** About 1 ms of hashing at a time, so that a link beside it never stutters. */
const READ_BYTES = 1024 * 1024;

const Entry = z.object({
  size: z.number(),
  mtimeMs: z.number(),
  ino: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const IndexFile = z.object({ version: z.literal(1), files: z.record(z.string(), Entry) });

export class HashIndex {
  readonly #file: string;
  readonly #entries: Map<string, z.infer<typeof Entry>>;
  #dirty = false;

  private constructor(file: string, entries: Map<string, z.infer<typeof Entry>>) {
    this.#file = file;
    this.#entries = entries;
  }

  static async open(file: string): Promise<HashIndex> {
    const parsed = IndexFile.safeParse(await readJson(file));
    return new HashIndex(file, new Map(parsed.success ? Object.entries(parsed.data.files) : []));
  }

  get(path: string, stats: Stats): string | undefined {
    const entry = this.#entries.get(path);
    const same =
      entry?.size === stats.size && entry.mtimeMs === stats.mtimeMs && entry.ino === stats.ino;
    return same ? entry?.sha256 : undefined;
  }

  set(path: string, stats: Stats, sha256: string): void {
    const { size, mtimeMs, ino } = stats;
    this.#entries.set(path, { size, mtimeMs, ino, sha256 });
    this.#dirty = true;
  }

  /** Forgets files that are gone. */
  retain(exists: (path: string) => boolean): void {
    for (const path of this.#entries.keys()) {
      if (!exists(path)) this.#dirty = this.#entries.delete(path);
    }
  }

  async save(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    const content = { version: 1, files: Object.fromEntries(this.#entries) };
    await writeFileAtomic(this.#file, JSON.stringify(content));
  }
}

/** SHA-256 of a file in lower case; stops with the signal's reason. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    signal.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}
