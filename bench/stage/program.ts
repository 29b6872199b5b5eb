/** A Node program of `ends/` in some place, heard and told over IPC, which no network carries. */

import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Seat } from "./stage.ts";

/** Node starts, and transpiles our sources, on a machine that may be busy. */
const START_LIMIT_MS = 30_000;

export class Program<Told, Heard> {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #listeners = new Set<(message: Heard) => void>();
  #hasExited = false;

  /** @param file of `bench/ends/`. */
  constructor(seat: Seat, file: string, args: readonly string[] = []) {
    const program = fileURLToPath(new URL(`../ends/${file}`, import.meta.url));
    this.#process = seat.spawn(
      process.execPath,
      ["--import=tsx", "--conditions=@beeline/source", program, ...args],
      {
        // Killed, it cannot clean up after itself; the seat's folder goes with the stage.
        env: { ...process.env, TMPDIR: seat.folder },
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      },
    );
    this.#exited = new Promise((resolve) => {
      this.#process.once("exit", () => {
        this.#hasExited = true;
        resolve();
      });
    });
    this.#process.on("message", (message) => {
      for (const listener of this.#listeners) listener(message as Heard);
    });
    // A program that has ended is told nothing more.
    this.#process.on("error", () => {});
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  tell(message: Told): void {
    if (this.#process.connected) this.#process.send(message as object);
  }

  /** @returns a function that stops listening. */
  listen(listener: (message: Heard) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first message for which `pick` has a value. */
  async hear<T>(pick: (message: Heard) => T | undefined, limitMs = START_LIMIT_MS): Promise<T> {
    let stop = (): void => {};
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = new Promise<T>((resolve, reject) => {
      stop = this.listen((message) => {
        try {
          const value = pick(message);
          if (value !== undefined) resolve(value);
        } catch (error) {
          reject(error);
        }
      });
      timer = setTimeout(() => reject(new Error("a program said nothing")), limitMs);
    });
    const gone = this.#exited.then(() => {
      throw new Error("a program ended");
    });
    try {
      return await Promise.race([heard, gone]);
    } finally {
      stop();
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    if (!this.#hasExited) this.#process.kill("SIGKILL");
    await this.#exited;
  }
}
