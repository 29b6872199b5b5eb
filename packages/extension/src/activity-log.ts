/**
 * Every command that any page sent, and what came of it: the owner's record, one JSON line each.
 *
 * Appended to a file that only its owner can read; when that is full it becomes the previous one, and
 * the one before goes. Holds who asked for what kind of thing and how it ended, never what was drawn.
 * A disk that takes no more is no reason to refuse a command.
 */

import { appendFile, rename, stat } from "node:fs/promises";
import type { CommandEvent } from "./observe-commands.ts";

/** About 5,000 commands; two such files are kept. */
const MAX_BYTES = 1024 * 1024;
/** The owner's alone: it tells who linked and when. */
const FILE_MODE = 0o600;

export class ActivityLog {
  readonly #path: string;
  readonly #clock: () => number;
  #writing: Promise<void> = Promise.resolve();

  /** @param clock milliseconds since 1970. */
  constructor(path: string, clock: () => number) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Notes how a command ended; what is still under way is not noted. */
  readonly note = (event: CommandEvent): void => {
    if (!event.isFinal) return;
    const { type, linkId, client, status, code, id } = event;
    const at = new Date(this.#clock()).toISOString();
    const line = `${JSON.stringify({ at, link: linkId, client, type, status, code, id })}\n`;
    this.#writing = this.#writing.then(() => this.#append(line)).catch(() => undefined);
  };

  /** Resolves when everything is on disk. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #append(line: string): Promise<void> {
    const size = await stat(this.#path).then(
      (stats) => stats.size,
      () => 0,
    );
    if (size + line.length > MAX_BYTES) await rename(this.#path, `${this.#path}.1`);
    await appendFile(this.#path, line, { mode: FILE_MODE });
  }
}
