/**
 * Finds a file of ours in a backend's list.
 *
 * By its place first: on one machine the same path is the same file. Behind another mount point the
 * file's name decides, and only when exactly one entry has it and no hash speaks against it.
 * Hashes that backends report are not believed by themselves: Forge made them up from file names,
 * sd-server says 8888…, and LoRA hashes leave the header out.
 */

import { realpath } from "node:fs/promises";
import { basename } from "node:path";
import type { ResolvedFile } from "../../image-backend.ts";

export interface ListedFile {
  /** As the backend writes it: absolute or not, with either slash. */
  readonly path: string;
  /** SHA-256 of the whole file, if the backend says one. */
  readonly sha256?: string | undefined;
}

/** The entry that is `file`, or undefined when none certainly is. */
export async function findListed<T extends ListedFile>(
  file: ResolvedFile,
  entries: readonly T[],
): Promise<T | undefined> {
  const own = await real(file.path);
  for (const entry of entries) {
    if ((await real(entry.path)) === own) return entry;
  }
  const named = entries.filter((entry) => nameOf(entry.path) === basename(file.path));
  // Of several with one name, the one whose path ends ours says which: folders below a common root.
  const placed = named.filter((entry) => endsWithPath(file.path, entry.path));
  const [only, another] = placed.length > 0 ? placed : named;
  if (only === undefined || another !== undefined) return undefined;
  const { sha256 } = only;
  const speaks = sha256 !== undefined && /^[0-9a-f]{64}$/i.test(sha256);
  return speaks && sha256.toLowerCase() !== file.hash ? undefined : only;
}

/** A path's last part, whichever system wrote it. */
export function nameOf(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

/** A file's name without its extension: what Stable Diffusion programs call it by. */
export function stemOf(path: string): string {
  return nameOf(path).replace(/\.[^.]+$/, "");
}

function endsWithPath(path: string, end: string): boolean {
  const plain = (text: string) => text.replaceAll("\\", "/");
  return plain(path).endsWith(`/${plain(end)}`);
}

/** The real path, or the path itself where it leads nowhere on this machine. */
function real(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
