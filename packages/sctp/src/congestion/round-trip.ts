/**
 * The round trip without queue, when to look for it again, and whether there is a queue now:
 * draft-ietf-ccwg-bbr sections 5.5.7 and 5.3.4.3.
 */

/** Flows that share a bottleneck must look at the same time, or none sees it empty: 5.3.4.2. */
const PROBE_INTERVAL_MS = 5_000;
/** Two such looks, so that one is remembered while the next is made: 5.5.7.2. */
const MEMORY_MS = 10_000;

/**
 * A round trip so near the shortest saw no queue, so nobody need slow down to look. Beyond the
 * draft, which asks for a shorter one, and on a steady path with jitter never gets it.
 */
const SAME_SHARE = 1.03;
const SAME_MS = 0.25;

/**
 * Above the shortest round trip by this much there is a queue. Timers of 1 ms, jitter and event
 * loops of both ends make 4 ms without any; an eighth is what HyStart takes for one (RFC 9406 4.3).
 */
const QUEUE_LEAST_MS = 4;
const QUEUE_SHARE = 1 / 8;

/**
 * A queue stands when so many samples in a row saw it (RFC 9406 section 4.2 takes eight), for so long:
 * what a host that stood still (Chromium does for 12 ms) acknowledges afterwards comes in one heap.
 */
export const STANDING_SAMPLES = 8;
const STANDING_MS = 10;
/** Both hosts' usual milliseconds are none: with 4 every start of a browser's was thought to queue. */
const STANDING_MARGIN_MS = 8;

export class RoundTrip {
  /** Infinity before the first sample. */
  minMs = Number.POSITIVE_INFINITY;
  /** Nothing near the shortest was seen for an interval: true during one acknowledgement. */
  isProbeDue = false;

  #minAtMs = 0;
  /** Due, and not yet done: the shortest is not raised before the queue was drained (5.3.4.1). */
  #isProbing = false;
  #probeMinMs = Number.POSITIVE_INFINITY;
  #probeMinAtMs = 0;
  /** Shortest of this round and of the one before: jitter does not touch the shortest of many. */
  #roundMs = Number.POSITIVE_INFINITY;
  #lastRoundMs = Number.POSITIVE_INFINITY;
  /** Samples in a row that saw a queue, and when the first of them came. */
  #queued = 0;
  #queuedSinceMs = 0;
  #sampledAtMs = 0;

  /** @param isRestarting after a pause, which has drained the queue as well as a probe would */
  update(nowMs: number, rttMs: number | undefined, isRestarting: boolean): void {
    this.isProbeDue =
      this.minMs < Number.POSITIVE_INFINITY && nowMs > this.#probeMinAtMs + PROBE_INTERVAL_MS;
    if (this.isProbeDue) this.#isProbing = !isRestarting;
    if (rttMs !== undefined) {
      this.#roundMs = Math.min(this.#roundMs, rttMs);
      this.#noteForProbe(nowMs, rttMs);
      this.#noteQueue(nowMs, rttMs);
    }
    const isForgotten = !this.#isProbing && nowMs > this.#minAtMs + MEMORY_MS;
    if (this.#probeMinMs < this.minMs || isForgotten) {
      this.minMs = this.#probeMinMs;
      this.#minAtMs = this.#probeMinAtMs;
    }
  }

  onRoundStart(): void {
    this.#lastRoundMs = this.#roundMs;
    this.#roundMs = Number.POSITIVE_INFINITY;
  }

  /** A look was made: the next is due in an interval. */
  postponeProbe(nowMs: number): void {
    this.#isProbing = false;
    this.#probeMinAtMs = nowMs;
  }

  /** In this round or the one before. */
  get isSampled(): boolean {
    return Math.min(this.#roundMs, this.#lastRoundMs) < Number.POSITIVE_INFINITY;
  }

  /** For two rounds: what one late turn of an event loop holds up is no queue. */
  get hasQueue(): boolean {
    return this.#isQueue(Math.min(this.#roundMs, this.#lastRoundMs));
  }

  /** The newest packet waited in a queue. */
  get isWaiting(): boolean {
    return this.#queued > 0;
  }

  /** Within a round: every packet of late waited in it. */
  get isQueueStanding(): boolean {
    const forMs = this.#sampledAtMs - this.#queuedSinceMs;
    return this.#queued >= STANDING_SAMPLES && forMs >= STANDING_MS;
  }

  /** By this round alone, as far as it has come. */
  get seesQueue(): boolean {
    return this.#isQueue(this.currentMs);
  }

  /** The shortest of late; the shortest of all before there is any. */
  get currentMs(): number {
    if (this.#roundMs < Number.POSITIVE_INFINITY) return this.#roundMs;
    return this.#lastRoundMs < Number.POSITIVE_INFINITY ? this.#lastRoundMs : this.minMs;
  }

  #isQueue(shortestMs: number): boolean {
    if (shortestMs === Number.POSITIVE_INFINITY) return false;
    return shortestMs > this.minMs + Math.max(QUEUE_LEAST_MS, this.minMs * QUEUE_SHARE);
  }

  #noteQueue(nowMs: number, rttMs: number): void {
    this.#sampledAtMs = nowMs;
    if (rttMs <= this.minMs + STANDING_MARGIN_MS) this.#queued = 0;
    else {
      if (this.#queued === 0) this.#queuedSinceMs = nowMs;
      this.#queued += 1;
    }
  }

  #noteForProbe(nowMs: number, rttMs: number): void {
    if (rttMs < this.#probeMinMs || this.isProbeDue) {
      this.#probeMinMs = rttMs;
      this.#probeMinAtMs = nowMs;
    } else if (rttMs <= this.#probeMinMs * SAME_SHARE + SAME_MS) {
      this.#probeMinAtMs = nowMs;
      if (this.#probeMinMs <= this.minMs) this.#minAtMs = nowMs;
    }
  }
}
