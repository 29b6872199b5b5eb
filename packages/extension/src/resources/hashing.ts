/**
 * SHA-256 of model files: small ones here, large ones on a thread that keeps out of the way.
 *
 * The thread lives while there is something to hash; `close` ends it in the middle of a file.
 */

import type { Worker } from "node:worker_threads";
import { BeelineError } from "@beeline/protocol";
import { startThread } from "../threads.ts";
import { hashFile } from "./hash-index.ts";
import type { HashReply } from "./hash-worker.ts";

/** Hashed in 10 ms: sooner than a thread starts. */
const SMALL_BYTES = 8 * 1024 * 1024;

export class Hashing {
  readonly #closing = new AbortController();
  readonly #start: () => Worker;
  #thread: Worker | undefined;

  constructor(start = () => startThread("./hash-worker", import.meta.url)) {
    this.#start = start;
  }

  /** @throws {BeelineError} `INTERNAL` for a file that cannot be read, or after {@link close}. */
  async hash(path: string, bytes: number): Promise<string> {
    if (this.#closing.signal.aborted) throw unreadable(path);
    if (bytes < SMALL_BYTES) return hashFile(path, this.#closing.signal);
    this.#thread ??= this.#begin();
    const sha256 = await ask(this.#thread, path);
    if (sha256 === undefined) throw unreadable(path);
    return sha256;
  }

  /** One that died (out of memory, a disk that failed) answers nobody, so the next file gets another. */
  #begin(): Worker {
    const thread = this.#start();
    const forget = () => {
      if (this.#thread === thread) this.#thread = undefined;
    };
    return thread.on("error", forget).on("exit", forget);
  }

  /** Everything is hashed for now: the thread ends, and starts again when it is needed. */
  async rest(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.rest();
  }
}

function ask(thread: Worker, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (sha256: string | undefined) => {
      thread.off("message", hear).off("error", fail).off("exit", fail);
      resolve(sha256);
    };
    const hear = (reply: HashReply) => {
      if (reply.path === path) end(reply.sha256);
    };
    const fail = () => end(undefined);
    thread.on("message", hear).on("error", fail).on("exit", fail);
    thread.postMessage(path);
  });
}

function unreadable(path: string): BeelineError {
  return new BeelineError("INTERNAL", `${path} cannot be hashed`);
}
