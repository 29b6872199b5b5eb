/**
 * One direction of an emulated wire, in real time: what is pushed drains at a rate and arrives after
 * a delay, in order.
 *
 * It neither drops nor holds by itself; whoever owns it looks at {@link DelayLine.waitingBytes} and
 * decides (a router drops, TCP stops reading).
 */

export interface WireShape {
  readonly delayMs: number;
  /** Infinity: no limit. */
  readonly bytesPerSecond: number;
}

export const UNLIMITED: WireShape = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };

export class DelayLine<T> {
  shape: WireShape = UNLIMITED;
  readonly #deliver: (item: T) => void;
  readonly #items: { readonly item: T; readonly bytes: number; readonly atMs: number }[] = [];
  #freeAtMs = 0;
  #waitingBytes = 0;
  #isHeld = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deliver: (item: T) => void) {
    this.#deliver = deliver;
  }

  /** Pushed and not arrived. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  push(item: T, bytes: number): void {
    const nowMs = performance.now();
    const { delayMs, bytesPerSecond } = this.shape;
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (bytes * 1000) / bytesPerSecond;
    this.#items.push({ item, bytes, atMs: this.#freeAtMs + delayMs });
    this.#waitingBytes += bytes;
    this.#drain();
  }

  /** Nothing arrives any more until {@link release}; then all of it does. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#drain();
  }

  clear(): void {
    this.#items.length = 0;
    this.#waitingBytes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #drain(): void {
    let first = this.#items[0];
    const nowMs = performance.now();
    while (!this.#isHeld && first !== undefined && first.atMs <= nowMs) {
      this.#items.shift();
      this.#waitingBytes -= first.bytes;
      this.#deliver(first.item);
      first = this.#items[0];
    }
    if (this.#isHeld || first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drain();
    }, first.atMs - nowMs);
  }
}
