/**
 * The largest of recent values, in constant space: the three best candidates for successive parts of
 * the window (Kathleen Nichols' algorithm, draft-ietf-ccwg-bbr section 5.5.5). "Time" is any count
 * that only grows: rounds, say.
 */

interface Candidate {
  readonly at: number;
  readonly value: number;
}

const NONE: Candidate = { at: Number.NEGATIVE_INFINITY, value: 0 };

export class WindowedMax {
  #best = NONE;
  #second = NONE;
  #third = NONE;

  get value(): number {
    return this.#best.value;
  }

  /** @param window values older than this are forgotten */
  update(at: number, value: number, window: number): number {
    const candidate = { at, value };
    if (value >= this.#best.value || at - this.#third.at > window) {
      this.#best = candidate;
      this.#second = candidate;
      this.#third = candidate;
      return value;
    }
    if (value >= this.#second.value) {
      this.#second = candidate;
      this.#third = candidate;
    } else if (value >= this.#third.value) {
      this.#third = candidate;
    }
    this.#expire(candidate, window);
    return this.#best.value;
  }

  #expire(candidate: Candidate, window: number): void {
    if (candidate.at - this.#best.at > window) {
      this.#best = this.#second;
      this.#second = this.#third;
      this.#third = candidate;
      // The second may be as old as the best was.
      if (candidate.at - this.#best.at > window) {
        this.#best = this.#second;
        this.#second = this.#third;
      }
      return;
    }
    // A second best from the same part of the window as the best would expire together with it.
    if (this.#second.at === this.#best.at && candidate.at - this.#best.at > window / 4) {
      this.#second = candidate;
      this.#third = candidate;
    } else if (this.#third.at === this.#second.at && candidate.at - this.#best.at > window / 2) {
      this.#third = candidate;
    }
  }
}
