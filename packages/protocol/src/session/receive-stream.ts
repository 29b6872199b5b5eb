/**
 * The receiving half of a stream: takes pieces in any order, as often as they come, and hands each
 * byte to the application once and in order.
 *
 * Memory is bounded by the credit that was granted: what arrives beyond it breaks the protocol.
 */

import { BeelineError } from "../errors.ts";
import { MAX_STATE_RANGES, type Priority, type Range } from "../frames.ts";
import { RangeSet } from "./range-set.ts";
import { CREDIT_STEP, MAX_RECORDS_IN_FLIGHT, windowFor } from "./tuning.ts";

/** Pieces held out of order: more than both paths together can have in flight. */
const MAX_WAITING_PIECES = 2 * MAX_RECORDS_IN_FLIGHT + 2;

export class ReceiveStream {
  readonly id: number;
  readonly priority: Priority;
  /** Highest offset seen: what counts against the bulk budget. */
  highWater = 0;
  limit: number;
  consumed = 0;
  /** The limit the peer was last told, and whether it was told that we have it all. */
  #toldLimit: number;
  readonly #received = new RangeSet();
  /** Pieces above {@link #delivered}, in order, disjoint. */
  readonly #waiting: { start: number; bytes: Uint8Array }[] = [];
  #delivered = 0;
  #size: number | undefined;

  constructor(id: number, priority: Priority) {
    this.id = id;
    this.priority = priority;
    this.limit = this.window;
    this.#toldLimit = this.limit;
  }

  get window(): number {
    return windowFor(this.priority);
  }

  /** All bytes and the end have been handed to the application. */
  get isDelivered(): boolean {
    return this.#size !== undefined && this.#delivered === this.#size;
  }

  /** The application took everything. */
  get isDone(): boolean {
    return this.isDelivered && this.consumed === this.#size;
  }

  /** What we hold, lowest first. Beyond MAX_STATE_RANGES it is not told, and sent again. */
  heldRanges(): readonly Range[] {
    return this.#received.ranges().slice(0, MAX_STATE_RANGES);
  }

  /**
   * @returns the bytes that are now in order, oldest first; views into what was received.
   * @throws {BeelineError} `PROTOCOL_VIOLATION` beyond the credit or past the end.
   */
  accept(offset: number, bytes: Uint8Array, end: boolean): Uint8Array[] {
    const stop = offset + bytes.byteLength;
    if (stop > this.limit) throw violation(this.id, `byte ${stop} is beyond the credit`);
    if (end) {
      if ((this.#size !== undefined && this.#size !== stop) || stop < this.highWater) {
        throw violation(this.id, "two different ends");
      }
      this.#size = stop;
    } else if (this.#size !== undefined && stop > this.#size) {
      throw violation(this.id, "bytes after the end");
    }
    this.highWater = Math.max(this.highWater, stop);
    const fresh = this.#received.missing(offset, stop);
    if (fresh.length === 0) return [];
    this.#received.add(offset, stop);
    for (const part of fresh) {
      this.#insert(part.start, bytes.subarray(part.start - offset, part.end - offset));
    }
    const ready = this.#drain();
    if (this.#waiting.length > MAX_WAITING_PIECES) throw violation(this.id, "too many gaps");
    return ready;
  }

  /** The application took `count` bytes. @returns whether the peer should be told. */
  consume(count: number): boolean {
    this.consumed = Math.min(this.#delivered, this.consumed + count);
    this.limit = this.consumed + this.window;
    return this.isDone || this.limit - this.#toldLimit >= this.window * CREDIT_STEP;
  }

  /** What the next credit frame says. */
  credit(): { consumed: number; limit: number; done: boolean } {
    this.#toldLimit = this.limit;
    return { consumed: this.consumed, limit: this.limit, done: this.isDone };
  }

  #insert(start: number, bytes: Uint8Array): void {
    // Nearly always the newest piece is the highest one.
    let index = this.#waiting.length;
    while (index > 0 && (this.#waiting[index - 1] as { start: number }).start > start) index -= 1;
    this.#waiting.splice(index, 0, { start, bytes: compact(bytes) });
  }

  #drain(): Uint8Array[] {
    const ready: Uint8Array[] = [];
    let count = 0;
    for (const piece of this.#waiting) {
      if (piece.start !== this.#delivered) break;
      ready.push(piece.bytes);
      this.#delivered += piece.bytes.byteLength;
      count += 1;
    }
    this.#waiting.splice(0, count);
    return ready;
  }
}

/** A small view would keep its whole record in memory: then a copy is cheaper. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength * 4 < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

function violation(id: number, detail: string): BeelineError {
  return new BeelineError("PROTOCOL_VIOLATION", `stream ${id}: ${detail}`);
}
