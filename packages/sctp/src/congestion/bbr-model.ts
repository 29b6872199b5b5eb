/**
 * What BBR knows of the path (draft-ietf-ccwg-bbr section 5.5): the rate, the round trip, how much
 * the acknowledgements bunch, and the bounds that loss has set. The long-term bounds come from
 * probing, the short-term ones from loss while not probing, and last until the next probe.
 */

import { AckAggregation } from "./ack-aggregation.ts";
import type { Ack } from "./congestion-control.ts";
import { isLossTelling } from "./loss-limits.ts";
import { RoundTrip } from "./round-trip.ts";

/** BBR.Beta: never give way more than CUBIC does. */
export const BETA = 0.7;
/** BBR.Headroom of the long-term bound is left to others. */
const HEADROOM = 0.15;
/** BBR.MinPipeCwnd: with one SACK for two packets, two of each on the way. */
const LEAST_PACKETS = 4;

/**
 * A path whose rate falls (a phone that leaves Wi-Fi) and whose buffer is deep shows no loss, only a
 * queue, and the draft would fill it until the rate is forgotten, two cycles later. Less than 0.4 of
 * the rate for three rounds and 200 ms (which heaps of acknowledgements do not make), with a queue of
 * half a round trip, is no neighbour's doing, as those come slowly: what was learnt was of another
 * path, and is forgotten at once.
 */
const COLLAPSED_SHARE = 0.4;
const COLLAPSED_ROUNDS = 3;
const COLLAPSED_MS = 200;
const COLLAPSED_QUEUE = 1.5;

/**
 * A round without loss in which no packet waited is a path with room. So many of them in a row are none
 * of a neighbour's pauses, and the bounds of a loss that this host or the other made, by standing still
 * for longer than a socket's buffer lasts, need not hold until the next probe (5.3.3.6 has them do so).
 */
const QUIET_ROUNDS = 4;

/**
 * Acknowledgements that come in heaps make the highest sample higher than the path, and what is sent by
 * it alone queues more each second. Noise makes this part of a rate at most; what lowers it further is
 * somebody who joins, and nobody gives way to those between probes.
 */
const NOISE_SHARE = 0.15;
/** A mean is of two rounds, and the one before them may have begun with a pause. */
const BUSY_ROUNDS = 3;
/**
 * Heaps are of a dozen milliseconds: a round of so many is proof enough by itself. With 80 a start at 50 ms
 * was proven by the mean of its doubling only, and carried 27 to 72 of 100 Mbit/s instead of 75 to 84.
 */
const PROOF_ROUND_MS = 40;
/** Less than what is delivered, or the queue would stay: half a round trip of it is gone in 25. */
const DRAINING_SHARE = 0.98;

/**
 * Both ends turn an event loop, with timers of 1 ms, and read packets in heaps: on a link of 0.2 ms
 * the round trip under load is a few milliseconds that are no queue of the path. What is on the way
 * for less than this is not more than the hosts need.
 */
export const HOST_DELAY_MS = 4;

export interface Bounds {
  readonly bwShort: number;
  readonly inflightShort: number;
  readonly inflightLong: number;
}

export class BbrModel {
  packetBytes: number;
  readonly rtt = new RoundTrip();
  readonly aggregation = new AckAggregation();

  roundCount = 0;
  isRoundStart = false;

  bwShort = Number.POSITIVE_INFINITY;
  inflightShort = Number.POSITIVE_INFINITY;
  inflightLong = Number.POSITIVE_INFINITY;
  /** The most within this round: BBR.bw_latest and BBR.inflight_latest. */
  bwLatest = 0;
  inflightLatest = 0;

  #previousMaxBw = 0;
  #currentMaxBw = 0;
  #roundEndBytes = 0;
  #roundStartMs = 0;
  /** Of the round that just ended and of the one before: how long, and what was delivered. */
  #roundMs = 0;
  #lastRoundMs = 0;
  /** Rounds since a packet measured the application. */
  #busyRounds = 0;
  #roundBytes = 0;
  #lastRoundBytes = 0;
  /** The highest mean of two rounds, or of a long one, since the probe began. */
  #probedBytesPerMs = 0;
  #leastBw = 0;
  #quietRounds = 0;
  #deliveredBytes = 0;
  #totalLossRuns = 0;

  #signalRoundEndBytes = 0;
  #isSignalRoundEnd = false;
  #signalLostBytes = 0;
  #signalLossRuns = 0;
  #collapsedRounds = 0;
  #collapsedSinceMs = 0;

  constructor(packetBytes: number) {
    this.packetBytes = packetBytes;
  }

