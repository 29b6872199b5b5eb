/**
 * A message whose first fragments are here: one buffer of its own, into which each fragment is copied
 * once as long as they come in order and messages are as long as the one before, as in any transfer.
 */

import type { DataChunk } from "../wire/chunk.ts";

/** A whole message, before its turn in the stream came. */
export interface AssembledMessage {
  readonly streamId: number;
  /** SSN or MID. */
  readonly messageId: number;
  readonly protocolId: number;
  readonly isUnordered: boolean;
  readonly payload: Uint8Array;
}

/** Room for a few packets: what a message gets whose length cannot be guessed. */
const SMALLEST_BUFFER_BYTES = 4096;

/** The longest guess: what one message of megabytes costs the short ones after it. */
const LARGEST_GUESS_BYTES = 1 << 16;

/** Messages at a time for which a guess counts: those of a few streams that take turns. */
const MOST_GUESSES = 8;

/** A buffer of which more than an eighth would be wasted is copied once more. */
const WASTE_SHIFT = 3;

/**
 * How long the next message may become. A guess counts only for a few messages at a time, so that many
 * first fragments of one byte cannot each claim the longest message's memory.
 */
export class LengthGuess {
  #bytes = SMALLEST_BUFFER_BYTES;
  #open = 0;

  open(): number {
    this.#open += 1;
    return this.#open <= MOST_GUESSES ? this.#bytes : 0;
  }

  /** @param bytes the length of a message that was completed; undefined of one that was given up. */
  close(bytes: number | undefined): void {
    this.#open -= 1;
    if (bytes === undefined) return;
    this.#bytes = Math.min(LARGEST_GUESS_BYTES, Math.max(SMALLEST_BUFFER_BYTES, bytes));
  }
}

export class PartialMessage {
  readonly streamId: number;
  readonly messageId: number;
  readonly protocolId: number;
  readonly isUnordered: boolean;
  #buffer: Uint8Array;
  #length: number;

  /** @param guessBytes how long it may become; a wrong guess costs a copy. */
  constructor(first: DataChunk, guessBytes: number) {
    this.streamId = first.streamId;
    this.messageId = first.messageId;
    this.protocolId = first.protocolId;
    this.isUnordered = first.isUnordered;
    this.#buffer = new Uint8Array(Math.max(guessBytes, first.payload.byteLength));
    this.#buffer.set(first.payload);
    this.#length = first.payload.byteLength;
  }

  get length(): number {
    return this.#length;
  }

  append(payload: Uint8Array): void {
    const length = this.#length + payload.byteLength;
    if (length > this.#buffer.byteLength) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.byteLength));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(payload, this.#length);
    this.#length = length;
  }

  finish(): AssembledMessage {
    const { streamId, messageId, protocolId, isUnordered } = this;
    const buffer = this.#buffer;
    const isWasteful = buffer.byteLength - this.#length > buffer.byteLength >> WASTE_SHIFT;
    const payload = isWasteful ? buffer.slice(0, this.#length) : buffer.subarray(0, this.#length);
    return { streamId, messageId, protocolId, isUnordered, payload };
  }
}

/** A message that came in one fragment: its one copy. */
export function wholeMessage(chunk: DataChunk): AssembledMessage {
  const { streamId, messageId, protocolId, isUnordered } = chunk;
  return { streamId, messageId, protocolId, isUnordered, payload: chunk.payload.slice() };
}
