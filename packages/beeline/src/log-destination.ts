/**
 * Where log lines go: a file, or standard error. What it does not take now, because the disk is full
 * or nobody reads, waits in bounds and is tried again; what is beyond them is dropped, whole lines.
 *
 * The invariant: a line never throws, never waits, and never keeps the process from ending. So there
 * is no flush at exit: pino's own destination ends the process when a disk is full, and on the way
 * tries to write for ever.
 */

import { mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Some thousand lines: a burst that a pipe's reader catches up with. */
export const MAX_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;

const NOTHING = Buffer.alloc(0);

export class LogDestination {
  readonly #put: (bytes: Buffer) => number;
  #waiting: Buffer = NOTHING;
  #retry: NodeJS.Timeout | undefined;

  /** @param put writes what it can of these bytes, says how many that were, or throws. */
  constructor(put: (bytes: Buffer) => number) {
    this.#put = put;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.length + bytes.length > MAX_WAITING_BYTES) this.#flush();
    const fits = this.#waiting.length + bytes.length <= MAX_WAITING_BYTES;
    if (fits)
      this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    this.#flush();
  }

  #flush(): void {
    try {
      for (let count = -1; this.#waiting.length > 0 && count !== 0; ) {
        count = this.#put(this.#waiting);
        this.#waiting = this.#waiting.subarray(count);
      }
    } catch {}
    if (this.#waiting.length === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#flush();
    }, RETRY_MS);
    this.#retry.unref();
  }
}

/** @param to a file, which is made and appended to, or an open descriptor. */
export function openLog(to: string | number): LogDestination {
  if (typeof to === "string") mkdirSync(dirname(to), { recursive: true });
  const fd = typeof to === "string" ? openSync(to, "a") : to;
  return new LogDestination((bytes) => writeSync(fd, bytes));
}
