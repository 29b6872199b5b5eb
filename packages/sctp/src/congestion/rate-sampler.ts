/**
 * How fast the path delivers: the book-keeping of draft-ietf-ccwg-bbr section 4.1 (delivery rate,
 * once draft-cheng-iccrg-delivery-rate-estimation). The sender keeps one {@link SendStamp} beside
 * every packet on its way, hands it back when the packet is acknowledged, and takes one sample per
 * SACK. It knows no TSNs.
 *
 * Order within one SACK: `onLost` and `onDelivered` in any order, then `takeSample` once.
 */

import type { RateSample } from "./congestion-control.ts";

/** What the sender knew when a packet left (section 4.1.1.3, P.*). A retransmission takes a new one. */
export interface SendStamp {
  readonly sentAtMs: number;
  /** Of the whole packet. */
  readonly packetBytes: number;
  /** All that was delivered by then, and when the last of it was. */
  readonly deliveredBytes: number;
  readonly deliveredAtMs: number;
  /** When the packet left that was the newest acknowledged by then: the sending side's interval. */
  readonly firstSentAtMs: number;
  /** All that was lost by then, and in how many runs. */
  readonly lostBytes: number;
  readonly lossRuns: number;
  /** On the way, this packet included. */
  readonly inFlightBytes: number;
  readonly isAppLimited: boolean;
}

const NOTHING_LEARNT: RateSample = {
  bytesPerMs: undefined,
  isAppLimited: false,
  priorDeliveredBytes: 0,
  sentInFlightBytes: 0,
  lostBytes: 0,
  lossRuns: 0,
};

export class RateSampler {
  /** All that was ever delivered, and ever declared lost. */
  deliveredBytes = 0;
  lostBytes = 0;
  /** Neighbours that were lost together count once. */
  lossRuns = 0;

  #lastLost = Number.NaN;
  #knownFromBytes = 0;
  #deliveredAtMs = 0;
  #firstSentAtMs = 0;
  /** Packets sent before this much is delivered tell of the application, not of the path. 0: none. */
  #appLimitedUntilBytes = 0;
  #newest: SendStamp | undefined;

  get isAppLimited(): boolean {
    return this.#appLimitedUntilBytes > 0;
  }

  /**
   * A packet leaves, for the first time or again.
   * @param inFlightBytes on the way once this packet is counted
   */
  onSent(nowMs: number, bytes: number, inFlightBytes: number): SendStamp {
    if (inFlightBytes <= bytes) {
      // Nothing was on the way: the intervals of both sides begin now (section 4.1.2.2).
      this.#firstSentAtMs = nowMs;
      this.#deliveredAtMs = nowMs;
    }
    return {
      sentAtMs: nowMs,
      packetBytes: bytes,
      deliveredBytes: this.deliveredBytes,
      deliveredAtMs: this.#deliveredAtMs,
      firstSentAtMs: this.#firstSentAtMs,
      lostBytes: this.lostBytes,
      lossRuns: this.lossRuns,
      inFlightBytes,
      isAppLimited: this.isAppLimited,
    };
  }

  /** A packet was acknowledged for the first time, cumulatively or by gap (section 4.1.2.3). */
  onDelivered(nowMs: number, bytes: number, stamp: SendStamp): void {
    this.deliveredBytes += bytes;
    this.#deliveredAtMs = nowMs;
    if (this.#newest === undefined || isNewer(stamp, this.#newest)) this.#newest = stamp;
  }

  /** @param ordinal where it stands among all that was sent, so that a run is known */
  onLost(bytes: number, ordinal: number): void {
    this.lostBytes += bytes;
    if (ordinal !== this.#lastLost + 1) this.lossRuns += 1;
    this.#lastLost = ordinal;
  }

  /** @param share of what is suspected that is missing, each on its own */
  onSuspected(bytes: number, share: number): void {
    this.lostBytes += bytes;
    this.lossRuns += share;
  }

  /** Lost packets turned out to be late: they are delivered by `onDelivered`, and not lost. */
  onFound(bytes: number): void {
    this.lostBytes = Math.max(0, this.lostBytes - bytes);
  }

  /**
   * The sender has nothing to send though window and pace would let it (section 4.1.2.4): what is in
   * flight now measures the application.
   */
  markAppLimited(inFlightBytes: number): void {
    this.#appLimitedUntilBytes = Math.max(1, this.deliveredBytes + inFlightBytes);
  }

  /**
   * What was just delivered had arrived long before: no packet that left before now measures a rate.
   */
  onLateNews(): void {
    this.#knownFromBytes = this.deliveredBytes;
  }

  /**
   * What this SACK tells. An interval below the shortest round trip means acknowledgements came in
   * a heap, and would promise a rate the path does not have (section 4.1.2.3).
   */
  takeSample(minRttMs: number): RateSample {
    const newest = this.#newest;
    this.#newest = undefined;
    if (this.#appLimitedUntilBytes > 0 && this.deliveredBytes > this.#appLimitedUntilBytes) {
      this.#appLimitedUntilBytes = 0;
    }
    if (newest === undefined) return NOTHING_LEARNT;
    this.#firstSentAtMs = newest.sentAtMs;
    const sendElapsedMs = newest.sentAtMs - newest.firstSentAtMs;
    const ackElapsedMs = this.#deliveredAtMs - newest.deliveredAtMs;
    // The slower of both sides: the faster one only shows packets bunched up (section 4.1.1.2).
    const intervalMs = Math.max(sendElapsedMs, ackElapsedMs);
    const isTooShort = intervalMs <= 0 || intervalMs < minRttMs;
    const isOfOldNews = newest.deliveredBytes < this.#knownFromBytes;
    return {
      bytesPerMs:
        isTooShort || isOfOldNews
          ? undefined
          : (this.deliveredBytes - newest.deliveredBytes) / intervalMs,
      isAppLimited: newest.isAppLimited,
      priorDeliveredBytes: newest.deliveredBytes,
      sentInFlightBytes: newest.inFlightBytes,
      lostBytes: Math.max(0, this.lostBytes - newest.lostBytes),
      lossRuns: this.lossRuns - newest.lossRuns,
    };
  }
}

/** Of two that left in the same turn, the one handed over later, which has the higher TSN. */
function isNewer(stamp: SendStamp, other: SendStamp): boolean {
  return stamp.sentAtMs >= other.sentAtMs;
}
