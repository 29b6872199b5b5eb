/**
 * A queue in a ring: adding and taking cost the same however long it is, where `Array.shift` moves
 * everything that is left.
 */

/** Most queues hold a few messages; a ring doubles when it is full. */
const FIRST_CAPACITY = 8;

export class Fifo<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(FIRST_CAPACITY);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length += 1;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    return item;
  }

  clear(): void {
    this.#ring = new Array<T | undefined>(FIRST_CAPACITY);
    this.#head = 0;
    this.#length = 0;
  }

  #grow(): void {
    const larger = new Array<T | undefined>(this.#ring.length * 2);
    for (let index = 0; index < this.#length; index += 1) {
      larger[index] = this.#ring[(this.#head + index) & (this.#ring.length - 1)];
    }
    this.#ring = larger;
    this.#head = 0;
  }
}
