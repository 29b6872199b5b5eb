/**
 * The model files of this machine, known by their SHA-256.
 *
 * Real files in known folders: Beeline's own below one models folder, or those that the program
 * beside it loads from; the disk is the truth and this is a view
 * of it. `list` and `find` answer from memory at once; `rescan` looks at the disk and computes what
 * is missing, one file at a time, telling listeners as the view changes. Only regular files are seen:
 * links inside a folder are not followed, so nothing outside can be listed or removed. A known folder
 * may itself be a link (to a larger disk, say), because only the owner can have made that.
 */

import { lstat, mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { BeelineError, type ResourceRef, type ResourceType } from "@beeline/protocol";
import type { ModelFolder, ResolvedFile } from "../image-backend.ts";
import { FOLDER_OF, isModelFile, LISTED_AS, previewPathOf } from "./folders.ts";
import { HashIndex } from "./hash-index.ts";
import { Hashing } from "./hashing.ts";
import { watchFolders } from "./watch-folders.ts";

/** Hashing a library takes hours; at most this much of it is lost when the process is killed. */
const SAVE_EVERY_MS = 10_000;
/** While hashing, listeners hear of new entries this often. */
const TELL_EVERY_MS = 1_000;

export interface LibraryFile extends ResolvedFile {
  readonly type: ResourceType;
  /** Below the folder of its type, with forward slashes: what pages are told. */
  readonly listPath: string;
  /** Bytes. */
  readonly size: number;
  readonly hasPreview: boolean;
}

/** A model file as a walk through the folders meets it, before its hash is known. */
interface FoundFile {
  readonly type: ResourceType;
  /** The known folder that it lies in, as a real path. */
  readonly folder: string;
  readonly path: string;
  readonly hasPreview: boolean;
}

export interface LibraryOptions {
  /** Holds a folder for each type; made if missing. Not used when there are `folders`. */
  readonly modelsDir: string;
  /** The folders of another program. New files of a type go to the first of it. */
  readonly folders?: readonly ModelFolder[];
  /** Where the computed hashes are kept. */
  readonly indexFile: string;
  /** Milliseconds, for pacing only. */
  readonly clock: () => number;
}

export class Library {
  readonly #folders: readonly ModelFolder[];
  readonly #hashing = new Hashing();
  readonly #index: HashIndex;
  readonly #clock: () => number;
  readonly #files = new Map<string, LibraryFile>();
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #round: Promise<void> | undefined;
  #unwatch: () => void = () => {};
  #unread = 0;

  private constructor(folders: readonly ModelFolder[], index: HashIndex, clock: () => number) {
    this.#folders = folders;
    this.#index = index;
    this.#clock = clock;
  }

  /** Creates Beeline's own folders. The view is empty until the first {@link rescan}. */
  static async open(options: LibraryOptions): Promise<Library> {
    const { modelsDir, folders = [], indexFile, clock } = options;
    const known = folders.length > 0 ? folders : await ownFolders(modelsDir);
    return new Library(known, await HashIndex.open(indexFile), clock);
  }

  /** Where the files of each type are; several for one type are in order of preference. */
  get folders(): readonly ModelFolder[] {
    return this.#folders;
  }

  /** Files whose hash is known, by type and name. */
  list(types?: readonly ResourceType[]): readonly LibraryFile[] {
    const folders = types?.length ? new Set(types.map((type) => FOLDER_OF[type])) : undefined;
    return [...this.#files.values()]
      .filter((file) => folders?.has(FOLDER_OF[file.type]) ?? true)
      .sort((a, b) => (a.listPath < b.listPath ? -1 : 1));
  }

  /** Of several copies, the first in the list. */
  find(hash: string, type?: ResourceType): LibraryFile | undefined {
    const wanted = hash.toLowerCase();
    const folder = type && FOLDER_OF[type];
    let first: LibraryFile | undefined;
    for (const file of this.#files.values()) {
      if (file.hash !== wanted) continue;
      if (folder !== undefined && FOLDER_OF[file.type] !== folder) continue;
      if (first === undefined || file.listPath < first.listPath) first = file;
    }
    return first;
  }

  /** Files of a type by the name that prompts use: without folder and extension. */
  named(name: string, type: ResourceType): readonly LibraryFile[] {
    return this.list([type]).filter((file) => file.name.replace(/\.[^.]+$/, "") === name);
  }

  /** How many files are still to be hashed: until then, "not found" may be premature. */
  get unread(): number {
    return this.#unread;
  }

  /**
   * The folder for new files of a type, as a real path.
   * @throws {BeelineError} `COMMAND_UNSUPPORTED` when the program has none.
   */
  async folderFor(type: ResourceType): Promise<string> {
    const [folder] = await this.#realFolders(type);
    if (folder !== undefined) return folder;
    throw new BeelineError("COMMAND_UNSUPPORTED", `there is no folder here for ${type} files`);
  }

  async #realFolders(type: ResourceType): Promise<readonly string[]> {
    const of = this.#folders.filter((folder) => FOLDER_OF[folder.type] === FOLDER_OF[type]);
    const real = await Promise.all(of.map(({ path }) => realpath(path).catch(() => undefined)));
    return real.filter((path) => path !== undefined);
  }

  /** From now on, looks at the disk whenever something changed there. */
  watch(): void {
    this.#unwatch = watchFolders(
      this.#folders.map(({ path }) => path),
      // The next change, or the next who asks, tries again.
      () => void this.rescan().catch(() => undefined),
    );
  }

  /** Looks at the disk; resolves when every file is hashed. Concurrent calls share one round. */
  rescan(): Promise<void> {
    this.#round ??= this.#scan().finally(() => {
      this.#round = undefined;
      this.#unread = 0;
    });
    return this.#round;
  }

  /** Takes a file in whose hash was computed while it was written. */
  async adopt(type: ResourceType, path: string, hash: string): Promise<void> {
    const listedAs = LISTED_AS.get(FOLDER_OF[type]) ?? type;
    const folder = await this.folderFor(type);
    const stats = await stat(path);
    this.#index.set(path, stats, hash);
    const hasPreview = await lstat(previewPathOf(path)).then(
      (preview) => preview.isFile(),
      () => false,
    );
    const file = { type: listedAs, folder, path, hasPreview };
    this.#files.set(path, describeFile(file, stats.size, hash));
    this.#tell();
    await this.#index.save();
  }

  /**
   * Deletes every copy of one resource in the folder of its type, and the pictures beside them.
   * @throws {BeelineError} `RESOURCE_NOT_FOUND`, also when the file changed since it was hashed.
   */
  async remove(ref: ResourceRef): Promise<LibraryFile> {
    const copies = this.list([ref.type]).filter((file) => file.hash === ref.hash);
    const [first] = copies;
    if (first === undefined) throw notFound(ref);
    const folders = await this.#realFolders(ref.type);
    for (const file of copies) {
      await this.#checkUnchanged(file, folders);
      await rm(file.path);
      const preview = await lstat(previewPathOf(file.path)).catch(() => undefined);
      if (preview?.isFile()) await rm(previewPathOf(file.path));
      this.#files.delete(file.path);
    }
    this.#tell();
    return first;
  }

  /** @returns a function that removes the listener. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#unwatch();
    this.#closing.abort();
    await this.#hashing.close();
    await this.#round?.catch(() => undefined);
    await this.#index.save();
  }

  async #checkUnchanged(file: LibraryFile, folders: readonly string[]): Promise<void> {
    const stats = await lstat(file.path).catch(() => undefined);
    const real = await realpath(file.path).catch(() => "");
    if (
      stats?.isFile() &&
      folders.some((folder) => isInside(folder, real)) &&
      this.#index.get(file.path, stats) === file.hash
    ) {
      return;
    }
    this.#files.delete(file.path);
    this.#tell();
    throw notFound({ type: file.type, hash: file.hash });
  }

  async #scan(): Promise<void> {
    const before = new Set(this.#files.keys());
    const found: FoundFile[] = [];
    for (const { type, path } of this.#folders) {
      const folder = await realpath(path).catch(() => path);
      for (const file of await walk(folder)) found.push({ type, folder, ...file });
    }
    const paths = new Set(found.map((file) => file.path));
    let changed = false;
    for (const path of before) {
      if (!paths.has(path)) changed = this.#files.delete(path) || changed;
    }

    const unread: FoundFile[] = [];
    for (const file of found) {
      const stats = await stat(file.path).catch(() => undefined);
      const hash = stats && this.#index.get(file.path, stats);
      if (stats === undefined || hash === undefined) unread.push(file);
      else changed = this.#put(file, stats.size, hash) || changed;
    }
    if (changed) this.#tell();
    await this.#hashAll(unread);
    await this.#hashing.rest();
    this.#index.retain((path) => paths.has(path) || this.#files.has(path));
    await this.#index.save();
  }

  async #hashAll(unread: readonly FoundFile[]): Promise<void> {
    let toldAt = this.#clock();
    let savedAt = toldAt;
    let untold = false;
    for (const [done, file] of unread.entries()) {
      this.#unread = unread.length - done;
      if (this.#closing.signal.aborted) return;
      untold = (await this.#hashOne(file)) || untold;
      const now = this.#clock();
      if (untold && now - toldAt >= TELL_EVERY_MS) {
        this.#tell();
        toldAt = now;
        untold = false;
      }
      if (now - savedAt >= SAVE_EVERY_MS) {
        await this.#index.save();
        savedAt = now;
      }
    }
    if (untold) this.#tell();
  }

  async #hashOne(file: FoundFile): Promise<boolean> {
    try {
      const before = await stat(file.path);
      const hash = await this.#hashing.hash(file.path, before.size);
      const after = await stat(file.path);
      // Still being written: the next round sees it again.
      if (before.size !== after.size || before.mtimeMs !== after.mtimeMs) return false;
      this.#index.set(file.path, after, hash);
      return this.#put(file, after.size, hash);
    } catch {
      // Gone, unreadable or closing: not part of the view.
      return this.#files.delete(file.path);
    }
  }

  #put(file: FoundFile, size: number, hash: string): boolean {
    const old = this.#files.get(file.path);
    if (old?.hash === hash && old.hasPreview === file.hasPreview) return false;
    this.#files.set(file.path, describeFile(file, size, hash));
    return true;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function describeFile(file: FoundFile, size: number, hash: string): LibraryFile {
  const { type, folder, path, hasPreview } = file;
  const below = relative(folder, path).split(sep);
  return {
    type,
    path,
    hash,
    size,
    hasPreview,
    name: below.at(-1) ?? "",
    listPath: [FOLDER_OF[type], ...below].join("/"),
  };
}

/** A folder for each type below one, made if missing. */
async function ownFolders(modelsDir: string): Promise<readonly ModelFolder[]> {
  await mkdir(modelsDir, { recursive: true });
  const root = await realpath(modelsDir);
  const folders: ModelFolder[] = [];
  for (const [name, type] of LISTED_AS) {
    await mkdir(join(root, name), { recursive: true });
    folders.push({ type, path: join(root, name) });
  }
  return folders;
}

/** Every model file below a folder; hidden folders and links are passed over. */
async function walk(folder: string): Promise<{ path: string; hasPreview: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = new Set(entries.map((entry) => entry.name));
  const found: { path: string; hasPreview: boolean }[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile() && isModelFile(entry.name)) {
      found.push({ path, hasPreview: names.has(previewPathOf(entry.name)) });
    } else if (entry.isDirectory() && !entry.name.startsWith(".")) {
      found.push(...(await walk(path)));
    }
  }
  return found;
}

function isInside(folder: string, path: string): boolean {
  const below = relative(folder, path);
  return below !== "" && below !== ".." && !below.startsWith(`..${sep}`) && !isAbsolute(below);
}

function notFound(ref: ResourceRef): BeelineError {
  return new BeelineError("RESOURCE_NOT_FOUND", `no ${ref.type} here has the hash ${ref.hash}`);
}
