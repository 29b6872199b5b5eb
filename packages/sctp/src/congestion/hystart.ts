/**
 * When slow start has gone far enough: HyStart++ (RFC 9406). A round whose shortest round trip rises
 * means a queue; growth then goes on at a quarter for five rounds (conservative slow start), in case
 * it was a mere wobble, and ends if the delay stays.
 */

import type { Ack } from "./congestion-control.ts";

/** RFC 9406 section 4.3. */
const LEAST_MARGIN_MS = 4;
const MOST_MARGIN_MS = 16;
const MARGIN_SHARE = 1 / 8;
const SAMPLES = 8;
const CONSERVATIVE_DIVISOR = 4;
const CONSERVATIVE_ROUNDS = 5;

export class HyStart {
  /** Bytes that the window grows by for each byte acknowledged. 0: slow start is over. */
  growth = 1;

  #roundEndBytes = 0;
  #lastRoundMs = Number.POSITIVE_INFINITY;
  #roundMs = Number.POSITIVE_INFINITY;
  #samples = 0;
  /** The shortest of the round that began conservative growth; a shorter one says: false alarm. */
  #baselineMs = Number.POSITIVE_INFINITY;
  #conservativeRounds = 0;

  restart(): void {
    this.growth = 1;
    this.#lastRoundMs = Number.POSITIVE_INFINITY;
    this.#roundMs = Number.POSITIVE_INFINITY;
    this.#samples = 0;
  }

  onAck(ack: Ack): void {
    if (this.growth === 0) return;
    if (ack.rate.priorDeliveredBytes >= this.#roundEndBytes) this.#startRound(ack);
    if (ack.rttMs === undefined) return;
    this.#roundMs = Math.min(this.#roundMs, ack.rttMs);
    this.#samples += 1;
    if (this.#samples < SAMPLES) return;
    if (this.growth === 1) this.#watchForDelay();
    else if (this.#roundMs < this.#baselineMs) this.#resume();
  }

  #startRound(ack: Ack): void {
    this.#roundEndBytes = ack.deliveredBytes;
    this.#lastRoundMs = this.#roundMs;
    this.#roundMs = Number.POSITIVE_INFINITY;
    this.#samples = 0;
    if (this.growth === 1) return;
    this.#conservativeRounds += 1;
    if (this.#conservativeRounds >= CONSERVATIVE_ROUNDS) this.growth = 0;
  }

  #watchForDelay(): void {
    if (this.#lastRoundMs === Number.POSITIVE_INFINITY) return;
    const share = this.#lastRoundMs * MARGIN_SHARE;
    const marginMs = Math.min(MOST_MARGIN_MS, Math.max(LEAST_MARGIN_MS, share));
    if (this.#roundMs < this.#lastRoundMs + marginMs) return;
    this.#baselineMs = this.#roundMs;
    this.#conservativeRounds = 0;
    this.growth = 1 / CONSERVATIVE_DIVISOR;
  }

  #resume(): void {
    this.growth = 1;
    this.#baselineMs = Number.POSITIVE_INFINITY;
  }
}
