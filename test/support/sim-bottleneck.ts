/**
 * A bottleneck in virtual time: a drop-tail queue of so many bytes before a link of so many bytes
 * per millisecond, which then may lose packets at random or in bursts. What congestion controllers
 * are proved on; no bytes are carried, only sizes.
 */

import { Random } from "./sim-random.ts";

export type Loss =
  | { readonly kind: "none" }
  | { readonly kind: "random"; readonly share: number }
  /** Gilbert: all is lost while a burst lasts, which is so many packets on average. */
  | { readonly kind: "bursty"; readonly share: number; readonly meanPackets: number };

export interface LinkOptions {
  readonly bytesPerMs: number;
  readonly bufferBytes: number;
  readonly loss?: Loss;
}

/** Events in order of time, and in order of being set within one moment. */
export class SimTimeline {
  nowMs = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  at(atMs: number, run: () => void): void {
    this.#order += 1;
    const heap = this.#heap;
    const event = { atMs: Math.max(atMs, this.nowMs), order: this.#order, run };
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Event;
      if (isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  runUntil(endMs: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > endMs) break;
      this.#removeFirst();
      this.nowMs = first.atMs;
      first.run();
    }
    this.nowMs = endMs;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) {
        child += 1;
      }
      if (isBefore(last, heap[child] as Event)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/** A packet before the bottleneck, and what happens when it is past it. */
interface QueuedPacket {
  readonly bytes: number;
  readonly arrive: () => void;
}

export class SimBottleneck {
  readonly #timeline: SimTimeline;
  readonly #random: Random;
  readonly #queue: QueuedPacket[] = [];
  #queueHead = 0;
  #bytesPerMs: number;
  #bufferBytes: number;
  #loss: Loss;
  #isInBurst = false;
  #queuedBytes = 0;
  #measuredSinceMs = 0;
  #changedAtMs = 0;
  #queuedByteMs = 0;
  #mostQueuedBytes = 0;
  overflowBytes = 0;
  lostBytes = 0;

  constructor(timeline: SimTimeline, options: LinkOptions, seed: number) {
    this.#timeline = timeline;
    this.#random = new Random(seed);
    this.#bytesPerMs = options.bytesPerMs;
    this.#bufferBytes = options.bufferBytes;
    this.#loss = options.loss ?? { kind: "none" };
  }

  /** The packet being sent now goes at the old rate, those behind it at the new one. */
  setRate(bytesPerMs: number): void {
    this.#bytesPerMs = bytesPerMs;
  }

  offer(bytes: number, arrive: () => void): void {
    if (this.#queuedBytes + bytes > this.#bufferBytes) {
      this.overflowBytes += bytes;
      return;
    }
    this.#changeQueue(bytes);
    this.#queue.push({ bytes, arrive });
    if (this.#queue.length - this.#queueHead === 1) this.#serveNext();
  }

  /** Mean and most of the time a packet waits and is sent, since `startMeasuring`. */
  queueMs(): { mean: number; most: number } {
    this.#changeQueue(0);
    const elapsedMs = Math.max(1, this.#timeline.nowMs - this.#measuredSinceMs);
    return {
      mean: this.#queuedByteMs / elapsedMs / this.#bytesPerMs,
      most: this.#mostQueuedBytes / this.#bytesPerMs,
    };
  }

  startMeasuring(): void {
    this.#changeQueue(0);
    this.#measuredSinceMs = this.#timeline.nowMs;
    this.#queuedByteMs = 0;
    this.#mostQueuedBytes = this.#queuedBytes;
    this.overflowBytes = 0;
    this.lostBytes = 0;
  }

  #serveNext(): void {
    const packet = this.#queue[this.#queueHead];
    if (packet === undefined) {
      this.#queue.length = 0;
      this.#queueHead = 0;
      return;
    }
    this.#timeline.at(this.#timeline.nowMs + packet.bytes / this.#bytesPerMs, () => {
      this.#queueHead += 1;
      this.#changeQueue(-packet.bytes);
      if (this.#isLost()) this.lostBytes += packet.bytes;
      else packet.arrive();
      this.#serveNext();
    });
  }

  #isLost(): boolean {
    const loss = this.#loss;
    if (loss.kind === "none") return false;
    if (loss.kind === "random") return this.#random.chance(loss.share);
    const leave = 1 / loss.meanPackets;
    const enter = (leave * loss.share) / (1 - loss.share);
    this.#isInBurst = this.#isInBurst ? !this.#random.chance(leave) : this.#random.chance(enter);
    return this.#isInBurst;
  }

  #changeQueue(bytes: number): void {
    this.#queuedByteMs += this.#queuedBytes * (this.#timeline.nowMs - this.#changedAtMs);
    this.#changedAtMs = this.#timeline.nowMs;
    this.#queuedBytes += bytes;
    this.#mostQueuedBytes = Math.max(this.#mostQueuedBytes, this.#queuedBytes);
  }
}
