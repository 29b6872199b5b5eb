/**
 * The records one path received: which packet numbers, and when the peer must hear of them.
 *
 * A number is acknowledged only if its record was processed. When a hostile or very lossy path leaves
 * more gaps than we care to remember, the oldest numbers are forgotten: such a record is neither
 * processed nor acknowledged again, and its content comes once more under a new number.
 */

import type { Frame } from "../frames.ts";
import { MAX_ACK_RANGES, type Range } from "../frames.ts";
import type { PathId } from "../record.ts";
import { RangeSet } from "./range-set.ts";

/** Gaps remembered: far more than reliable transports leave. */
const MAX_PIECES = 256;

export class ReceivedRecords {
  readonly #numbers = new RangeSet();
  #forgottenBelow = 0;
  #newestAtMs = 0;
  #unacked = 0;
  #ackDueAtMs = Number.POSITIVE_INFINITY;

  /** @returns false for a record that was (or may have been) received before: ignore its frames. */
  take(number: number, nowMs: number): boolean {
    if (number < this.#forgottenBelow || this.#numbers.has(number)) return false;
    if (number >= (this.#numbers.last?.end ?? 0)) this.#newestAtMs = nowMs;
    this.#numbers.add(number, number + 1);
    if (this.#numbers.pieces > MAX_PIECES) {
      const { start, end } = this.#numbers.first as Range;
      this.#numbers.remove(start, end);
      this.#forgottenBelow = end;
    }
    return true;
  }

  /** An acknowledgement may wait `delayMs` for company, unless `everyRecords` wait already. */
  wantAck(delayMs: number, everyRecords: number, nowMs: number): void {
    this.#unacked += 1;
    const dueAtMs = this.#unacked >= everyRecords ? nowMs : nowMs + delayMs;
    this.#ackDueAtMs = Math.min(this.#ackDueAtMs, dueAtMs);
  }

  /** Infinity when nothing waits to be acknowledged. */
  get ackDueAtMs(): number {
    return this.#ackDueAtMs;
  }

  get wantsAck(): boolean {
    return this.#ackDueAtMs !== Number.POSITIVE_INFINITY;
  }

  takeAck(path: PathId, nowMs: number): Extract<Frame, { type: "ack" }> {
    this.#unacked = 0;
    this.#ackDueAtMs = Number.POSITIVE_INFINITY;
    const ranges = this.#numbers.ranges().slice(-MAX_ACK_RANGES).reverse();
    const delayMs = Math.max(0, Math.round(nowMs - this.#newestAtMs));
    return { type: "ack", path, delayMs, ranges };
  }
}
