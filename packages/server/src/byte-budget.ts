/**
 * How many bytes may be held at once, all together and by one party.
 *
 * One party never has more than a quarter, so that nobody takes it all. Pure bookkeeping.
 */

/** Of each message: commands and statuses have less, and pass whoever sends lists. */
const FREE_BYTES = 64 * 1024;

/** What counts against a budget of a message of `bytes`. */
export function counted(bytes: number): number {
  return Math.max(0, bytes - FREE_BYTES);
}

export class ByteBudget {
  readonly #total: number;
  readonly #held = new Map<string, number>();
  #sum = 0;

  constructor(total: number) {
    this.#total = total;
  }

  get held(): number {
    return this.#sum;
  }

  /** Takes `bytes`, or none if that is too much. */
  take(party: string, bytes: number): boolean {
    const held = this.#held.get(party) ?? 0;
    if (this.#sum + bytes > this.#total || held + bytes > this.#total / 4) return false;
    this.#held.set(party, held + bytes);
    this.#sum += bytes;
    return true;
  }

  /** Takes `bytes`, however many, if nobody has more than its share yet; or none. */
  takeOnTop(party: string, bytes: number): boolean {
    if (!this.take(party, 0)) return false;
    this.#held.set(party, (this.#held.get(party) ?? 0) + bytes);
    this.#sum += bytes;
    return true;
  }

  giveBack(party: string, bytes: number): void {
    const left = (this.#held.get(party) ?? 0) - bytes;
    if (left > 0) this.#held.set(party, left);
    else this.#held.delete(party);
    this.#sum -= bytes;
  }
}
