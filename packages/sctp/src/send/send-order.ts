/**
 * Chunks on the way in the order of their (latest) sending: a list threaded through the ring, so that
 * the oldest is at hand and any one leaves at once.
 */

import type { FlightRing } from "./flight-ring.ts";

const NONE = -1;

export class SendOrder {
  /** Ordinals; -1 for none. */
  oldest = NONE;
  newest = NONE;

  readonly #ring: FlightRing;

  constructor(ring: FlightRing) {
    this.#ring = ring;
  }

  append(ordinal: number): void {
    const slot = this.#ring.slot(ordinal);
    this.#ring.older[slot] = this.newest;
    this.#ring.newer[slot] = NONE;
    if (this.newest === NONE) this.oldest = ordinal;
    else this.#ring.newer[this.#ring.slot(this.newest)] = ordinal;
    this.newest = ordinal;
  }

  remove(ordinal: number): void {
    const slot = this.#ring.slot(ordinal);
    const older = this.#ring.older[slot] as number;
    const newer = this.#ring.newer[slot] as number;
    if (older === NONE) this.oldest = newer;
    else this.#ring.newer[this.#ring.slot(older)] = newer;
    if (newer === NONE) this.newest = older;
    else this.#ring.older[this.#ring.slot(newer)] = older;
  }

  newerThan(ordinal: number): number {
    return this.#ring.newer[this.#ring.slot(ordinal)] as number;
  }
}
