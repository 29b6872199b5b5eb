/**
 * A download that is not finished: `<folder>/.beeline-partial/<sha256>.part`, and beside it a JSON
 * file that says which version of which file the bytes belong to.
 *
 * The digest always covers exactly the bytes on disk: they are read back when the part is opened, so
 * a process that died between writing and noting loses nothing and believes nothing.
 *
 * Knows no network; download.ts decides what is appended and when to begin again.
 */

import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { join } from "node:path";
import { BeelineError } from "@beeline/protocol";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { PARTIAL_FOLDER } from "./folders.ts";

const Sidecar = z.object({
  url: z.string(),
  sha256: z.string(),
  /** A strong ETag or a Last-Modified date: what `If-Range` accepts. Absent: the part cannot be resumed. */
  validator: z.string().optional(),
  /** Bytes of the whole file, where the server said so. */
  size: z.number().int().nonnegative().optional(),
});
export type PartSource = Omit<z.infer<typeof Sidecar>, "sha256">;

export class PartFile {
  readonly path: string;
  readonly #sha256: string;
  readonly #file: FileHandle;
  #hash: Hash;
  #size: number;
  #source: PartSource | undefined;

  private constructor(
    path: string,
    sha256: string,
    opened: { file: FileHandle; hash: Hash; size: number; source: PartSource | undefined },
  ) {
    this.path = path;
    this.#sha256 = sha256;
    this.#file = opened.file;
    this.#hash = opened.hash;
    this.#size = opened.size;
    this.#source = opened.source;
  }

  /** Opens or creates the part of one file; a part without a readable sidecar begins anew. */
  static async open(folder: string, sha256: string): Promise<PartFile> {
    const partials = join(folder, PARTIAL_FOLDER);
    await mkdir(partials, { recursive: true });
    const path = join(partials, `${sha256}.part`);
    const source = await readSidecar(path, sha256);
    const file = await open(path, source === undefined ? "w+" : "a+");
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    return new PartFile(path, sha256, { file, hash, size, source });
  }

  get size(): number {
    return this.#size;
  }

  /** What the bytes were taken from; undefined while there are none. */
  get source(): PartSource | undefined {
    return this.#source;
  }

  /**
   * Drops every byte. What is appended next comes from `source`.
   * @throws {BeelineError} `DISK_FULL`
   */
  async restart(source: PartSource): Promise<void> {
    const sidecar = JSON.stringify({ ...source, sha256: this.#sha256 });
    try {
      await this.#file.truncate(0);
      // The address may carry a token of the owner's account.
      await writeFileAtomic(sidecarOf(this.path), sidecar, { mode: 0o600 });
    } catch (error) {
      throw asDiskError(error);
    }
    this.#hash = createHash("sha256");
    this.#size = 0;
    this.#source = source;
  }

  /** @throws {BeelineError} `DISK_FULL` */
  async append(chunk: Uint8Array): Promise<void> {
    let written = 0;
    try {
      // The digest follows each write, so that a failed one leaves the two in agreement.
      while (written < chunk.length) {
        const rest = chunk.subarray(written);
        const { bytesWritten } = await this.#file.write(rest, 0, rest.length, this.#size);
        this.#hash.update(rest.subarray(0, bytesWritten));
        this.#size += bytesWritten;
        written += bytesWritten;
      }
    } catch (error) {
      throw asDiskError(error);
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** SHA-256 of the bytes so far, in lower case. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Gives the finished file its name. The bytes are on the disk before the name is. */
  async moveTo(target: string): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
    await rename(this.path, target);
    await rm(sidecarOf(this.path), { force: true });
  }

  /** Keeps what is there for another time. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
    await rm(sidecarOf(this.path), { force: true });
  }
}

/** Deletes what downloads left in a folder and nobody came back for. */
export async function purgeParts(folder: string, olderThanMs: number): Promise<void> {
  const partials = join(folder, PARTIAL_FOLDER);
  for (const name of await readdir(partials).catch(() => [])) {
    const path = join(partials, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile() && stats.mtimeMs < olderThanMs) await rm(path, { force: true });
  }
}

/** An error of writing a file: `DISK_FULL` when that is what it was, else `INTERNAL` with its words. */
export function asDiskError(error: unknown): BeelineError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return BeelineError.from(error);
  return new BeelineError("DISK_FULL", "no space is left on the disk", { cause: error });
}

function sidecarOf(path: string): string {
  return `${path}.json`;
}

async function readSidecar(path: string, sha256: string): Promise<PartSource | undefined> {
  try {
    const parsed = Sidecar.parse(JSON.parse(await readFile(sidecarOf(path), "utf8")));
    return parsed.sha256 === sha256 ? parsed : undefined;
  } catch {
    return undefined;
  }
}
