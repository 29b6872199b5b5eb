/**
 * Whose turn it is: weighted fair queueing among the streams that have something to send (RFC 8260
 * section 3.6, RFC 8831 section 6.4). Every stream has a virtual time that runs on by the bytes it
 * sent divided by its weight, and the one that is furthest behind goes first. One that was silent
 * begins where the others are, so silence earns no credit, and a small message of a heavy stream
 * waits for one fragment of the others at most, yet can't starve them.
 *
 * A heap: a page may open thousands of channels, and a choice is made for every packet.
 */

import type { SendStream } from "./send-stream.ts";

export class ReadyStreams {
  readonly #heap: SendStream[] = [];
  #virtualNow = 0;
  #turns = 0;

  get first(): SendStream | undefined {
    return this.#heap[0];
  }

  add(stream: SendStream): void {
    if (stream.heapIndex >= 0) return;
    stream.virtualTime = Math.max(stream.virtualTime, this.#virtualNow);
    this.#turns += 1;
    stream.turn = this.#turns;
    this.#heap.push(stream);
    this.#rise(stream, this.#heap.length - 1);
  }

  remove(stream: SendStream): void {
    const index = stream.heapIndex;
    if (index < 0) return;
    stream.heapIndex = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === stream) return;
    this.#rise(last, index);
    this.#sink(last, last.heapIndex);
  }

  charge(stream: SendStream, bytes: number): void {
    this.#virtualNow = Math.max(this.#virtualNow, stream.virtualTime);
    stream.virtualTime += bytes / stream.weight;
    if (stream.heapIndex >= 0) this.#sink(stream, stream.heapIndex);
  }

  #rise(stream: SendStream, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex] as SendStream;
      if (!isBefore(stream, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(stream, index);
  }

  #sink(stream: SendStream, from: number): void {
    let index = from;
    for (;;) {
      let childIndex = index * 2 + 1;
      if (childIndex >= this.#heap.length) break;
      let child = this.#heap[childIndex] as SendStream;
      const sibling = this.#heap[childIndex + 1];
      if (sibling !== undefined && isBefore(sibling, child)) {
        child = sibling;
        childIndex += 1;
      }
      if (!isBefore(child, stream)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(stream, index);
  }

  #place(stream: SendStream, index: number): void {
    this.#heap[index] = stream;
    stream.heapIndex = index;
  }
}

function isBefore(stream: SendStream, other: SendStream): boolean {
  if (stream.virtualTime !== other.virtualTime) return stream.virtualTime < other.virtualTime;
  if (stream.weight !== other.weight) return stream.weight > other.weight;
  return stream.turn < other.turn;
}
