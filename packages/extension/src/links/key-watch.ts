/**
 * Tells when somebody changed the stored links beside us. Only a hint: where the folder cannot be
 * watched (a limit of the system, a network drive) the extension goes on and follows at its next start.
 */

import { watch } from "node:fs";

/**
 * @param onBlind is told once that there will be no hints, and why.
 * @returns a function that stops watching.
 */
export function watchKeys(
  folder: string,
  file: string,
  onChange: () => void,
  onBlind: (reason: string) => void,
  watchFolder: typeof watch = watch,
): () => void {
  try {
    const watcher = watchFolder(folder, { persistent: false }, (_event, name) => {
      if (name === file) onChange();
    });
    watcher.once("error", ({ message }) => {
      watcher.close();
      onBlind(message);
    });
    // A closed one may still say what happened before.
    watcher.on("error", () => {});
    return () => watcher.close();
  } catch (thrown) {
    onBlind(thrown instanceof Error ? thrown.message : String(thrown));
    return () => {};
  }
}
