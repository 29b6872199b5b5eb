/**
 * One path as the session sees it: packet numbers both ways, what is in flight, what was heard, and
 * whether it is alive. Loss detection follows RFC 9002: a record is lost when one that was sent
 * sufficiently later has been acknowledged; silence is never loss, it only causes a probe.
 *
 *     open ──silence──▶ suspect ──more silence──▶ (reported dead; the driver closes it)
 *       ▲                  │
 *       └──── answer ──────┘   an acknowledgement of something sent since: both ways work
 */

import type { Frame, Range } from "../frames.ts";
import { MAX_RANGES } from "../frames.ts";
import type { PathId } from "../record.ts";
import type { Control } from "./control-queue.ts";
import { Goodput } from "./goodput.ts";
import { RangeSet } from "./range-set.ts";
import { RttEstimate } from "./rtt.ts";
import type { SendStream, StreamPiece } from "./send-stream.ts";
import {
  ACK_DELAY_MS,
  LOSS_FLOOR_MS,
  LOSS_RTT_FACTOR,
  MISSES_TO_SUSPECT,
  PING_BUSY_MS,
  PROBE_FLOOR_MS,
} from "./tuning.ts";
import { SendWindow } from "./window.ts";

export interface SentPiece {
  readonly stream: SendStream;
  readonly piece: StreamPiece;
}

export interface SentRecord {
  readonly number: number;
  readonly sentAtMs: number;
  readonly bytes: number;
  readonly pieces: readonly SentPiece[];
  /** Frames that are made anew when this record is lost. */
  readonly controls: readonly Control[];
  /** Carries commands or control frames: worth sending on a second path when overdue. */
  readonly isUrgent: boolean;
  isHedged: boolean;
}

/** Our records are acknowledged one by one in 3 × the time a busy path needs: then it is one-way dark. */
const ONE_WAY_SILENCE_MS = 3_000;

/** Packet numbers remembered as received: far more than can be reordered; bounds memory. */
const MAX_RECEIVED_PIECES = 256;

export class PathState {
  readonly id: PathId;
  readonly rtt = new RttEstimate();
  readonly window: SendWindow;
  readonly goodput = new Goodput();
  state: "open" | "suspect" = "open";
  suspectSinceMs = 0;
  isPingDue = true;
  lastPingAtMs = Number.NEGATIVE_INFINITY;
  lastProgressAtMs: number | undefined;

  sentBytes = 0;
  receivedBytes = 0;
  resentBytes = 0;
  #sentRecords = 0;
  #lostRecords = 0;

  #nextNumber = 0;
  readonly #inFlight = new Map<number, SentRecord>();
  #inFlightBytes = 0;
  #largestAcked = -1;
  /** When the first record was sent after the path was last heard; undefined: nothing awaited. */
  #waitingSinceMs: number | undefined;
  #probes = 0;
  #lastSentAtMs = 0;
  #wasFull = false;

  readonly #received = new RangeSet();
  #largestReceivedAtMs = 0;
  #unackedRecords = 0;
  #ackDueAtMs: number | undefined;

