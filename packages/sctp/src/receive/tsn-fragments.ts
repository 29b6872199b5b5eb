/**
 * Puts messages together whose fragments have consecutive TSNs: DATA, RFC 9260 section 6.9. Each
 * fragment is looked at when it comes and when it is joined, in whatever order they come.
 */

import type { DataChunk } from "../wire/chunk.ts";
import { isTsnAfter, tsnDistance, tsnPlus } from "../wire/serial.ts";
import { type FragmentOutcome, MAX_PARTIAL_MESSAGES } from "./fragment-outcome.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { LengthGuess, PartialMessage, wholeMessage } from "./partial-message.ts";

export class TsnFragments {
  readonly #held: HeldBytes;
  readonly #maxMessageBytes: number;
  readonly #guess = new LengthGuess();
  /** By the TSN that each needs next. */
  readonly #partial = new Map<number, PartialMessage>();
  /** Fragments, not first ones, that lack what belongs before them: by TSN, with payloads of their own. */
  readonly #loose = new Map<number, DataChunk>();
  /** The other side gave up messages up to here; what they would have had next may never come. */
  #skippedTsn: number | undefined;

  constructor(held: HeldBytes, maxMessageBytes: number) {
    this.#held = held;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** @param chunk one whose TSN was not here yet. A message that comes of it stays held. */
  add(chunk: DataChunk): FragmentOutcome {
    if (chunk.isFirst) return this.#begin(chunk);
    const partial = this.#partial.get(chunk.tsn);
    if (partial === undefined) {
      this.#held.hold(chunk.payload.byteLength);
      this.#loose.set(chunk.tsn, { ...chunk, payload: chunk.payload.slice() });
      return "incomplete";
    }
    this.#partial.delete(chunk.tsn);
    this.#held.grow(chunk.payload.byteLength);
    return this.#append(partial, chunk) ?? this.#goOn(partial, chunk);
  }

  /**
   * Nothing is missing up to `to` any more, where it was `from`.
   * @returns false when a fragment is among it that belongs to no message.
   */
  advance(from: number, to: number): boolean {
    if (this.#loose.size === 0) return true;
    for (let tsn = from; tsn !== to; ) {
      tsn = tsnPlus(tsn, 1);
      const orphan = this.#loose.get(tsn);
      if (orphan === undefined) continue;
      if (!this.#isPastSkipped(tsn)) return false;
      this.#dropLoose(tsn, orphan);
      if (!orphan.isLast) this.#skippedTsn = tsn;
    }
    return true;
  }

  /** The other side gave up what is missing after `from` up to `to`: RFC 3758 section 3.6. */
  forward(from: number, to: number): void {
    this.#skippedTsn = to;
    const jump = tsnDistance(from, to);
    for (const tsn of keysUpTo(this.#partial, from, to, jump)) {
      const partial = this.#partial.get(tsn);
      if (partial !== undefined) this.#dropPartial(tsn, partial);
    }
    for (const tsn of keysUpTo(this.#loose, from, to, jump)) {
      const loose = this.#loose.get(tsn);
      if (loose !== undefined) this.#dropLoose(tsn, loose);
    }
  }

  #begin(chunk: DataChunk): FragmentOutcome {
    const interrupted = this.#partial.get(chunk.tsn);
    if (interrupted !== undefined) {
      // Every message ends before the next begins, unless it was given up in between.
      if (!this.#isPastSkipped(chunk.tsn)) return "fragment-out-of-place";
      this.#dropPartial(chunk.tsn, interrupted);
    }
    if (chunk.isLast) {
      if (this.#loose.has(tsnPlus(chunk.tsn, 1))) return "fragment-out-of-place";
      this.#held.hold(chunk.payload.byteLength);
      return wholeMessage(chunk);
    }
    if (this.#partial.size >= MAX_PARTIAL_MESSAGES) return "no-room";
    this.#held.hold(chunk.payload.byteLength);
    return this.#goOn(new PartialMessage(chunk, this.#guess.open()), chunk);
  }

  /** Joins what waited for `last`, which `partial` ends with now. */
  #goOn(partial: PartialMessage, last: DataChunk): FragmentOutcome {
    let newest = last;
    for (;;) {
      const nextTsn = tsnPlus(newest.tsn, 1);
      const next = this.#loose.get(nextTsn);
      if (newest.isLast) {
        if (next !== undefined) return "fragment-out-of-place";
        this.#guess.close(partial.length);
        return partial.finish();
      }
      if (next === undefined) {
        this.#partial.set(nextTsn, partial);
        return "incomplete";
      }
      this.#loose.delete(nextTsn);
      this.#held.absorb();
      const violation = this.#append(partial, next);
      if (violation !== undefined) return violation;
      newest = next;
    }
  }

  /** RFC 9260 section 3.3.1: fragments of one message agree in stream, number and U bit. */
  #append(partial: PartialMessage, next: DataChunk) {
    const agrees =
      next.streamId === partial.streamId &&
      next.isUnordered === partial.isUnordered &&
      (next.isUnordered || next.messageId === partial.messageId);
    if (!agrees) return "fragment-out-of-place";
    if (partial.length + next.payload.byteLength > this.#maxMessageBytes) {
      return "message-too-large";
    }
    partial.append(next.payload);
    return undefined;
  }

  #isPastSkipped(tsn: number): boolean {
    return this.#skippedTsn !== undefined && tsn === tsnPlus(this.#skippedTsn, 1);
  }

  #dropPartial(tsn: number, partial: PartialMessage): void {
    this.#partial.delete(tsn);
    this.#guess.close(undefined);
    this.#held.release(partial.length);
  }

  #dropLoose(tsn: number, loose: DataChunk): void {
    this.#loose.delete(tsn);
    this.#held.release(loose.payload.byteLength);
  }
}

/** The keys after `from` up to `to`, by the shorter of two ways: a jump may be two thousand million. */
function keysUpTo(
  map: ReadonlyMap<number, unknown>,
  from: number,
  to: number,
  jump: number,
): number[] {
  if (jump > map.size) return [...map.keys()].filter((tsn) => !isTsnAfter(tsn, to));
  const keys: number[] = [];
  for (let step = 1; step <= jump; step += 1) {
    const tsn = tsnPlus(from, step);
    if (map.has(tsn)) keys.push(tsn);
  }
  return keys;
}
