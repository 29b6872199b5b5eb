/**
 * One direction of one hop: a queue that drains at a rate, then a delay.
 *
 * Can lose, duplicate and reorder like a bare network, or hold everything back and deliver it late
 * like TCP. What is cut while on its way does not arrive.
 */

import type { VirtualClock } from "./sim-clock.ts";
import type { Random } from "./sim-random.ts";

export interface WireShape {
  delayMs: number;
  jitterMs: number;
  bytesPerSecond: number;
  /** Probabilities per record. */
  loss: number;
  duplication: number;
  reordering: number;
}

export const CLEAN: WireShape = {
  delayMs: 10,
  jitterMs: 0,
  bytesPerSecond: 12_500_000,
  loss: 0,
  duplication: 0,
  reordering: 0,
};

/** `drop`: whatever would arrive is gone. `hold`: it waits in the queue until the cut is over. */
export type Cut = "none" | "drop" | "hold";

export class SimWire<T extends { readonly bytes: Uint8Array }> {
  shape: WireShape;
  #cut: Cut = "none";
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #deliver: (item: T) => void;
  readonly #queue: T[] = [];
  #queuedBytes = 0;
  #isSending = false;
  #lastArrivalMs = 0;
  #isClosed = false;
  /** Called when the queue became shorter. */
  onDrain: () => void = () => {};
  maxQueuedBytes = 0;

  constructor(clock: VirtualClock, random: Random, shape: WireShape, deliver: (item: T) => void) {
    this.#clock = clock;
    this.#random = random;
    this.shape = { ...shape };
    this.#deliver = deliver;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  send(item: T): void {
    if (this.#isClosed) return;
    this.#queue.push(item);
    this.#queuedBytes += item.bytes.byteLength;
    this.maxQueuedBytes = Math.max(this.maxQueuedBytes, this.#queuedBytes);
    this.#sendNext();
  }

  cut(kind: Cut): void {
    this.#cut = kind;
    this.#sendNext();
  }

  /** Everything in the queue and on its way is gone. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  #sendNext(): void {
    if (this.#isSending || this.#cut === "hold" || this.#isClosed) return;
    const item = this.#queue[0];
    if (item === undefined) return;
    this.#isSending = true;
    this.#clock.after((item.bytes.byteLength * 1000) / this.shape.bytesPerSecond, () => {
      this.#isSending = false;
      if (this.#isClosed) return;
      this.#queue.shift();
      this.#queuedBytes -= item.bytes.byteLength;
      this.#propagate(item);
      this.#sendNext();
      this.onDrain();
    });
  }

  #propagate(item: T): void {
    const { shape } = this;
    const random = this.#random;
    if (this.#cut === "drop" || (shape.loss > 0 && random.chance(shape.loss))) return;
    const delayMs = shape.delayMs + (shape.jitterMs > 0 ? random.next() * shape.jitterMs : 0);
    let arrivalMs = this.#clock.nowMs + delayMs;
    if (shape.reordering > 0 && random.chance(shape.reordering)) {
      arrivalMs += random.next() * shape.delayMs * 2;
    } else {
      arrivalMs = Math.max(arrivalMs, this.#lastArrivalMs);
      this.#lastArrivalMs = arrivalMs;
    }
    this.#arrive(item, arrivalMs);
    if (shape.duplication > 0 && random.chance(shape.duplication)) {
      this.#arrive(item, arrivalMs + random.next() * 100);
    }
  }

  #arrive(item: T, atMs: number): void {
    this.#clock.at(atMs, () => {
      if (this.#cut !== "drop" && !this.#isClosed) this.#deliver(item);
    });
  }
}
