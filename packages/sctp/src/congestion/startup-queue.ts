/**
 * A start that leaves at the first queue. Doubling goes on for a round trip after the path is full, as
 * nobody can know sooner, and waiting for the round's end or for loss (draft-ietf-ccwg-bbr section
 * 5.3.1) makes it nearly two: at 200 ms that is a thousand packets lost, of which Chromium reports 20
 * gaps at a time. RFC 9406 (HyStart++) leaves by delay too, and doubts it for five rounds, growing on.
 * Here the flow drains what it queued and then judges whose queue it was.
 */

import { type RoundTrip, STANDING_SAMPLES } from "./round-trip.ts";

/** The first flight leaves at once and queues by itself; what is acknowledged from here on was paced. */
const PACED_ROUNDS = 3;

/**
 * A rate that was taken a fifth too high, as heaps of acknowledgements make it, leaves a quarter of a
 * round trip of its own queue. A neighbour's that is smaller than half costs a third of the share.
 */
const OTHERS_QUEUE = 1.5;
/** Of a slow flow there are few in a round trip; one alone may be a host's. */
const LEAST_SAMPLES = 3;
/** After so many round trips they tell of another time. */
const STALE_ROUNDS = 3;

export class StartupQueue {
  readonly #rtt: RoundTrip;
  readonly #shortestMs: number;
  #mayLeave = true;
  #hasLeft = false;
  #doubtUntilMs = 0;
  #judgeAtMs = 0;
  /** Since it is judged. */
  #samples = 0;
  #leastMs = 0;

  /** @param shortestMs on shorter paths a round does not queue more than routers keep */
  constructor(rtt: RoundTrip, shortestMs: number) {
    this.#rtt = rtt;
    this.#shortestMs = shortestMs;
  }

  /** True when the start should end now. */
  leave(nowMs: number, roundCount: number): boolean {
    const { isQueueStanding, minMs } = this.#rtt;
    if (!this.#mayLeave || roundCount < PACED_ROUNDS) return false;
    if (!isQueueStanding || minMs <= this.#shortestMs) return false;
    this.#hasLeft = true;
    this.#doubtUntilMs = nowMs + minMs;
    this.#judgeAtMs = Number.POSITIVE_INFINITY;
    return true;
  }

  onDrained(nowMs: number): void {
    this.#judgeAtMs = nowMs + this.#rtt.minMs;
    this.#samples = 0;
    this.#leastMs = Number.POSITIVE_INFINITY;
  }

  /**
   * True, once, when the queue was not of the start's making, so that it should go on: a queue that is
   * gone before the slower pace could be felt was a host's that stood still, and one that still stands
   * a round trip after this flow's own was drained is another flow's.
   */
  goesOn(nowMs: number, rttMs: number | undefined): boolean {
    if (!this.#hasLeft || rttMs === undefined) return false;
    const { isWaiting, minMs } = this.#rtt;
    if (nowMs < this.#doubtUntilMs) {
      this.#hasLeft = isWaiting;
      return !isWaiting;
    }
    if (nowMs < this.#judgeAtMs) return false;
    // The next round may be a probe's, and queue again.
    const isLate = nowMs > this.#judgeAtMs + minMs;
    if (!isLate) {
      this.#samples += 1;
      this.#leastMs = Math.min(this.#leastMs, rttMs);
      if (this.#samples < STANDING_SAMPLES) return false;
    }
    this.settle();
    if (nowMs > this.#judgeAtMs + STALE_ROUNDS * minMs) return false;
    this.#mayLeave = this.#samples < LEAST_SAMPLES || this.#leastMs < OTHERS_QUEUE * minMs;
    return !this.#mayLeave;
  }

  /** The queue was its own, or the start ended for another reason: there is nothing left to judge. */
  settle(): void {
    this.#hasLeft = false;
  }
}
