/**
 * Round trip times and the retransmission timeout: RFC 9260 section 6.3.1, with numbers for links of
 * today.
 *
 * RFC 9260 section 16 has RTO.Min = 1 s to outlast a delayed acknowledgement of up to 500 ms. SCTP
 * stacks of browsers delay by 200 ms at the most, so the variance term is never taken below that:
 * the timeout is at least the round trip plus a delayed acknowledgement.
 */

/** RFC 9260 section 16. */
const INITIAL_MS = 1000;
/** What a receiver may sit on an acknowledgement for: RFC 9260 section 6.2's recommended 200 ms. */
const ACK_DELAY_MS = 200;
const MAX_MS = 60_000;
/**
 * Where back-off ends unless the round trip itself is long. RFC 9260 would go on to 60 s, and a
 * network that was dark for 20 s would be used 30 s later. One small packet every 3 s harms nobody.
 */
const BACKED_OFF_MAX_MS = 3000;
/** RFC 9260 section 6.3.1: alpha and beta. */
const SMOOTHING = 1 / 8;
const VARIANCE_SMOOTHING = 1 / 4;
/** The path may have changed for good: RFC 8985 section 6.2 lets the minimum be a recent one. */
const MIN_RTT_WINDOW_MS = 10_000;

export class RoundTrip {
  /** 0 until there is a sample. */
  smoothedMs = 0;
  /** The shortest of the last 10 to 20 s; Infinity until there is a sample. */
  minMs = Number.POSITIVE_INFINITY;

  #varianceMs = 0;
  #backOff = 1;
  #windowMinMs = Number.POSITIVE_INFINITY;
  #windowEndsAtMs = Number.NEGATIVE_INFINITY;

  get hasSample(): boolean {
    return this.smoothedMs > 0;
  }

  /** What the timer is set to now, back-off included. */
  get timeoutMs(): number {
    const base = this.#baseMs;
    if (this.#backOff === 1) return base;
    return Math.min(base * this.#backOff, Math.max(BACKED_OFF_MAX_MS, base));
  }

  get #baseMs(): number {
    if (!this.hasSample) return INITIAL_MS;
    return Math.min(MAX_MS, this.smoothedMs + Math.max(4 * this.#varianceMs, ACK_DELAY_MS));
  }

  /** Of a packet sent once (Karn, RFC 9260 section 6.3.1 C5). */
  onSample(rttMs: number, nowMs: number): void {
    // Back-off holds until now, not until something is acknowledged (RFC 6298 section 5): where queues
    // grew, what is sent again is acknowledged as well, and would be sent again for ever.
    this.#backOff = 1;
    // A clock of whole milliseconds says 0 on one machine; a round trip of 0 means "none yet" here.
    const sample = Math.max(rttMs, 0.01);
    if (this.hasSample) {
      const deviation = Math.abs(this.smoothedMs - sample);
      this.#varianceMs += VARIANCE_SMOOTHING * (deviation - this.#varianceMs);
      this.smoothedMs += SMOOTHING * (sample - this.smoothedMs);
    } else {
      this.smoothedMs = sample;
      this.#varianceMs = sample / 2;
    }
    this.#updateMin(sample, nowMs);
  }

  /** RFC 9260 section 6.3.3 E2. */
  backOff(): void {
    // 2^16 s is far beyond every maximum.
    this.#backOff = Math.min(this.#backOff * 2, 0x1_0000);
  }

  endBackOff(): void {
    this.#backOff = 1;
  }

  #updateMin(sample: number, nowMs: number): void {
    if (nowMs > this.#windowEndsAtMs) {
      // What the window found holds for one window more, so the minimum is never of no time at all.
      this.minMs = Math.min(this.#windowMinMs, sample);
      this.#windowMinMs = sample;
      this.#windowEndsAtMs = nowMs + MIN_RTT_WINDOW_MS;
    }
    this.#windowMinMs = Math.min(this.#windowMinMs, sample);
    this.minMs = Math.min(this.minMs, sample);
  }
}
