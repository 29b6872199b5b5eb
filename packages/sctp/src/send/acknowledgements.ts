/**
 * What acknowledgements mean: one SACK becomes round trip samples, losses, a rate sample and one word
 * to the controller. Decisions that time alone brings (the reordering timer, the time-out) end here
 * as well, because they too declare losses.
 */

import type { CongestionControl } from "../congestion/congestion-control.ts";
import type { RateSampler } from "../congestion/rate-sampler.ts";
import type { SackChunk } from "../wire/chunk.ts";
import type { Abandonment } from "./abandonment.ts";
import { type InFlight, NONE } from "./in-flight.ts";
import { LargeLosses } from "./large-losses.ts";
import { LossDetection } from "./loss-detection.ts";
import { Recovery } from "./recovery.ts";
import type { RoundTrip } from "./rto.ts";
import { SackIntake } from "./sack-intake.ts";
import type { TailTimer } from "./tail-timer.ts";
import { missingShare, Unreported } from "./unreported.ts";

/** Two packets: what a SACK acknowledges when there is one for every second packet. */
const USUAL_ACK_BYTES = 2400;

/** RFC 9260 section 16: Association.Max.Retrans. With our back-off some 25 s of silence. */
const MOST_TIMEOUTS = 10;

export interface AcknowledgementParts {
  readonly book: InFlight;
  readonly roundTrip: RoundTrip;
  readonly tail: TailTimer;
  readonly sampler: RateSampler;
  readonly congestion: CongestionControl;
  readonly abandonment: Abandonment;
  /** Packets of this size pass everywhere. */
  readonly basePacketBytes: number;
}

export class Acknowledgements {
  /** What the other side last said it has room for, beside what it acknowledged (RFC 9260 section 6.2.1). */
  peerWindowBytes = 0;
  /** Since the last word to the controller its window kept something from leaving. */
  isWindowLimited = false;
  /** When everything was acknowledged; undefined while something is on the way, or before anything was. */
  idleSinceMs: number | undefined;
  /** Time-outs since something was acknowledged. */
  timeouts = 0;
  readonly largeLosses: LargeLosses;

  readonly #book: InFlight;
  readonly #roundTrip: RoundTrip;
  readonly #tail: TailTimer;
  readonly #sampler: RateSampler;
  readonly #congestion: CongestionControl;
  readonly #abandonment: Abandonment;
  readonly #losses: LossDetection;
  readonly #recovery: Recovery;
  readonly #intake: SackIntake;
  readonly #unreported = new Unreported();

  // What one SACK brought.
  #nowMs = 0;
  #firstBefore = 0;
  #wasListCut = false;
  #ackedBytes = 0;
  #lostBytes = 0;
  #newestTurn = 0;
  #newest = NONE;
  #isSpurious = false;

