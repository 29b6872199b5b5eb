/** How a job goes: steps done of all its pictures' steps, and the least time each may take. */

import { setTimeout as sleep } from "node:timers/promises";

export class Pace {
  readonly #stepMs: number;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #done = 0;

  /** @param total steps of all pictures together. */
  constructor(stepMs: number, total: number) {
    this.#stepMs = stepMs;
    this.#total = total;
  }

  /** Counts a step, and waits until it may end. A late step is made up for by those after it. */
  async step(): Promise<void> {
    this.#done += 1;
    const early = this.#startedAt + this.#done * this.#stepMs - performance.now();
    if (early > 0) await sleep(early);
  }

  /** 0 to 100. */
  get progress(): number {
    return (this.#done / this.#total) * 100;
  }

  /** Milliseconds that the rest takes if it goes on like this. */
  get etaMs(): number {
    return ((performance.now() - this.#startedAt) / this.#done) * (this.#total - this.#done);
  }
}
