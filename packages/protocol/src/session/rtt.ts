/** Round-trip time of one path: smoothed as in RFC 9002 §5.3, and the smallest of the last while. */

import { INITIAL_RTT_MS } from "./tuning.ts";

/** The minimum is forgotten after this long, so that a path that became longer is believed. */
const MIN_SPAN_MS = 10_000;

export class RttEstimate {
  #smoothed: number | undefined;
  #variation = INITIAL_RTT_MS / 2;
  #latest = INITIAL_RTT_MS;
  #min = Number.POSITIVE_INFINITY;
  #nextMin = Number.POSITIVE_INFINITY;
  #minSinceMs = 0;

  /** Undefined until measured. */
  get measuredMs(): number | undefined {
    return this.#smoothed;
  }

  get smoothedMs(): number {
    return this.#smoothed ?? INITIAL_RTT_MS;
  }

  get latestMs(): number {
    return this.#latest;
  }

  get minMs(): number {
    return Number.isFinite(this.#min) ? this.#min : this.smoothedMs;
  }

  /** How long an answer may take before something is likely wrong (RFC 9002 §6.2.1, without ack delay). */
  get patienceMs(): number {
    return this.smoothedMs + 4 * this.#variation;
  }

  sample(rttMs: number, nowMs: number): void {
    this.#latest = rttMs;
    if (this.#smoothed === undefined) {
      this.#smoothed = rttMs;
      this.#variation = rttMs / 2;
    } else {
      this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - rttMs);
      this.#smoothed = 0.875 * this.#smoothed + 0.125 * rttMs;
    }
    if (nowMs - this.#minSinceMs > MIN_SPAN_MS) {
      this.#min = this.#nextMin;
      this.#nextMin = Number.POSITIVE_INFINITY;
      this.#minSinceMs = nowMs;
    }
    this.#min = Math.min(this.#min, rttMs);
    this.#nextMin = Math.min(this.#nextMin, rttMs);
  }
}