  constructor(parts: AcknowledgementParts) {
    this.#book = parts.book;
    this.#roundTrip = parts.roundTrip;
    this.#tail = parts.tail;
    this.#sampler = parts.sampler;
    this.#congestion = parts.congestion;
    this.#abandonment = parts.abandonment;
    this.largeLosses = new LargeLosses(parts.basePacketBytes);
    this.#losses = new LossDetection(this.#book, this.#roundTrip);
    this.#recovery = new Recovery(this.#book);
    this.#intake = new SackIntake(this.#book, {
      onArrived: (ordinal, wasLost) => this.#onArrived(ordinal, wasLost),
      onDuplicate: (ordinal) => this.#onDuplicate(ordinal),
    });
  }

  /** The other side was silent too long. */
  get hasFailed(): boolean {
    return this.timeouts > MOST_TIMEOUTS;
  }

  get #isListCut(): boolean {
    return this.#intake.reportedUpTo !== Number.POSITIVE_INFINITY;
  }

  /**
   * Something is missing of which a list that was cut did tell. What is on the way is less then than is
   * counted, as much of it arrived unlisted, and only such repairs make the list move on. So one may pass
   * the window for each SACK: that many packets have left the path.
   */
  get mayPassWindow(): boolean {
    if (!this.#unreported.mayPass || !this.#isListCut) return false;
    const lost = this.#book.firstLost();
    return lost !== NONE && lost <= this.#intake.reportedUpTo;
  }

  onPassedWindow(): void {
    this.#unreported.onPassed();
  }

  onFirstSent(nowMs: number): void {
    this.#unreported.onFirstSent(nowMs);
  }

  /** RFC 8985 section 7.3 probes with the newest; where that may have arrived unreported, the oldest. */
  get probeOrdinal(): number {
    if (!this.#isListCut || !this.#book.isOnTheWay(this.#book.first)) return this.#book.newestSent;
    return this.#book.first;
  }

  /** A list that is cut tells nothing new of what leaves above it, lost before or not. */
  get mustProbeOldest(): boolean {
    if (!this.#isListCut || !this.#book.isOnTheWay(this.#book.first)) return false;
    const lost = this.#book.firstLost();
    return lost === NONE || lost > this.#intake.reportedUpTo;
  }

  get wakeAtMs(): number {
    return this.#losses.wakeAtMs;
  }

  /** What is lost by time alone. */
  tick(nowMs: number): void {
    if (nowMs < this.#losses.wakeAtMs) return;
    this.#nowMs = nowMs;
    this.#detectLosses();
  }

  onSack(sack: SackChunk, nowMs: number): void {
    this.#begin(nowMs);
    const wasClosed = this.#isWindowClosed;
    if (!this.#intake.take(sack)) return;
    this.#unreported.onSack(nowMs, this.#isListCut);
    this.setPeerWindow(sack.receiveWindowBytes);
    // RFC 9260 section 6.1 A: a receiver that answers but has no room is not a dead one.
    if (wasClosed) this.timeouts = 0;
    this.#end();
  }

  setPeerWindow(bytes: number): void {
    this.peerWindowBytes = bytes;
    this.#unreported.onWindow(bytes);
  }

  /** The cumulative acknowledgement of a SHUTDOWN (RFC 9260 section 3.3.8). */
  onCumulativeTsn(tsn: number, nowMs: number): void {
    this.#begin(nowMs);
    if (this.#intake.takeCumulative(this.#book.ordinalOf(tsn))) this.#end();
  }

  /** The retransmission timer fired: RFC 9260 section 6.3.3. */
  onTimeout(nowMs: number): void {
    this.#nowMs = nowMs;
    this.timeouts += 1;
    this.#roundTrip.backOff();
    this.#tail.onTimeout(nowMs);
    // A window that is closed says nothing about the path: only the chunk that probes it goes again.
    const isOfPath = !this.#isWindowClosed;
    if (isOfPath) this.#recovery.begin();
    // What could not be reported is not taken for lost at the first silence.
    const reported = this.timeouts === 1 ? this.#intake.reportedUpTo + 1 : this.#book.next;
    const end = Math.min(reported, this.#book.next);
    for (let ordinal = this.#book.first; ordinal < end; ordinal += 1) {
      if (!this.#book.isOnTheWay(ordinal)) continue;
      if (isOfPath) this.#lose(ordinal);
      else this.#book.lose(ordinal);
    }
    this.#book.sortLost();
    if (isOfPath) this.#congestion.onTimeout(nowMs, this.#book.inFlightBytes);
  }

  get #isWindowClosed(): boolean {
    return this.peerWindowBytes < this.#book.unackedPayloadBytes;
  }

  #begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#firstBefore = this.#book.first;
    this.#wasListCut = this.#isListCut;
    this.#ackedBytes = 0;
    this.#newestTurn = 0;
    this.#newest = NONE;
    this.#isSpurious = false;
  }

  #onArrived(ordinal: number, wasLost: boolean): void {
    const bytes = this.#book.wireBytes(ordinal);
    const stamp = this.#book.stamp(ordinal);
    this.#ackedBytes += bytes;
    const turn = this.#book.turn(ordinal);
    if (turn > this.#newestTurn) {
      this.#newestTurn = turn;
      this.#newest = ordinal;
    }
    if (wasLost) this.#sampler.onFound(bytes);
    if (stamp !== undefined) {
      this.#sampler.onDelivered(this.#nowMs, bytes, stamp);
      this.largeLosses.onArrived(stamp.packetBytes);
    }
    const isProbe = ordinal === this.#tail.unansweredProbe;
    const isOfEarlier = this.#losses.onArrived(ordinal, this.#nowMs, isProbe);
    if (wasLost || isOfEarlier) this.#disprove(ordinal);
  }

  #onDuplicate(ordinal: number): void {
    if (this.#book.transmissions(ordinal) < 2) return;
    if (ordinal === this.#tail.probed) {
      this.#tail.onNeedlessProbe();
      this.#losses.onNeedlessProbe();
    } else this.#losses.onNeedless();
    this.#disprove(ordinal);
  }

  #disprove(ordinal: number): void {
    if (this.#recovery.onDisproved(ordinal)) this.#isSpurious = true;
  }

  #end(): void {
    // What was skipped makes no bytes arrive, but moves on too.
    if (this.#ackedBytes > 0 || this.#book.first > this.#firstBefore) {
      this.timeouts = 0;
      this.#tail.onProgress(this.#nowMs);
    }
    const rttMs = this.#sampleRoundTrip();
    this.#settleProbe();
    this.#detectLosses();
    this.#abandonment.advance();
    if (this.#recovery.onCumulative()) {
      this.#losses.onRecoveryEnd();
      // All that was on the way at the time-out is acknowledged, and where lists are cut no sample says so.
      if (!this.#isTimely) this.#roundTrip.endBackOff();
      this.#congestion.onRecoveryEnd(this.#nowMs, this.#book.inFlightBytes);
    }
    if (this.#isSpurious) this.#congestion.onSpurious(this.#nowMs);
    if (this.#ackedBytes > 0 || this.#lostBytes > 0) this.#tellController(rttMs);
    if (this.#book.isEmpty) this.idleSinceMs ??= this.#nowMs;
  }

  /**
   * What comes to light when a list of gaps was cut arrived long before: it measures neither round trip
   * nor rate.
   */
  get #isTimely(): boolean {
    return !this.#isListCut && !this.#wasListCut;
  }

  /** RFC 9260 section 6.3.1, C4 and C5: of the newest packet, if it was sent once. */
  #sampleRoundTrip(): number | undefined {
    if (this.#newest === NONE || !this.#isTimely) return undefined;
    const rttMs = this.#nowMs - this.#book.sentAtMs(this.#newest);
    if (this.#book.transmissions(this.#newest) !== 1) return undefined;
    this.#roundTrip.onSample(rttMs, this.#nowMs);
    return rttMs;
  }

  /**
   * RFC 8985 section 7.4: the probe arrived and nothing arrived twice, so it repaired a loss, which
   * the controller must hear of like of any other.
   */
  #settleProbe(): void {
    const probed = this.#tail.unansweredProbe;
    if (probed === NONE) return;
    const isArrived = probed < this.#book.first || this.#book.isAcked(probed);
    if (!isArrived) return;
    this.#tail.onProbeAnswered();
    if (this.#losses.isOfEarlierSending(probed, this.#nowMs)) return;
    this.#onLoss(probed);
  }

  #detectLosses(): void {
    const { reportedUpTo } = this.#intake;
    const isInRecovery = this.#recovery.isActive;
    const lostBefore = this.#lostBytes;
    this.#losses.detect(this.#nowMs, isInRecovery, reportedUpTo, this.#lose);
    if (!this.#isListCut) return;
    const found = this.#unreported.look(this.#book, {
      nowMs: this.#nowMs,
      reportedUpTo,
      windowBytes: this.peerWindowBytes,
      patienceMs: this.#losses.patienceMs(isInRecovery),
      newestTurn: this.#losses.newestTurn,
    });
    for (const ordinal of found) this.#suspect(ordinal);
    // The list does not move on without the lowest, so none waits behind suspects.
    if (found.length > 0 || this.#lostBytes > lostBefore) this.#book.sortLost();
  }

  readonly #lose = (ordinal: number): void => {
    this.#book.lose(ordinal);
    this.#onLoss(ordinal);
  };

  /** Sent again on suspicion: of the losses of now the controller hears only those that were told of. */
  #suspect(ordinal: number): void {
    const share = missingShare(this.#book, this.#intake.reportedUpTo);
    this.#book.lose(ordinal);
    this.#sampler.onSuspected(this.#book.wireBytes(ordinal), share);
    this.#beginRecovery(ordinal);
  }

  #onLoss(ordinal: number): void {
    const bytes = this.#book.wireBytes(ordinal);
    const packetBytes = this.#book.stamp(ordinal)?.packetBytes ?? 0;
    this.largeLosses.onLost(packetBytes, this.#book.turn(ordinal), this.#book.turns);
    this.#lostBytes += bytes;
    this.#sampler.onLost(bytes, ordinal);
    this.#beginRecovery(ordinal);
  }

  #beginRecovery(ordinal: number): void {
    if (!this.#recovery.onLoss(ordinal)) return;
    this.#congestion.onRecoveryStart(this.#nowMs, this.#book.inFlightBytes);
  }

  #tellController(rttMs: number | undefined): void {
    const minMs = this.#roundTrip.minMs;
    const { inFlightBytes } = this.#book;
    const isTimely = this.#isTimely;
    if (!isTimely) this.#sampler.onLateNews();
    const rate = this.#sampler.takeSample(minMs === Number.POSITIVE_INFINITY ? 0 : minMs);
    // Late news are no reason to grow by all of them at once.
    const ackedBytes = isTimely ? this.#ackedBytes : Math.min(this.#ackedBytes, USUAL_ACK_BYTES);
    this.#congestion.onAck({
      nowMs: this.#nowMs,
      ackedBytes,
      lostBytes: this.#lostBytes,
      priorInFlightBytes: inFlightBytes + ackedBytes + this.#lostBytes,
      inFlightBytes,
      deliveredBytes: this.#sampler.deliveredBytes,
      totalLostBytes: this.#sampler.lostBytes,
      totalLossRuns: this.#sampler.lossRuns,
      rttMs,
      smoothedRttMs: this.#roundTrip.smoothedMs,
      rate,
      isWindowLimited: this.isWindowLimited,
    });
    this.#lostBytes = 0;
    this.isWindowLimited = false;
  }
}
