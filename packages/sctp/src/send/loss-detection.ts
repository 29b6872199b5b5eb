/**
 * What is lost, by time: RACK (RFC 8985 section 6). A chunk is lost when one that left later has
 * arrived, and it had a round trip plus the reordering window to arrive itself. Time judges every
 * sending alike, so a retransmission that is lost is found like any other, and no count of strikes
 * makes one loss look like many.
 */

import { type InFlight, NONE } from "./in-flight.ts";
import type { RoundTrip } from "./rto.ts";
import type { SendOrder } from "./send-order.ts";

/** RFC 8985 section 6.2 step 4: so many gap reports before reordering is ruled out. */
const DUPLICATE_THRESHOLD = 3;
/** And after so many recoveries without a needless retransmission the window is small again. */
const WINDOW_PERSISTS_RECOVERIES = 16;

export class LossDetection {
  /** When to look again although nothing arrived; Infinity when there is no reason. */
  wakeAtMs = Number.POSITIVE_INFINITY;

  readonly #book: InFlight;
  readonly #roundTrip: RoundTrip;
  /** Of the latest-sent chunk that arrived: RACK.xmit_ts, as a turn, and RACK.rtt. */
  #newestTurn = 0;
  #newestRttMs = 0;
  #highestArrived = NONE;
  #isReorderingSeen = false;
  #windowFactor = 1;
  #windowPersists = 0;
  #widenedUntil = 0;
  /** Probes in a row whose answers came too soon to be theirs. */
  #earlyProbes = 0;

  constructor(book: InFlight, roundTrip: RoundTrip) {
    this.#book = book;
    this.#roundTrip = roundTrip;
  }

  /**
   * A chunk arrived that had been sent again, sooner than the path takes: it was the earlier sending
   * that arrived (RFC 8985 section 6.2 step 2).
   */
  isOfEarlierSending(ordinal: number, nowMs: number): boolean {
    if (this.#book.transmissions(ordinal) < 2) return false;
    return nowMs - this.#book.sentAtMs(ordinal) < this.#roundTrip.minMs;
  }

  /**
   * Call for every chunk newly acknowledged, ascending, before `detect`.
   * @param isProbe it was sent again after a silence, and nothing of it was heard since
   * @returns whether it is taken for an earlier sending that arrived
   */
  onArrived(ordinal: number, nowMs: number, isProbe: boolean): boolean {
    if (ordinal > this.#highestArrived) this.#highestArrived = ordinal;
    else if (this.#book.transmissions(ordinal) === 1) this.#isReorderingSeen = true;
    if (this.isOfEarlierSending(ordinal, nowMs)) {
      if (isProbe) this.#earlyProbes += 1;
      // After a silence of two round trips each, the second time: the path takes less than it took.
      // Where all that is on the way was sent again, nothing else would ever measure that.
      if (!isProbe || this.#earlyProbes < 2) {
        // Whichever it was, it left no sooner than the first. Where each small message is probed before
        // its answer can come, nothing else tells that what left before them all is lost.
        this.#onNewest(this.#book.firstTurn(ordinal), this.#book.firstSentAtMs(ordinal), nowMs);
        return true;
      }
    } else this.#earlyProbes = 0;
    this.#onNewest(this.#book.turn(ordinal), this.#book.sentAtMs(ordinal), nowMs);
    return false;
  }

  #onNewest(turn: number, sentAtMs: number, nowMs: number): void {
    if (turn <= this.#newestTurn) return;
    this.#newestTurn = turn;
    this.#newestRttMs = nowMs - sentAtMs;
  }

  /** A retransmission proved needless: wait longer (section 6.2 step 4), once per round trip. */
  onNeedless(): void {
    this.#windowPersists = WINDOW_PERSISTS_RECOVERIES;
    if (this.#book.first < this.#widenedUntil) return;
    this.#widenedUntil = this.#book.next;
    this.#windowFactor += 1;
  }

  /** The other side has the probe twice: its answer was indeed that of an earlier sending. */
  onNeedlessProbe(): void {
    this.#earlyProbes = 0;
  }

  onRecoveryEnd(): void {
    if (this.#windowPersists === 0) return;
    this.#windowPersists -= 1;
    if (this.#windowPersists === 0) this.#windowFactor = 1;
  }

  /**
   * Tells of every chunk that is lost by now. `onLost` must mark it lost.
   * @param reportedUpTo what is above this ordinal may have arrived all the same
   */
  detect(
    nowMs: number,
    isInRecovery: boolean,
    reportedUpTo: number,
    onLost: (ordinal: number) => void,
  ): void {
    this.wakeAtMs = Number.POSITIVE_INFINITY;
    const patienceMs = this.patienceMs(isInRecovery);
    const { sentOnce, sentAgain } = this.#book;
    this.#detectIn(sentOnce, nowMs, patienceMs, reportedUpTo, onLost);
    this.#detectIn(sentAgain, nowMs, patienceMs, reportedUpTo, onLost);
  }

  /** Of the latest-sent chunk that arrived, as far as is told. */
  get newestTurn(): number {
    return this.#newestTurn;
  }

  /** A chunk that left longer ago is lost, if it left before one that arrived. */
  patienceMs(isInRecovery: boolean): number {
    return this.#newestRttMs + this.#windowMs(isInRecovery);
  }

  #detectIn(
    order: SendOrder,
    nowMs: number,
    patienceMs: number,
    reportedUpTo: number,
    onLost: (ordinal: number) => void,
  ): void {
    let ordinal = order.oldest;
    while (ordinal !== NONE && this.#book.turn(ordinal) < this.#newestTurn) {
      // Chunks sent once follow in order of their ordinals; of those sent again this is the lowest
      // part of what is on the way, as good as always.
      if (ordinal > reportedUpTo) return;
      const lostAtMs = this.#book.sentAtMs(ordinal) + patienceMs;
      if (lostAtMs > nowMs) {
        // All that follow left later.
        this.wakeAtMs = Math.min(this.wakeAtMs, lostAtMs);
        return;
      }
      const newer = order.newerThan(ordinal);
      onLost(ordinal);
      ordinal = newer;
    }
  }

  #windowMs(isInRecovery: boolean): number {
    const isOrdered = !this.#isReorderingSeen;
    if (isOrdered && (isInRecovery || this.#book.ackedBeyond >= DUPLICATE_THRESHOLD)) return 0;
    const minMs = this.#roundTrip.minMs;
    if (minMs === Number.POSITIVE_INFINITY) return 0;
    return Math.min((this.#windowFactor * minMs) / 4, this.#roundTrip.smoothedMs);
  }
}
