/** Counts bytes, and lets a test act at the very byte: whoever waits is called before the next one. */

export class ByteMeter {
  #total = 0;
  readonly #waiting = new Set<{ readonly bytes: number; readonly act: () => void }>();

  get total(): number {
    return this.#total;
  }

  add(bytes: number): void {
    this.#total += bytes;
    for (const waiter of this.#waiting) {
      if (waiter.bytes > this.#total) continue;
      this.#waiting.delete(waiter);
      waiter.act();
    }
  }

  /** Calls `act`, at once, when `bytes` more than now have been counted. */
  after(bytes: number, act: () => void): void {
    this.#waiting.add({ bytes: this.#total + bytes, act });
  }
}
