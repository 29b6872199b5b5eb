/**
 * Where lasting link keys live: one JSON file that only its owner can read, replaced atomically.
 *
 * Short keys are never stored: they die with the pairing. A key is removed only when the server says
 * for certain that it no longer exists.
 */

import { createHash } from "node:crypto";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BeelineError } from "@beeline/protocol";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { RIGHTS } from "../rights.ts";

const StoredLink = z
  .object({
    server: z.url(),
    key: z.string().regex(/^[0-9a-f]{128}$/),
    /** Names the link in logs and records, where its key must never be. */
    id: z.string().min(1).max(64).optional(),
    /** What its pages may do; absent: nobody has decided yet. */
    allow: z.array(z.enum(RIGHTS)).optional(),
  })
  .transform(({ id, ...link }) => ({ ...link, id: id ?? idOf(link.key) }));
export type StoredLink = z.infer<typeof StoredLink>;

/** For links that were stored before they had one. */
function idOf(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 16);
}

const KeyFile = z.object({
  version: z.literal(1),
  /** Tells the server that a reconnecting extension is the same installation. */
  installId: z.string().min(16).max(64),
  links: z.array(StoredLink).max(64),
});
type KeyFile = z.infer<typeof KeyFile>;

/** The owner's alone: whoever reads a lasting key can command this machine. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export class KeyStore {
  readonly #path: string;
  #file: KeyFile;
  /** Writes follow one another: two links may be rekeyed in the same moment. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: KeyFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * @param newInstallId used when there is no file yet.
   * @throws {BeelineError} `INTERNAL` for a file that is not ours: it is never overwritten.
   */
  static async open(path: string, newInstallId: string): Promise<KeyStore> {
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) {
      return new KeyStore(path, { version: 1, installId: newInstallId, links: [] });
    }
    await chmod(path, FILE_MODE);
    let raw: unknown;
    try {
      raw = JSON.parse(text);
    } catch {
      raw = undefined;
    }
    const file = KeyFile.safeParse(raw);
    if (!file.success) {
      throw new BeelineError("INTERNAL", `${path} is not a Beeline key file; move it away`);
    }
    return new KeyStore(path, file.data);
  }

  get installId(): string {
    return this.#file.installId;
  }

  links(): readonly StoredLink[] {
    return this.#file.links;
  }

  /** Adds a link, or changes the one with the same key or id. */
  async add(link: StoredLink): Promise<void> {
    const others = this.#file.links.filter(({ key, id }) => key !== link.key && id !== link.id);
    this.#file = { ...this.#file, links: [...others, link] };
    await this.#write();
  }

  async remove(key: string): Promise<void> {
    const left = this.#file.links.filter((stored) => stored.key !== key);
    if (left.length === this.#file.links.length) return;
    this.#file = { ...this.#file, links: left };
    await this.#write();
  }

  /**
   * Takes over what another process wrote (`beeline extension unlink`), after our own changes.
   * A file that cannot be read changes nothing.
   */
  async reload(): Promise<void> {
    const read = async (): Promise<void> => {
      const text = await readFile(this.#path, "utf8");
      this.#file = KeyFile.parse(JSON.parse(text));
    };
    this.#writing = this.#writing.then(read).catch(() => undefined);
    await this.#writing;
  }

  /** Resolves when every change so far is on disk, or could not be written. */
  settled(): Promise<void> {
    return this.#writing.catch(() => {});
  }

  #write(): Promise<void> {
    const write = async (): Promise<void> => {
      const text = `${JSON.stringify(this.#file, null, 2)}\n`;
      await writeFileAtomic(this.#path, text, { mode: FILE_MODE });
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}
