/**
 * When traffic moved between paths, and how long a picture stood still meanwhile: the time from the
 * last bytes of a stream on one path to its next bytes on the other. 0 when nothing was on its way.
 */

import type { Clock } from "@beeline/paths";
import type { PathKind } from "@beeline/protocol";

export interface Switch {
  readonly to: PathKind;
  /** Milliseconds since the link was made. */
  readonly atMs: number;
  readonly gapMs: number;
}

/** The page shows the latest; a flapping path must not fill memory. */
const SWITCHES_KEPT = 32;

export class SwitchLog {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  /** Of each stream that is arriving: the path and time of its newest bytes. */
  readonly #arriving = new Map<number, { path: PathKind; atMs: number }>();
  #entries: readonly Switch[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.nowMs();
  }

  get entries(): readonly Switch[] {
    return this.#entries;
  }

  /** This side sends elsewhere from now on. */
  sends(to: PathKind): void {
    if (this.#entries.at(-1)?.to !== to) this.#add(to, 0);
  }

  /** Bytes of a stream came in. */
  arrives(stream: number, path: PathKind): void {
    const atMs = this.#clock.nowMs();
    const before = this.#arriving.get(stream);
    this.#arriving.set(stream, { path, atMs });
    if (before === undefined || before.path === path) return;
    const gapMs = Math.round(atMs - before.atMs);
    const latest = this.#entries.at(-1);
    if (latest?.to !== path) this.#add(path, gapMs);
    else if (latest.gapMs < gapMs) this.#entries = this.#entries.with(-1, { ...latest, gapMs });
  }

  /** Nothing more comes of this stream. */
  ends(stream: number): void {
    this.#arriving.delete(stream);
  }

  /** The session is over, and its streams with it. */
  clear(): void {
    this.#arriving.clear();
  }

  #add(to: PathKind, gapMs: number): void {
    const atMs = Math.round(this.#clock.nowMs() - this.#startedAtMs);
    this.#entries = [...this.#entries.slice(1 - SWITCHES_KEPT), { to, atMs, gapMs }];
  }
}
