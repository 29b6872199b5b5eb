/**
 * Round-trip time of one path: smoothed as in RFC 9002 §5.3, and the smallest, which stands for the
 * path without a queue.
 *
 * A sender that keeps a queue never sees the smallest again. So when it has not been confirmed for a
 * while it counts as stale, and the caller lets the queue drain and starts it anew (as BBR does).
 */

import { INITIAL_RTT_MS } from "./tuning.ts";

/** The smallest must be confirmed this often: BBR's figure, so that a path that became longer is believed. */
const MIN_VALID_MS = 10_000;

/** Confirmed by a sample this close: timers and event loops are no more exact. */
const MIN_TOLERANCE_MS = 2;

export class RttEstimate {
  #smoothed: number | undefined;
  #variation = INITIAL_RTT_MS / 2;
  #latest = INITIAL_RTT_MS;
  #min = Number.POSITIVE_INFINITY;
  #minAtMs = 0;

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
    if (rttMs <= this.#min + MIN_TOLERANCE_MS) this.#minAtMs = nowMs;
    this.#min = Math.min(this.#min, rttMs);
  }

  isMinStale(nowMs: number): boolean {
    return nowMs - this.#minAtMs > MIN_VALID_MS;
  }

  restartMin(nowMs: number): void {
    this.#min = this.#latest;
    this.#minAtMs = nowMs;
  }
}
