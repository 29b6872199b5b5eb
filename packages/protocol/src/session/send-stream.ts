/**
 * The sending half of a stream: bytes written by the application, kept until the application at the
 * other end consumed them.
 *
 * Each written byte is in exactly one of these places, and only moves to the right, or back to
 * pending when a record was lost:
 *
 *     pending ──▶ in flight (the path knows) ──▶ acked ──▶ consumed (dropped from memory)
 *        ▲              │
 *        └── uncertain ◀┘   its path died; a query asks the receiver what it holds
 */

import { BeelineError } from "../errors.ts";
import type { Priority, Range } from "../frames.ts";
import { RangeSet } from "./range-set.ts";

export interface StreamPiece extends Range {
  /** This piece carries the stream's end. */
  readonly last: boolean;
}

export class SendStream {
  readonly id: number;
  readonly priority: Priority;
  /** The peer lets us send below this offset. */
  limit: number;
  /** Highest offset ever sent: what counts against the bulk budget. */
  highWater = 0;
  /** Set when given up; the stream then sends nothing but its reset. */
  resetCode: number | undefined;
  /** The peer's application has every byte and the end. */
  isDone = false;

  readonly #chunks: { start: number; bytes: Uint8Array }[] = [];
  readonly #pending = new RangeSet();
  readonly #acked = new RangeSet();
  readonly #uncertain = new RangeSet();
  #written = 0;
  #consumed = 0;
  #ended = false;
  #end: "unsent" | "sent" | "acked" = "unsent";
  #endUncertain = false;

