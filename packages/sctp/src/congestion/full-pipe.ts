/**
 * Whether sending faster still delivers faster: draft-ietf-ccwg-bbr section 5.3.1.2. Some rounds in
 * which the delivery rate grew by less than a quarter mean that the pipe is full.
 */

import type { RateSample } from "./congestion-control.ts";

const GROWTH = 1.25;

export class FullPipe {
  /** Full since the last reset, and ever. */
  isFullNow = false;
  wasReached = false;

  #baseline = 0;
  #rounds = 0;

  reset(baselineBytesPerMs: number): void {
    this.#baseline = baselineBytesPerMs;
    this.#rounds = 0;
    this.isFullNow = false;
  }

  /** @param roundsEnough rounds without growth that say so */
  update(isRoundStart: boolean, rate: RateSample, roundsEnough: number): void {
    if (this.isFullNow || !isRoundStart || rate.isAppLimited || rate.bytesPerMs === undefined)
      return;
    if (rate.bytesPerMs >= this.#baseline * GROWTH) return this.reset(rate.bytesPerMs);
    this.#rounds += 1;
    if (this.#rounds < roundsEnough) return;
    this.isFullNow = true;
    this.wasReached = true;
  }
}
