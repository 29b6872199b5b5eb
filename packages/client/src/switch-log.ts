/** When bulk moved between paths, and how long it stood still meanwhile. */

import type { Clock } from "@beeline/paths";

export interface Switch {
  readonly to: "relay" | "direct";
  /** Milliseconds since the link was made. */
  readonly atMs: number;
  /** From the moment no path carried bulk until this one did; 0 when they overlapped. */
  readonly gapMs: number;
}

/** The page shows the latest; a flapping path must not fill memory. */
const SWITCHES_KEPT = 32;

export class SwitchLog {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #entries: readonly Switch[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.nowMs();
  }

  get entries(): readonly Switch[] {
    return this.#entries;
  }

  add(to: "relay" | "direct", gapMs = 0): void {
    const atMs = Math.round(this.#clock.nowMs() - this.#startedAtMs);
    this.#entries = [...this.#entries.slice(1 - SWITCHES_KEPT), { to, atMs, gapMs }];
  }
}
