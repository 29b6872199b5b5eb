/**
 * What a running extension leaves on disk so that `beeline extension status` can tell of it.
 *
 * A file that outlived its process counts for nothing: the process must still be there. Holds no key.
 */

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface RunningState {
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  readonly renderer: string;
  readonly links: readonly {
    readonly id: string;
    readonly status: string;
    readonly clients: number;
  }[];
}

export class RunningFile {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(dataDir: string) {
    this.#path = join(dataDir, "running.json");
  }

  write(state: RunningState): void {
    const text = JSON.stringify(state);
    this.#writing = this.#writing
      .then(() => writeFile(this.#path, text, { mode: 0o600 }))
      .catch(() => undefined);
  }

  async remove(): Promise<void> {
    await this.#writing;
    await rm(this.#path, { force: true });
  }

  /** Undefined when none runs. */
  async read(): Promise<RunningState | undefined> {
    try {
      const state = JSON.parse(await readFile(this.#path, "utf8")) as RunningState;
      // Signal 0 asks whether the process is there, and does nothing to it.
      process.kill(state.pid, 0);
      return state;
    } catch {
      return undefined;
    }
  }
}
