/**
 * A set of whole numbers kept as sorted, disjoint, non-touching ranges: which bytes of a stream were
 * received, which packet numbers, which stream ids are finished.
 *
 * Every operation finds its place by binary search; adding at the end, the common case, is O(1).
 */

import type { Range } from "../frames.ts";

export class RangeSet {
  #ranges: { start: number; end: number }[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** How many ranges it takes to write the set down. */
  get pieces(): number {
    return this.#ranges.length;
  }

  get first(): Range | undefined {
    return this.#ranges[0];
  }

  get last(): Range | undefined {
    return this.#ranges.at(-1);
  }

  /** How many numbers are in the set. */
  get size(): number {
    let size = 0;
    for (const range of this.#ranges) size += range.end - range.start;
    return size;
  }

  ranges(): readonly Range[] {
    return this.#ranges;
  }

  has(value: number): boolean {
    const range = this.#ranges[this.#indexOf(value)];
    return range !== undefined && range.start <= value;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    // The first range that touches or overlaps [start, end): ranges that only touch are merged too.
    const from = this.#indexOf(start - 1);
    let to = from;
    let mergedStart = start;
    let mergedEnd = end;
    for (; to < this.#ranges.length; to += 1) {
      const range = this.#ranges[to] as { start: number; end: number };
      if (range.start > end) break;
      mergedStart = Math.min(mergedStart, range.start);
      mergedEnd = Math.max(mergedEnd, range.end);
    }
    if (to === from + 1) {
      const range = this.#ranges[from] as { start: number; end: number };
      range.start = mergedStart;
      range.end = mergedEnd;
    } else {
      this.#ranges.splice(from, to - from, { start: mergedStart, end: mergedEnd });
    }
  }

  remove(start: number, end: number): void {
    if (start >= end) return;
    const from = this.#indexOf(start);
    const kept: { start: number; end: number }[] = [];
    let to = from;
    for (; to < this.#ranges.length; to += 1) {
      const range = this.#ranges[to] as { start: number; end: number };
      if (range.start >= end) break;
      if (range.start < start) kept.push({ start: range.start, end: start });
      if (range.end > end) kept.push({ start: end, end: range.end });
    }
    if (to > from) this.#ranges.splice(from, to - from, ...kept);
  }

  /** The parts of [start, end) that are not in the set, lowest first. */
  missing(start: number, end: number): Range[] {
    const gaps: Range[] = [];
    let at = start;
    for (let index = this.#indexOf(start); index < this.#ranges.length && at < end; index += 1) {
      const range = this.#ranges[index] as Range;
      if (range.start >= end) break;
      if (range.start > at) gaps.push({ start: at, end: range.start });
      at = Math.max(at, range.end);
    }
    if (at < end) gaps.push({ start: at, end });
    return gaps;
  }

  clear(): void {
    this.#ranges = [];
  }

  /** The index of the first range that ends after `value`. */
  #indexOf(value: number): number {
    let low = 0;
    let high = this.#ranges.length;
    const last = this.#ranges[high - 1];
    if (last !== undefined && last.end <= value) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).end > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
