/**
 * What is acknowledged beyond the cumulative acknowledgement: ranges of ordinals, ascending and
 * apart from one another. Every SACK repeats all of them; comparing range with range instead of
 * chunk with chunk makes a SACK cost what is new in it plus the number of its ranges.
 */

/** A gap of a SACK, both ends included, counted from its cumulative acknowledgement. */
export interface Gap {
  readonly start: number;
  readonly end: number;
}

/** Gap 1 would be acknowledged cumulatively: a list that names it contradicts itself. */
const FIRST_GAP = 2;

export class AckedRanges {
  #starts: number[] = [];
  #ends: number[] = [];
  #nextStarts: number[] = [];
  #nextEnds: number[] = [];

  get count(): number {
    return this.#starts.length;
  }

  /** The lowest ordinal in a range; Infinity without any. */
  get lowest(): number {
    return this.#starts[0] ?? Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.#starts.length = 0;
    this.#ends.length = 0;
  }

  forEach(visit: (ordinal: number) => void): void {
    for (let index = 0; index < this.#starts.length; index += 1) {
      const end = this.#ends[index] as number;
      for (let ordinal = this.#starts[index] as number; ordinal <= end; ordinal += 1) {
        visit(ordinal);
      }
    }
  }

  /** Forgets what is below `ordinal`. */
  dropBelow(ordinal: number): void {
    if (this.lowest >= ordinal) return;
    let kept = 0;
    for (let index = 0; index < this.#starts.length; index += 1) {
      const end = this.#ends[index] as number;
      if (end < ordinal) continue;
      this.#starts[kept] = Math.max(ordinal, this.#starts[index] as number);
      this.#ends[kept] = end;
      kept += 1;
    }
    this.#starts.length = kept;
    this.#ends.length = kept;
  }

  /**
   * Adds the gaps of a SACK and tells of every ordinal that is new. Gaps out of order, and of what
   * was never sent, are left out: what they may mean is acknowledged cumulatively later.
   * @param cumulative the ordinal that gaps count from
   * @param next the first ordinal that was never given
   */
  add(
    gaps: readonly Gap[],
    cumulative: number,
    next: number,
    onNew: (ordinal: number) => void,
  ): void {
    this.#nextStarts.length = 0;
    this.#nextEnds.length = 0;
    let held = 0;
    let lastEnd = FIRST_GAP - 1;
    for (const gap of gaps) {
      if (gap.start <= lastEnd || gap.end < gap.start || cumulative + gap.end >= next) continue;
      lastEnd = gap.end;
      const start = cumulative + gap.start;
      while (held < this.#starts.length && (this.#ends[held] as number) < start) {
        this.#keep(this.#starts[held] as number, this.#ends[held] as number);
        held += 1;
      }
      held = this.#addOne(start, cumulative + gap.end, held, onNew);
    }
    for (; held < this.#starts.length; held += 1) {
      this.#keep(this.#starts[held] as number, this.#ends[held] as number);
    }
    [this.#starts, this.#nextStarts] = [this.#nextStarts, this.#starts];
    [this.#ends, this.#nextEnds] = [this.#nextEnds, this.#ends];
  }

  /** Walks one range along those held, from the `held`th on; returns the first not passed. */
  #addOne(start: number, end: number, from: number, onNew: (ordinal: number) => void): number {
    let held = from;
    let position = start;
    while (position <= end) {
      const heldStart = this.#starts[held] ?? Number.POSITIVE_INFINITY;
      if (heldStart <= position) {
        const heldEnd = this.#ends[held] as number;
        position = heldEnd + 1;
        if (heldEnd > end) break;
        this.#keep(heldStart, heldEnd);
        held += 1;
        continue;
      }
      const until = Math.min(end, heldStart - 1);
      this.#keep(position, until);
      for (; position <= until; position += 1) onNew(position);
    }
    return held;
  }

  /** Ranges come ascending; those that touch become one. */
  #keep(start: number, end: number): void {
    const last = this.#nextEnds.length - 1;
    const lastEnd = this.#nextEnds[last];
    if (lastEnd !== undefined && start <= lastEnd + 1) {
      this.#nextEnds[last] = Math.max(lastEnd, end);
      return;
    }
    this.#nextStarts.push(start);
    this.#nextEnds.push(end);
  }
}