  constructor(id: PathId, nowMs: number) {
    this.id = id;
    this.window = new SendWindow(id.kind);
    this.lastPingAtMs = nowMs;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get hasInFlight(): boolean {
    return this.#inFlight.size > 0;
  }

  get lossRatio(): number {
    return this.#sentRecords === 0 ? 0 : this.#lostRecords / this.#sentRecords;
  }

  /** Room for bulk. Control frames and commands may exceed the window: they are few and small. */
  get windowRoom(): number {
    const room = this.window.bytes - this.#inFlightBytes;
    if (room <= 0) this.#wasFull = true;
    return room;
  }

  takeNumber(): number {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    return number;
  }

  /** 2^32 − 1 records went out: the number must not come round, the path must be replaced. */
  get isExhausted(): boolean {
    return this.#nextNumber >= 0xffff_ffff;
  }

  // ── sending ────────────────────────────────────────────────────────────────

  onSent(record: SentRecord, isEliciting: boolean): void {
    this.sentBytes += record.bytes;
    if (!isEliciting) return;
    this.#sentRecords += 1;
    this.#inFlight.set(record.number, record);
    this.#inFlightBytes += record.bytes;
    this.#waitingSinceMs ??= record.sentAtMs;
    this.#lastSentAtMs = record.sentAtMs;
    this.goodput.onSend(record.sentAtMs);
  }

  /** Takes in an acknowledgement. Unknown numbers are ignored: they were already given up. */
  onAck(
    ranges: readonly Range[],
    delayMs: number,
    nowMs: number,
  ): { acked: SentRecord[]; lost: SentRecord[] } {
    const acked: SentRecord[] = [];
    for (const range of ranges) {
      // Walk whichever is smaller: a hostile range may span 2^53 numbers.
      if (range.end - range.start <= this.#inFlight.size) {
        for (let number = range.start; number < range.end; number += 1) {
          const record = this.#inFlight.get(number);
          if (record !== undefined) acked.push(record);
        }
      } else {
        for (const record of this.#inFlight.values()) {
          if (record.number >= range.start && record.number < range.end) acked.push(record);
        }
      }
    }
    if (acked.length === 0) return { acked, lost: [] };

    let newest = acked[0] as SentRecord;
    let ackedBytes = 0;
    for (const record of acked) {
      this.#inFlight.delete(record.number);
      this.#inFlightBytes -= record.bytes;
      ackedBytes += record.bytes;
      if (record.number > newest.number) newest = record;
    }
    if (newest.number > this.#largestAcked) {
      this.#largestAcked = newest.number;
      const waitedMs = Math.max(0, nowMs - newest.sentAtMs);
      this.rtt.sample(Math.max(0, waitedMs - Math.min(delayMs, ACK_DELAY_MS * 2)), nowMs);
    }
    this.window.onAck(ackedBytes, this.rtt.latestMs, this.rtt.minMs, this.#wasFull);
    this.#wasFull = false;
    this.goodput.onAck(ackedBytes, nowMs, this.hasInFlight);
    this.#probes = 0;
    this.lastProgressAtMs = nowMs;
    return { acked, lost: this.detectLost(nowMs) };
  }

  detectLost(nowMs: number): SentRecord[] {
    const lost: SentRecord[] = [];
    const lostIfSentBefore = nowMs - this.#lossDelayMs;
    for (const record of this.#inFlight.values()) {
      if (record.number > this.#largestAcked || record.sentAtMs > lostIfSentBefore) break;
      lost.push(record);
    }
    for (const record of lost) this.#forget(record);
    if (lost.length > 0) {
      this.#lostRecords += lost.length;
      this.window.onLoss();
    }
    return lost;
  }

  /** Empties the flight: the path went dark or closed. */
  abandon(): SentRecord[] {
    const records = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
    this.#waitingSinceMs = undefined;
    return records;
  }

  /** Urgent records older than `overdueMs` that were not yet sent elsewhere. */
  overdue(overdueMs: number, nowMs: number): SentRecord[] {
    const found: SentRecord[] = [];
    for (const record of this.#inFlight.values()) {
      if (record.sentAtMs + overdueMs > nowMs) break;
      if (record.isUrgent && !record.isHedged) found.push(record);
    }
    return found;
  }

  /** When the oldest urgent record becomes overdue. */
  overdueAtMs(overdueMs: number): number {
    for (const record of this.#inFlight.values()) {
      if (record.isUrgent && !record.isHedged) return record.sentAtMs + overdueMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  // ── receiving ──────────────────────────────────────────────────────────────

  /** @returns false for a record that was received before. */
  onReceived(number: number, bytes: number, nowMs: number): boolean {
    this.receivedBytes += bytes;
    this.#waitingSinceMs = undefined;
    if (this.#received.has(number)) return false;
    if (this.#received.pieces >= MAX_RECEIVED_PIECES) {
      const oldest = this.#received.first as Range;
      // Below the oldest range everything counts as received; its records are long repaired.
      this.#received.add(0, oldest.end);
    }
    if (number >= (this.#received.last?.end ?? 0)) this.#largestReceivedAtMs = nowMs;
    this.#received.add(number, number + 1);
    return true;
  }

  /** @param delayMs how long the acknowledgement may wait for company; 0: not at all. */
  wantAck(delayMs: number, everyRecords: number, nowMs: number): void {
    this.#unackedRecords += 1;
    const dueAtMs = this.#unackedRecords >= everyRecords ? nowMs : nowMs + delayMs;
    this.#ackDueAtMs = Math.min(this.#ackDueAtMs ?? Number.POSITIVE_INFINITY, dueAtMs);
  }

  isAckDue(nowMs: number): boolean {
    return this.#ackDueAtMs !== undefined && this.#ackDueAtMs <= nowMs;
  }

  get wantsAck(): boolean {
    return this.#ackDueAtMs !== undefined;
  }

  takeAck(nowMs: number): Extract<Frame, { type: "ack" }> {
    this.#unackedRecords = 0;
    this.#ackDueAtMs = undefined;
    const ranges = this.#received.ranges().slice(-MAX_RANGES).reverse();
    const delayMs = Math.max(0, Math.round(nowMs - this.#largestReceivedAtMs));
    return { type: "ack", path: this.id, delayMs, ranges };
  }

  // ── liveness ───────────────────────────────────────────────────────────────

  /** How long this path may stay silent, with something outstanding, before it is suspect. */
  get silenceLimitMs(): number {
    return Math.max(MISSES_TO_SUSPECT * PING_BUSY_MS, 3 * this.rtt.smoothedMs);
  }

  isDark(nowMs: number): boolean {
    if (this.#waitingSinceMs !== undefined) {
      if (nowMs - this.#waitingSinceMs >= this.silenceLimitMs) return true;
    }
    const oldest = this.#oldest();
    return oldest !== undefined && nowMs - oldest.sentAtMs >= this.#oneWayLimitMs;
  }

  /** A probe is due: the newest record has been unanswered for longer than is normal. */
  takeProbe(nowMs: number): boolean {
    if (this.#probeAtMs > nowMs) return false;
    this.#probes += 1;
    return true;
  }

  /** The machine was not run for this long: answers may lie unread, so nothing counts as silence. */
  forgive(stalledMs: number): void {
    if (this.#waitingSinceMs !== undefined) this.#waitingSinceMs += stalledMs;
  }

  /** When something of the above becomes due. */
  wakeAtMs(): number {
    let wakeAtMs = Math.min(this.#ackDueAtMs ?? Number.POSITIVE_INFINITY, this.#probeAtMs);
    if (this.state === "suspect") return wakeAtMs;
    if (this.#waitingSinceMs !== undefined) {
      wakeAtMs = Math.min(wakeAtMs, this.#waitingSinceMs + this.silenceLimitMs);
    }
    const oldest = this.#oldest();
    if (oldest !== undefined) {
      wakeAtMs = Math.min(wakeAtMs, oldest.sentAtMs + this.#oneWayLimitMs);
      if (oldest.number < this.#largestAcked) {
        wakeAtMs = Math.min(wakeAtMs, oldest.sentAtMs + this.#lossDelayMs);
      }
    }
    return wakeAtMs;
  }

  get #oneWayLimitMs(): number {
    return ONE_WAY_SILENCE_MS + this.silenceLimitMs;
  }

  get #lossDelayMs(): number {
    return Math.max(
      LOSS_FLOOR_MS,
      LOSS_RTT_FACTOR * Math.max(this.rtt.smoothedMs, this.rtt.latestMs),
    );
  }

  get #probeAtMs(): number {
    if (this.#inFlight.size === 0 || this.state !== "open") return Number.POSITIVE_INFINITY;
    const patienceMs = Math.max(PROBE_FLOOR_MS, this.rtt.patienceMs + ACK_DELAY_MS);
    return this.#lastSentAtMs + patienceMs * 2 ** Math.min(this.#probes, 3);
  }

  #oldest(): SentRecord | undefined {
    for (const record of this.#inFlight.values()) return record;
    return undefined;
  }

  #forget(record: SentRecord): void {
    this.#inFlight.delete(record.number);
    this.#inFlightBytes -= record.bytes;
  }
}
