/** Time that a test moves by hand, and the timers that it fires. */

import type { Clock } from "@beeline/paths";

export class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs = (): number => this.#now;

  after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }

  get isIdle(): boolean {
    return this.#timers.size === 0;
  }
}
