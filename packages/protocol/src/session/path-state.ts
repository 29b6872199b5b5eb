/**
 * One path as the session sees it: packet numbers both ways, what is in flight, what was measured,
 * and whether it is alive. Silence is never taken for loss; it only causes a ping, and then suspicion.
 *
 *     open ──silence──▶ suspect ──more silence──▶ (reported dead; the driver closes it)
 *       ▲                  │
 *       └──── answer ──────┘   an acknowledgement of something sent since: both ways work
 */

import type { Range } from "../frames.ts";
import type { PathId } from "../record.ts";
import { MAX_U32 } from "../record.ts";
import { Flight, type SentRecord } from "./flight.ts";
import { Goodput } from "./goodput.ts";
import { ReceivedRecords } from "./received-records.ts";
import { RttEstimate } from "./rtt.ts";
import {
  ACK_DELAY_MS,
  BATCH_SHARE,
  HEDGE_FLOOR_MS,
  HEDGE_RTT_FACTOR,
  LOSS_FLOOR_MS,
  LOSS_PATIENCE,
  MAX_RECORDS_IN_FLIGHT,
  MISSES_TO_SUSPECT,
  ONE_WAY_SILENCE_MS,
  PING_BUSY_MS,
  PROBE_FLOOR_MS,
  STALL_GRACE_MS,
  SUSPECT_TO_DEAD_MS,
  WINDOW_CEILING_BYTES,
} from "./tuning.ts";
import { OpenWindow, type PathWindow, SendWindow } from "./window.ts";

/** Pings remembered: on a suspect path, whose pings are 0.4 s apart, any answer within 6 s counts. */
const MAX_PINGS = 16;

export class PathState {
  readonly id: PathId;
  readonly rtt = new RttEstimate();
  readonly goodput = new Goodput();
  readonly received = new ReceivedRecords();
  readonly flight = new Flight();
  readonly #window: PathWindow;
  state: "open" | "suspect" = "open";
  suspectSinceMs = 0;
  isPingDue = true;
  lastPingAtMs: number;

  sentBytes = 0;
  receivedBytes = 0;
  resentBytes = 0;
  #sentRecords = 0;
  #lostRecords = 0;
  #nextNumber = 0;
  #wasFull = false;

  /** Since when something has been in flight and nothing was heard; Infinity: nothing is awaited. */
  #silentSinceMs = Number.POSITIVE_INFINITY;
  /** Since when something has been in flight and nothing of it was acknowledged. */
  #stuckSinceMs = Number.POSITIVE_INFINITY;
  /** No verdict before: after a stall of our own, answers may lie unread. */
  #noVerdictBeforeMs = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #probes = 0;
  #lastSentAtMs = 0;

  /**
   * @param isSelfPaced the transport below paces what it sends, keeps its queue short and may deliver
   * out of order: only the ceiling of the path bounds what is in flight.
   */
  constructor(id: PathId, nowMs: number, isSelfPaced = false) {
    this.id = id;
    this.#window = isSelfPaced ? new OpenWindow(id.kind) : new SendWindow(id.kind);
    this.lastPingAtMs = nowMs;
  }

  get lossRatio(): number {
    return this.#sentRecords === 0 ? 0 : this.#lostRecords / this.#sentRecords;
  }

  // ── sending ────────────────────────────────────────────────────────────────

  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** All packet numbers are used up. They must not come round: the path must be replaced. */
  get isExhausted(): boolean {
    return this.#nextNumber > MAX_U32;
  }

  /** How much may travel in one piece: see BATCH_SHARE. */
  get batchBytes(): number {
    return this.#window.bytes * BATCH_SHARE;
  }

  /** Whether bulk may be sent. Asked only when there is some: a refusal lets the window grow. */
  askForBulk(): boolean {
    const hasRoom = this.flight.bytes < this.#window.bytes && !this.isClogged;
    if (!hasRoom) this.#wasFull = true;
    return hasRoom;
  }

  /** Too much is on its way even for commands, which may exceed the window otherwise. */
  get isClogged(): boolean {
    return (
      this.flight.bytes >= WINDOW_CEILING_BYTES[this.id.kind] ||
      this.flight.size >= MAX_RECORDS_IN_FLIGHT
    );
  }

  /** @param isEliciting the peer will acknowledge this record. */
  onSent(record: SentRecord, isEliciting: boolean): void {
    this.#nextNumber = record.number + 1;
    this.sentBytes += record.bytes;
    if (!isEliciting) return;
    const { sentAtMs } = record;
    this.#sentRecords += 1;
    this.#lastSentAtMs = sentAtMs;
    this.#silentSinceMs = Math.min(this.#silentSinceMs, sentAtMs);
    this.#stuckSinceMs = Math.min(this.#stuckSinceMs, sentAtMs);
    this.flight.add(record);
    this.flight.forgetPings(MAX_PINGS);
  }

  onPingSent(nowMs: number): void {
    this.isPingDue = false;
    this.lastPingAtMs = nowMs;
  }