  /** The highest of this probing cycle and the one before (5.5.6). */
  get maxBw(): number {
    return Math.max(this.#previousMaxBw, this.#currentMaxBw);
  }

  get bw(): number {
    return Math.min(this.maxBw, this.bwShort);
  }

  get leastWindowBytes(): number {
    return LEAST_PACKETS * this.packetBytes;
  }

  /** What the window may be while others shall find room: InflightWithHeadroom. */
  get inflightWithHeadroom(): number {
    if (this.inflightLong === Number.POSITIVE_INFINITY) return this.inflightLong;
    const headroom = Math.max(this.packetBytes, HEADROOM * this.inflightLong);
    return Math.max(this.inflightLong - headroom, this.leastWindowBytes);
  }

  /** The product of rate and delay, the hosts' included where it is the longer. */
  bdpBytes(bytesPerMs: number): number {
    return bytesPerMs * Math.max(this.rtt.minMs, HOST_DELAY_MS);
  }

  /** First of an acknowledgement: rounds, the rate and what was delivered of late. */
  learn(ack: Ack): void {
    this.#countRound(ack);
    const { bytesPerMs, isAppLimited, priorDeliveredBytes } = ack.rate;
    this.#isSignalRoundEnd = false;
    this.bwLatest = Math.max(this.bwLatest, bytesPerMs ?? 0);
    if (ack.ackedBytes > 0) {
      const delivered = ack.deliveredBytes - priorDeliveredBytes;
      this.inflightLatest = Math.max(this.inflightLatest, delivered);
      if (priorDeliveredBytes >= this.#signalRoundEndBytes) {
        this.#signalRoundEndBytes = ack.deliveredBytes;
        this.#isSignalRoundEnd = true;
      }
    }
    if (bytesPerMs !== undefined && (!isAppLimited || bytesPerMs >= this.maxBw)) {
      this.#currentMaxBw = Math.max(this.#currentMaxBw, bytesPerMs);
    }
    this.#noteLoss(ack);
  }

  /** Last of an acknowledgement: AdvanceLatestDeliverySignals. */
  finish(ack: Ack): void {
    if (!this.#isSignalRoundEnd) return;
    this.bwLatest = ack.rate.bytesPerMs ?? 0;
    this.inflightLatest = ack.deliveredBytes - ack.rate.priorDeliveredBytes;
    this.#signalLostBytes = 0;
    this.#signalLossRuns = 0;
  }

  /** Once per round while not probing: AdaptLowerBoundsFromCongestion (5.5.10.3). */
  adaptShortTerm(ack: Ack, windowBytes: number): void {
    if (!this.#isSignalRoundEnd) return;
    // Where nothing could be measured, as lists of gaps were cut short, nothing is known of the rate.
    const isRateKnown = this.bwLatest > 0;
    if (isRateKnown && this.#hasCollapsed(ack)) return this.#forgetRate();
    const isQuiet = this.rtt.isSampled && !this.rtt.hasQueue;
    this.#quietRounds = isQuiet ? this.#quietRounds + 1 : 0;
    if (!this.#isSignalTelling()) {
      if (this.#quietRounds >= QUIET_ROUNDS) this.resetShortTerm();
      return;
    }
    this.#quietRounds = 0;
    if (this.bwShort === Number.POSITIVE_INFINITY) this.bwShort = this.maxBw;
    if (this.inflightShort === Number.POSITIVE_INFINITY) this.inflightShort = windowBytes;
    if (isRateKnown) this.bwShort = Math.max(this.bwLatest, BETA * this.bwShort);
    this.inflightShort = Math.max(this.inflightLatest, BETA * this.inflightShort);
  }

  /** Does what was lost while the newest packet acknowledged was on its way tell of too much? */
  isFlightTooLarge(ack: Ack): boolean {
    const { lostBytes, lossRuns, sentInFlightBytes: flightBytes } = ack.rate;
    const loss = { flightBytes, lostBytes, lossRuns };
    return isLossTelling(loss, this.packetBytes, this.rtt.hasQueue);
  }

  startRound(ack: Ack): void {
    this.#roundEndBytes = ack.deliveredBytes;
  }

  /** A probe begins. */
  startProbe(): void {
    this.#probedBytesPerMs = 0;
  }

  /** What a probe found holds if two rounds together, or a long one, had it: heaps make a single sample too high. */
  advanceMaxBw(): void {
    if (this.#currentMaxBw === 0) return;
    const before = this.#previousMaxBw;
    const proven = Math.max(this.#probedBytesPerMs, before);
    this.#previousMaxBw = Math.min(this.#currentMaxBw, proven);
    this.#leastBw = (before || this.#previousMaxBw) * (1 - NOISE_SHARE);
    this.#currentMaxBw = 0;
  }

  /** At the end of a round that queued by this sender's doing: what was delivered is what there is. */
  lowerMaxBw(): void {
    if (this.#busyRounds < BUSY_ROUNDS) return;
    const bytesPerMs = Math.max(DRAINING_SHARE * this.#meanBytesPerMs, this.#leastBw);
    this.#previousMaxBw = Math.min(this.#previousMaxBw, bytesPerMs);
    this.#currentMaxBw = Math.min(this.#currentMaxBw, bytesPerMs);
  }

  resetShortTerm(): void {
    this.bwShort = Number.POSITIVE_INFINITY;
    this.inflightShort = Number.POSITIVE_INFINITY;
    this.#collapsedRounds = 0;
  }

  resetSignals(): void {
    this.bwLatest = 0;
    this.inflightLatest = 0;
    this.#signalLostBytes = 0;
    this.#signalLossRuns = 0;
  }

  get bounds(): Bounds {
    const { bwShort, inflightShort, inflightLong } = this;
    return { bwShort, inflightShort, inflightLong };
  }

  /** Loss was none: at least what it was before (5.5.11.2). */
  restore(bounds: Bounds): void {
    this.bwShort = Math.max(this.bwShort, bounds.bwShort);
    this.inflightShort = Math.max(this.inflightShort, bounds.inflightShort);
    this.inflightLong = Math.max(this.inflightLong, bounds.inflightLong);
    this.#signalLostBytes = 0;
    this.#signalLossRuns = 0;
  }

  #countRound(ack: Ack): void {
    this.isRoundStart = ack.ackedBytes > 0 && ack.rate.priorDeliveredBytes >= this.#roundEndBytes;
    if (ack.rate.isAppLimited) this.#busyRounds = 0;
    else if (this.isRoundStart) this.#busyRounds += 1;
    if (this.isRoundStart) {
      this.startRound(ack);
      this.#lastRoundMs = this.#roundMs;
      this.#lastRoundBytes = this.#roundBytes;
      this.#roundMs = ack.nowMs - this.#roundStartMs;
      this.#roundStartMs = ack.nowMs;
      this.roundCount += 1;
      this.rtt.onRoundStart();
      this.#roundBytes = this.#deliveredBytes;
      const isLong = this.#roundMs >= PROOF_ROUND_MS;
      const mean = isLong ? this.#roundBytes / this.#roundMs : this.#meanBytesPerMs;
      this.#probedBytesPerMs = Math.max(this.#probedBytesPerMs, mean);
      this.#deliveredBytes = 0;
    }
    this.#deliveredBytes += ack.ackedBytes;
  }

  get #meanBytesPerMs(): number {
    const ms = Math.max(1, this.#roundMs + this.#lastRoundMs);
    return (this.#roundBytes + this.#lastRoundBytes) / ms;
  }

  #noteLoss(ack: Ack): void {
    if (ack.lostBytes === 0) return;
    const runs = ack.totalLossRuns - this.#totalLossRuns;
    this.#totalLossRuns = ack.totalLossRuns;
    if (this.#signalLostBytes === 0) this.#signalRoundEndBytes = ack.deliveredBytes;
    this.#signalLostBytes += ack.lostBytes;
    this.#signalLossRuns += runs;
  }

  #isSignalTelling(): boolean {
    const lostBytes = this.#signalLostBytes;
    if (lostBytes === 0) return false;
    const lossRuns = this.#signalLossRuns;
    const loss = { flightBytes: this.inflightLatest + lostBytes, lostBytes, lossRuns };
    return isLossTelling(loss, this.packetBytes, this.rtt.hasQueue);
  }

  /** The queue of the old rate drains while no more than the new rate's flight is allowed. */
  #forgetRate(): void {
    this.#previousMaxBw = this.bwLatest;
    this.#currentMaxBw = this.bwLatest;
    this.bwShort = Number.POSITIVE_INFINITY;
    this.inflightShort = this.bdpBytes(this.bwLatest);
    this.#collapsedRounds = 0;
  }

  #hasCollapsed(ack: Ack): boolean {
    const isLow =
      !ack.rate.isAppLimited &&
      this.bwLatest < COLLAPSED_SHARE * this.maxBw &&
      this.rtt.currentMs > COLLAPSED_QUEUE * this.rtt.minMs;
    if (!isLow) this.#collapsedRounds = 0;
    else if (this.#collapsedRounds === 0) this.#collapsedSinceMs = ack.nowMs;
    this.#collapsedRounds += isLow ? 1 : 0;
    return (
      this.#collapsedRounds >= COLLAPSED_ROUNDS &&
      ack.nowMs - this.#collapsedSinceMs >= COLLAPSED_MS
    );
  }
}