  constructor(id: number, priority: Priority, limit: number) {
    this.id = id;
    this.priority = priority;
    this.limit = limit;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Bytes held in memory. */
  get retainedBytes(): number {
    return this.#written - this.#consumed;
  }

  /** Bytes waiting to be sent, whether or not there is credit for them. */
  get pendingBytes(): number {
    return this.#pending.size;
  }

  get hasUncertain(): boolean {
    return !this.#uncertain.isEmpty || this.#endUncertain;
  }

  write(bytes: Uint8Array): void {
    if (bytes.byteLength === 0 || this.#ended || this.resetCode !== undefined) return;
    this.#chunks.push({ start: this.#written, bytes });
    this.#pending.add(this.#written, this.#written + bytes.byteLength);
    this.#written += bytes.byteLength;
  }

  end(): void {
    this.#ended = true;
  }

  /** Forgets the bytes: what the peer has not got, it will not get. */
  reset(code: number): void {
    this.resetCode = code;
    this.#pending.clear();
    this.#uncertain.clear();
    this.#endUncertain = false;
    this.#chunks.length = 0;
    this.#consumed = this.#written;
  }

  /**
   * The next piece to send, not yet taken from the pending ones.
   * @param budget how many bytes above {@link highWater} may still be sent.
   */
  nextPiece(maxBytes: number, budget: number): StreamPiece | undefined {
    if (this.resetCode !== undefined) return undefined;
    const first = this.#pending.first;
    if (first !== undefined) {
      const allowed = Math.min(this.limit, this.highWater + budget);
      const end = Math.min(first.end, first.start + maxBytes, allowed);
      if (end > first.start) {
        return { start: first.start, end, last: this.#ended && end === this.#written };
      }
      return undefined;
    }
    if (this.#ended && this.#end === "unsent" && !this.#endUncertain) {
      return { start: this.#written, end: this.#written, last: true };
    }
    return undefined;
  }

  /** Takes `piece` out of the pending bytes and copies it into `target`. */
  take(piece: StreamPiece, target: Uint8Array): void {
    this.#pending.remove(piece.start, piece.end);
    this.highWater = Math.max(this.highWater, piece.end);
    if (piece.last && this.#end === "unsent") this.#end = "sent";
    this.#copy(piece.start, piece.end, target);
  }

  /** Copies bytes that are (or were) in flight, for sending them a second time on another path. */
  copyAgain(piece: StreamPiece, target: Uint8Array): void {
    this.#copy(piece.start, piece.end, target);
  }

  /** What of `piece` the peer is not known to have. */
  worthRepeating(piece: StreamPiece): StreamPiece[] {
    if (this.resetCode !== undefined || this.isDone) return [];
    const parts = this.#unacked(piece).map((part) => ({
      ...part,
      last: piece.last && part.end === piece.end,
    }));
    const lacksEnd = piece.last && this.#end !== "acked" && !parts.some((part) => part.last);
    return lacksEnd ? [...parts, { start: piece.end, end: piece.end, last: true }] : parts;
  }

  onAcked(piece: StreamPiece): void {
    this.#acked.add(piece.start, piece.end);
    this.#pending.remove(piece.start, piece.end);
    this.#uncertain.remove(piece.start, piece.end);
    if (piece.last) {
      this.#end = "acked";
      this.#endUncertain = false;
    }
  }

  onLost(piece: StreamPiece): void {
    if (this.resetCode !== undefined || this.isDone) return;
    for (const part of this.#unacked(piece)) this.#pending.add(part.start, part.end);
    if (piece.last && this.#end === "sent") this.#end = "unsent";
  }

  /** The piece's path died: whether it arrived is unknown until the peer's state says so. */
  onUncertain(piece: StreamPiece): void {
    if (this.resetCode !== undefined || this.isDone) return;
    for (const part of this.#unacked(piece)) this.#uncertain.add(part.start, part.end);
    if (piece.last && this.#end === "sent") {
      this.#end = "unsent";
      this.#endUncertain = true;
    }
  }

  /** What the peer holds of this stream: what is uncertain and not held must be sent again. */
  onState(held: readonly Range[], complete: boolean): void {
    if (complete) this.#acked.add(0, this.#written);
    for (const range of held) this.#acked.add(range.start, Math.min(range.end, this.#written));
    for (const range of this.#acked.ranges()) this.#pending.remove(range.start, range.end);
    for (const range of [...this.#uncertain.ranges()]) {
      for (const part of this.#unacked(range)) {
        this.#pending.add(part.start, part.end);
      }
    }
    this.#uncertain.clear();
    this.#endUncertain = false;
    if (complete && this.#ended) this.#end = "acked";
  }

  /** @returns whether the application may write more than before. */
  onCredit(consumed: number, limit: number, done: boolean): boolean {
    const before = this.#consumed;
    const isWhole = done && this.#ended;
    const upTo = isWhole ? this.#written : Math.min(consumed, this.#written);
    this.#consumed = Math.max(this.#consumed, upTo);
    this.limit = Math.max(this.limit, limit);
    while (this.#chunks[0] !== undefined) {
      const first = this.#chunks[0];
      if (first.start + first.bytes.byteLength > this.#consumed) break;
      this.#chunks.shift();
    }
    this.#acked.add(0, this.#consumed);
    this.#pending.remove(0, this.#consumed);
    this.#uncertain.remove(0, this.#consumed);
    if (isWhole) {
      this.isDone = true;
      this.#end = "acked";
      this.#endUncertain = false;
    }
    return this.#consumed > before;
  }

  #unacked(piece: Range): Range[] {
    return this.#acked.missing(Math.max(piece.start, this.#consumed), piece.end);
  }

  #copy(start: number, end: number, target: Uint8Array): void {
    let index = this.#chunkAt(start);
    let at = start;
    while (at < end) {
      const chunk = this.#chunks[index];
      if (chunk === undefined || chunk.start > at) {
        throw new BeelineError("INTERNAL", `stream ${this.id}: byte ${at} was forgotten too early`);
      }
      const from = at - chunk.start;
      const length = Math.min(chunk.bytes.byteLength - from, end - at);
      target.set(chunk.bytes.subarray(from, from + length), at - start);
      at += length;
      index += 1;
    }
  }

  #chunkAt(offset: number): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#chunks[middle] as { start: number }).start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
