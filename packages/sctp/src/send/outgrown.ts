/**
 * Chunks that the path no longer takes: they left when packets were larger, and as their TSNs are given
 * they cannot be cut anew (RFC 9260 section 6.9). They hold nothing else up: each try is a packet of its
 * own, by the clock. A heartbeat follows it; where that is answered and the chunk is not, time after
 * time, the path lives and will never take it.
 */

/** Five tries and their answers make some two seconds: another association may find smaller packets. */
const TRY_EVERY_MS = 400;
const MOST_FAILURES = 5;

export class OutgrownTries {
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs: number | undefined;
  #failures = 0;

  /** When the next may leave. */
  get nextAtMs(): number {
    return this.#nextAtMs;
  }

  /** The path takes only smaller packets. */
  get isHopeless(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  onTried(nowMs: number, roundTripMs: number): void {
    this.#triedAtMs = nowMs;
    this.#nextAtMs = nowMs + Math.max(TRY_EVERY_MS, 2 * roundTripMs);
  }

  /** A heartbeat that left so long ago was answered, and what was tried before it was not. */
  onHeartbeatAnswered(sentAtMs: number): void {
    if (this.#triedAtMs === undefined || sentAtMs < this.#triedAtMs) return;
    this.#triedAtMs = undefined;
    this.#failures += 1;
  }

  /** One arrived, or packets may be larger again. */
  reset(): void {
    this.#triedAtMs = undefined;
    this.#failures = 0;
    this.#nextAtMs = Number.NEGATIVE_INFINITY;
  }
}
