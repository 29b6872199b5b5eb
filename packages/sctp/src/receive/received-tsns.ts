/**
 * Which TSNs arrived: the cumulative one, the ranges above it and the duplicates since the last SACK
 * (RFC 9260 section 6.2). In order costs a comparison; anything else a binary search in a list of
 * bounded length. A TSN that cannot be told in a SACK, or would make the list too long, is refused,
 * which to the other side is a loss like any other.
 */

import type { SackChunk } from "../wire/chunk.ts";
import { isTsnAfter, tsnDistance, tsnPlus } from "../wire/serial.ts";

/** Gap blocks name TSNs by 16-bit offsets from the cumulative one: RFC 9260 section 3.3.4. */
const MAX_OFFSET = 0xffff;

/** Of 8 MiB on the way in packets of 1200 bytes, one in seven lost. More is somebody's joke. */
const MAX_RANGES = 1024;

/** Kept until the next SACK; the RFC asks for "as many as fit", and they only tell of spurious repeats. */
const MAX_DUPLICATES = 64;

/** Before the lists: RFC 9260 section 3.3.4. */
const SACK_HEADER_BYTES = 16;
const LISTED_BYTES = 4;

interface Range {
  /** Both received. */
  first: number;
  last: number;
}

export class ReceivedTsns {
  #cumulative: number;
  /** Ascending, never touching each other nor the cumulative TSN. */
  readonly #ranges: Range[] = [];
  #duplicates: number[] = [];

  /** @param initialTsn the other side's, from its INIT or INIT ACK. */
  constructor(initialTsn: number) {
    this.#cumulative = tsnPlus(initialTsn, -1);
  }

  /** The highest TSN up to which nothing is missing. */
  get cumulativeTsn(): number {
    return this.#cumulative;
  }

  get hasGaps(): boolean {
    return this.#ranges.length > 0;
  }

  /**
   * Whether to take a TSN: "refused" when it lies too far ahead or would need one range too many. The
   * one that is missing first never is.
   */
  classify(tsn: number): "new" | "duplicate" | "refused" {
    const offset = tsnDistance(this.#cumulative, tsn);
    if (offset <= 0) return "duplicate";
    if (offset > MAX_OFFSET) return "refused";
    const index = this.#rangeUpTo(tsn);
    const before = this.#ranges[index];
    if (before !== undefined && !isTsnAfter(tsn, before.last)) return "duplicate";
    if (this.#ranges.length < MAX_RANGES || offset === 1) return "new";
    const isBeside =
      before?.last === tsnPlus(tsn, -1) || this.#ranges[index + 1]?.first === tsnPlus(tsn, 1);
    return isBeside ? "new" : "refused";
  }

  /** @param tsn one that `classify` calls new. */
  add(tsn: number): void {
    if (tsn === tsnPlus(this.#cumulative, 1)) {
      this.#cumulative = tsn;
      this.#joinFirstRange();
      return;
    }
    const index = this.#rangeUpTo(tsn);
    const before = this.#ranges[index];
    const after = this.#ranges[index + 1];
    const joinsBefore = before?.last === tsnPlus(tsn, -1);
    const joinsAfter = after?.first === tsnPlus(tsn, 1);
    if (before && joinsBefore) {
      before.last = joinsAfter && after ? after.last : tsn;
      if (joinsAfter) this.#ranges.splice(index + 1, 1);
    } else if (after && joinsAfter) {
      after.first = tsn;
    } else {
      this.#ranges.splice(index + 1, 0, { first: tsn, last: tsn });
    }
  }

  /** A TSN came again: the next SACK says so. */
  addDuplicate(tsn: number): void {
    if (this.#duplicates.length < MAX_DUPLICATES) this.#duplicates.push(tsn);
  }

  /**
   * FORWARD TSN: counts everything up to `cumulativeTsn` as received (RFC 3758 section 3.6).
   * @returns false when it is not news.
   */
  forward(cumulativeTsn: number): boolean {
    if (!isTsnAfter(cumulativeTsn, this.#cumulative)) return false;
    this.#cumulative = cumulativeTsn;
    const passed = this.#rangeUpTo(cumulativeTsn);
    const last = this.#ranges[passed]?.last;
    if (last !== undefined && isTsnAfter(last, cumulativeTsn)) this.#cumulative = last;
    this.#ranges.splice(0, passed + 1);
    this.#joinFirstRange();
    return true;
  }

  /**
   * What a SACK says now; the duplicates are said once. The lowest gaps come first, so that what does
   * not fit is news for later.
   * @param maxBytes room for the chunk, at least 16.
   */
  sack(receiveWindowBytes: number, maxBytes: number): SackChunk {
    const room = Math.max(0, Math.floor((maxBytes - SACK_HEADER_BYTES) / LISTED_BYTES));
    const gaps: { start: number; end: number }[] = [];
    for (const { first, last } of this.#ranges) {
      if (gaps.length >= room) break;
      gaps.push({
        start: tsnDistance(this.#cumulative, first),
        end: tsnDistance(this.#cumulative, last),
      });
    }
    const duplicates = this.#duplicates.slice(0, room - gaps.length);
    this.#duplicates = [];
    const cumulativeTsn = this.#cumulative;
    return { type: "sack", cumulativeTsn, receiveWindowBytes, gaps, duplicates };
  }

  #joinFirstRange(): void {
    const [first] = this.#ranges;
    if (first?.first !== tsnPlus(this.#cumulative, 1)) return;
    this.#cumulative = first.last;
    this.#ranges.shift();
  }

  /** The index of the last range that begins at or before `tsn`, or -1. */
  #rangeUpTo(tsn: number): number {
    const ranges = this.#ranges;
    let low = -1;
    let high = ranges.length - 1;
    // Packets come in order after a loss: the last range is the one, nearly always.
    if (high >= 0 && !isTsnAfter((ranges[high] as Range).first, tsn)) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (isTsnAfter((ranges[middle] as Range).first, tsn)) high = middle - 1;
      else low = middle;
    }
    return low;
  }
}
