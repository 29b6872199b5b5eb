/**
 * Tells when something changed below folders, so that a file dropped there by hand is listed soon.
 *
 * Only a hint that comes late and once: a folder that cannot be watched (a network drive, a limit of
 * the system) is looked at when somebody asks for the list.
 */

import { watch } from "node:fs";

/** A file that is being copied changes many times a second; it is looked at when that stops. */
const QUIET_MS = 2_000;

/** @returns a function that stops watching. */
export function watchFolders(paths: readonly string[], onChange: () => void): () => void {
  let quiet: NodeJS.Timeout | undefined;
  const note = (): void => {
    clearTimeout(quiet);
    quiet = setTimeout(onChange, QUIET_MS);
    quiet.unref();
  };
  const watchers = paths.flatMap((path) => {
    try {
      const watcher = watch(path, { recursive: true, persistent: false }, note);
      return [watcher.on("error", () => watcher.close())];
    } catch {
      return [];
    }
  });
  return () => {
    clearTimeout(quiet);
    for (const watcher of watchers) watcher.close();
  };
}
