/**
 * The records of one path that are sent and not yet acknowledged, in the order of their numbers.
 *
 * A record is lost when a later one was acknowledged and more time has passed than its own answer can
 * take. RFC 9002 §6.1.2 is in more of a hurry (9/8 of a round trip); but the transports below us lose
 * nothing while they live, so haste would only repeat what was delayed. Silence alone is never loss.
 */

import type { Range } from "../frames.ts";
import type { Control } from "./control-queue.ts";
import type { SendStream, StreamPiece } from "./send-stream.ts";

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
  /** Carries previews or pictures: its acknowledgement tells how fast the path is. */
  readonly isBulk: boolean;
}

export class Flight {
  readonly #records = new Map<number, SentRecord>();
  /** Urgent records that were not sent on a second path yet. */
  readonly #urgent = new Map<number, SentRecord>();
  #bytes = 0;
  #bulkRecords = 0;
  #payloadRecords = 0;
  #largestAcked = -1;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#records.size;
  }

  get hasBulk(): boolean {
    return this.#bulkRecords > 0;
  }

  /** Something besides pings is on its way. */
  get hasPayload(): boolean {
    return this.#payloadRecords > 0;
  }

  get largestAcked(): number {
    return this.#largestAcked;
  }

  add(record: SentRecord): void {
    this.#records.set(record.number, record);
    if (record.isUrgent) this.#urgent.set(record.number, record);
    this.#count(record, 1);
  }

  /** @param ranges highest first, as acknowledged; numbers that are not in flight are ignored. */
  takeAcked(ranges: readonly Range[]): SentRecord[] {
    const acked: SentRecord[] = [];
    let index = ranges.length - 1;
    for (const record of this.#records.values()) {
      while (index >= 0 && (ranges[index] as Range).end <= record.number) index -= 1;
      const range = ranges[index];
      if (range === undefined) break;
      if (record.number >= range.start) acked.push(record);
    }
    this.#removeAll(acked);
    this.#largestAcked = Math.max(this.#largestAcked, acked.at(-1)?.number ?? -1);
    return acked;
  }

  /** @param patienceMs how long after its sending a record's acknowledgement may still come. */
  takeLost(patienceMs: number, nowMs: number): SentRecord[] {
    const lost: SentRecord[] = [];
    for (const record of this.#records.values()) {
      if (record.number > this.#largestAcked || record.sentAtMs + patienceMs > nowMs) break;
      lost.push(record);
    }
    this.#removeAll(lost);
    return lost;
  }

  /** When {@link takeLost} may find something, if no acknowledgement comes. */
  lossAtMs(patienceMs: number): number {
    const oldest = this.#oldest();
    if (oldest === undefined || oldest.number > this.#largestAcked) {
      return Number.POSITIVE_INFINITY;
    }
    return oldest.sentAtMs + patienceMs;
  }

  /** Urgent records sent at least `patienceMs` ago; each is returned once. */
  takeOverdue(patienceMs: number, nowMs: number): SentRecord[] {
    const overdue: SentRecord[] = [];
    for (const record of this.#urgent.values()) {
      if (record.sentAtMs + patienceMs > nowMs) break;
      overdue.push(record);
    }
    for (const record of overdue) this.#urgent.delete(record.number);
    return overdue;
  }

  overdueAtMs(patienceMs: number): number {
    for (const record of this.#urgent.values()) return record.sentAtMs + patienceMs;
    return Number.POSITIVE_INFINITY;
  }

  takePayload(): SentRecord[] {
    if (!this.hasPayload) return [];
    const records = [...this.#records.values()].filter(hasPayload);
    this.#removeAll(records);
    return records;
  }

  /** Forgets the oldest pings beyond `max`, so that a path that stays silent costs no memory. */
  forgetPings(max: number): void {
    if (this.#records.size - this.#payloadRecords <= max) return;
    for (const record of this.#records.values()) {
      if (hasPayload(record)) continue;
      this.#removeAll([record]);
      return;
    }
  }

  #oldest(): SentRecord | undefined {
    for (const record of this.#records.values()) return record;
    return undefined;
  }

  #removeAll(records: readonly SentRecord[]): void {
    for (const record of records) {
      this.#records.delete(record.number);
      this.#urgent.delete(record.number);
      this.#count(record, -1);
    }
  }

  #count(record: SentRecord, sign: 1 | -1): void {
    this.#bytes += sign * record.bytes;
    if (record.isBulk) this.#bulkRecords += sign;
    if (hasPayload(record)) this.#payloadRecords += sign;
  }
}

function hasPayload(record: SentRecord): boolean {
  return record.pieces.length > 0 || record.controls.length > 0;
}