  /** @returns the records that were in flight and are acknowledged now. */
  onAck(ranges: readonly Range[], delayMs: number, nowMs: number): SentRecord[] {
    const { largestAcked } = this.flight;
    const acked = this.flight.takeAcked(ranges);
    const newest = acked.at(-1);
    if (newest === undefined) return acked;

    if (newest.number > largestAcked) {
      const waitedMs = Math.max(0, nowMs - newest.sentAtMs);
      this.rtt.sample(Math.max(0, waitedMs - Math.min(delayMs, 2 * ACK_DELAY_MS)), nowMs);
    }
    let bytes = 0;
    let bulkBytes = 0;
    for (const record of acked) {
      bytes += record.bytes;
      if (record.isBulk) bulkBytes += record.bytes;
    }
    if (this.rtt.isMinStale(nowMs)) {
      this.rtt.restartMin(nowMs);
      this.#window.drain(this.rtt.latestMs, nowMs);
    }
    this.#window.onAck(bytes, this.rtt.latestMs, this.rtt.minMs, this.#wasFull, nowMs);
    this.#wasFull = false;
    this.goodput.onAck(bulkBytes, nowMs, this.flight.hasBulk);
    this.#probes = 0;
    this.#answeredAtMs = nowMs;
    this.#stuckSinceMs = this.flight.size > 0 ? nowMs : Number.POSITIVE_INFINITY;
    if (this.flight.size === 0) this.#silentSinceMs = Number.POSITIVE_INFINITY;
    this.state = "open";
    return acked;
  }

  /** @returns the records that will not be acknowledged any more. */
  takeLost(nowMs: number): SentRecord[] {
    const lost = this.flight.takeLost(this.#lossPatienceMs, nowMs);
    if (lost.length > 0) {
      this.#lostRecords += lost.length;
      this.#window.onLoss();
    }
    return lost;
  }

  /** Urgent records that have been unacknowledged for too long to wait any longer; each once. */
  takeOverdue(nowMs: number): SentRecord[] {
    return this.flight.takeOverdue(this.#hedgePatienceMs, nowMs);
  }

  get hedgeAtMs(): number {
    return this.flight.overdueAtMs(this.#hedgePatienceMs);
  }

  /** Takes everything but pings out of the flight: the path went dark or closed. */
  abandon(): SentRecord[] {
    this.goodput.interrupt();
    return this.flight.takePayload();
  }

  // ── receiving ──────────────────────────────────────────────────────────────

  /** @returns false when the record was received before. */
  onReceived(number: number, bytes: number, nowMs: number): boolean {
    this.receivedBytes += bytes;
    this.#silentSinceMs = this.flight.size > 0 ? nowMs : Number.POSITIVE_INFINITY;
    return this.received.take(number, nowMs);
  }

  // ── liveness ───────────────────────────────────────────────────────────────

  /** When an open path becomes suspect, if nothing changes. */
  get darkAtMs(): number {
    if (this.state === "suspect" || this.flight.size === 0) return Number.POSITIVE_INFINITY;
    const atMs = Math.min(
      this.#silentSinceMs + this.#silenceMs,
      this.#stuckSinceMs + this.#silenceMs + ONE_WAY_SILENCE_MS,
    );
    return Math.max(atMs, this.#noVerdictBeforeMs);
  }

  /**
   * Something of ours was acknowledged too recently for the peer to have been without it for as long
   * as a suspicion takes: what the peer suspected is over.
   */
  hasJustAnswered(nowMs: number): boolean {
    return nowMs - this.#answeredAtMs < this.#silenceMs / 2;
  }

  /** When the newest record has been unanswered for longer than is normal, so that a ping is due. */
  get probeAtMs(): number {
    if (this.flight.size === 0 || this.isPingDue || this.state === "suspect") {
      return Number.POSITIVE_INFINITY;
    }
    const patienceMs = Math.max(PROBE_FLOOR_MS, this.rtt.patienceMs + ACK_DELAY_MS);
    return this.#lastSentAtMs + patienceMs * 2 ** Math.min(this.#probes, 3);
  }

  probe(): void {
    this.#probes += 1;
    this.isPingDue = true;
  }

  /** When the path is given up, unless it answers. */
  get deadAtMs(): number {
    return this.state === "suspect"
      ? this.suspectSinceMs + SUSPECT_TO_DEAD_MS
      : Number.POSITIVE_INFINITY;
  }

  /** When any of the above, or a loss, becomes due. */
  get wakeAtMs(): number {
    const lossAtMs = this.flight.lossAtMs(this.#lossPatienceMs);
    return Math.min(this.darkAtMs, this.probeAtMs, this.deadAtMs, lossAtMs);
  }

  suspect(nowMs: number): void {
    this.state = "suspect";
    this.suspectSinceMs = nowMs;
    this.isPingDue = true;
  }

  /** The machine was not run for `stalledMs`: that time is not held against the path. */
  forgive(stalledMs: number, nowMs: number): void {
    this.#silentSinceMs += stalledMs;
    this.#stuckSinceMs += stalledMs;
    this.#noVerdictBeforeMs = nowMs + STALL_GRACE_MS;
  }

  get #silenceMs(): number {
    return Math.max(MISSES_TO_SUSPECT * PING_BUSY_MS, 3 * this.rtt.smoothedMs);
  }

  get #hedgePatienceMs(): number {
    return Math.max(HEDGE_FLOOR_MS, HEDGE_RTT_FACTOR * this.rtt.smoothedMs);
  }

  get #lossPatienceMs(): number {
    const patienceMs = this.rtt.patienceMs * LOSS_PATIENCE[this.id.kind];
    return Math.max(LOSS_FLOOR_MS, this.rtt.latestMs + ACK_DELAY_MS, patienceMs);
  }
}
