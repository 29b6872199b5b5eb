/**
 * Puts messages together whose fragments are numbered: I-DATA, RFC 8260 section 2.1. Fragments of
 * several messages may alternate, and each may come in any order.
 */

import type { DataChunk } from "../wire/chunk.ts";
import { isTsnAfter } from "../wire/serial.ts";
import {
  type DataViolation,
  type FragmentOutcome,
  MAX_PARTIAL_MESSAGES,
} from "./fragment-outcome.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { LengthGuess, PartialMessage, wholeMessage } from "./partial-message.ts";

/** A message of which something is here. */
interface Gathering {
  /** From the first fragment on without a hole; undefined while that one is missing. */
  message: PartialMessage | undefined;
  /** How many fragments `message` has. */
  joined: number;
  /** Payloads of our own, by fragment number, beyond a hole. */
  readonly loose: Map<number, Uint8Array>;
  looseBytes: number;
  highestLoose: number;
  /** The number of the last fragment, once seen. */
  lastFragment: number | undefined;
}

export class InterleavedFragments {
  readonly #held: HeldBytes;
  readonly #maxMessageBytes: number;
  readonly #guess = new LengthGuess();
  /** By stream and U bit, then by message identifier. */
  readonly #streams = new Map<number, Map<number, Gathering>>();
  /** By the same, the last message that the other side gave up: one number for each at most. */
  readonly #skipped = new Map<number, number>();
  #count = 0;

  constructor(held: HeldBytes, maxMessageBytes: number) {
    this.#held = held;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** @param chunk one whose TSN was not here yet. A message that comes of it stays held. */
  add(chunk: DataChunk): FragmentOutcome {
    const key = streamKey(chunk.streamId, chunk.isUnordered);
    const gatherings = this.#streams.get(key);
    const known = gatherings?.get(chunk.messageId);
    if (chunk.isFirst && chunk.isLast) {
      if (known !== undefined) return "fragment-out-of-place";
      this.#held.hold(chunk.payload.byteLength);
      return wholeMessage(chunk);
    }
    // The rest of a message that was given up: nobody would ever finish it, or skip it again.
    if (known === undefined && this.#isSkipped(key, chunk.messageId)) return "incomplete";
    if (known === undefined && this.#count >= MAX_PARTIAL_MESSAGES) return "no-room";
    const gathering = known ?? this.#open(key, chunk.messageId);
    const violation = this.#take(gathering, chunk);
    if (violation !== undefined) return violation;
    if (gathering.message === undefined || gathering.joined - 1 !== gathering.lastFragment) {
      return "incomplete";
    }
    this.#forget(key, chunk.messageId);
    this.#guess.close(gathering.message.length);
    return gathering.message.finish();
  }

  /** Gives up the unfinished messages of a stream up to `messageId`: RFC 8260 section 2.3.1. */
  skip(streamId: number, isUnordered: boolean, messageId: number): void {
    const key = streamKey(streamId, isUnordered);
    for (const known of [...(this.#streams.get(key)?.keys() ?? [])]) {
      if (!isTsnAfter(known, messageId)) this.#drop(key, known);
    }
    if (!this.#isSkipped(key, messageId)) this.#skipped.set(key, messageId);
  }

  /** The stream begins again: RFC 6525 section 5.2.2. */
  reset(streamId: number): void {
    for (const isUnordered of [false, true]) {
      const key = streamKey(streamId, isUnordered);
      for (const known of [...(this.#streams.get(key)?.keys() ?? [])]) this.#drop(key, known);
      this.#skipped.delete(key);
    }
  }

  /** Every stream with an unfinished message, or one that was given up. */
  get streamIds(): number[] {
    return [...this.#streams.keys(), ...this.#skipped.keys()].map((key) => key >> 1);
  }

  #isSkipped(key: number, messageId: number): boolean {
    const skipped = this.#skipped.get(key);
    return skipped !== undefined && !isTsnAfter(messageId, skipped);
  }

  #open(key: number, messageId: number): Gathering {
    const gathering: Gathering = {
      message: undefined,
      joined: 0,
      loose: new Map(),
      looseBytes: 0,
      highestLoose: 0,
      lastFragment: undefined,
    };
    const gatherings = this.#streams.get(key) ?? new Map<number, Gathering>();
    gatherings.set(messageId, gathering);
    this.#streams.set(key, gatherings);
    this.#count += 1;
    return gathering;
  }

  #take(gathering: Gathering, chunk: DataChunk): DataViolation | undefined {
    const bytes = chunk.payload.byteLength;
    const isPlaced =
      chunk.isFirst === (chunk.fragment === 0) &&
      chunk.fragment >= gathering.joined &&
      !gathering.loose.has(chunk.fragment) &&
      this.#fitsEnd(gathering, chunk);
    if (!isPlaced) return "fragment-out-of-place";
    if ((gathering.message?.length ?? 0) + gathering.looseBytes + bytes > this.#maxMessageBytes) {
      return "message-too-large";
    }
    if (chunk.isLast) gathering.lastFragment = chunk.fragment;
    if (chunk.fragment !== gathering.joined) {
      this.#held.hold(bytes);
      gathering.loose.set(chunk.fragment, chunk.payload.slice());
      gathering.looseBytes += bytes;
      gathering.highestLoose = Math.max(gathering.highestLoose, chunk.fragment);
      return undefined;
    }
    if (gathering.message === undefined) {
      this.#held.hold(bytes);
      gathering.message = new PartialMessage(chunk, this.#guess.open());
    } else {
      this.#held.grow(bytes);
      gathering.message.append(chunk.payload);
    }
    gathering.joined += 1;
    this.#joinLoose(gathering, gathering.message);
    return undefined;
  }

  /** There is one last fragment, and none after it. */
  #fitsEnd({ lastFragment, joined, highestLoose }: Gathering, chunk: DataChunk): boolean {
    if (lastFragment !== undefined) return !chunk.isLast && chunk.fragment < lastFragment;
    return !chunk.isLast || (chunk.fragment >= joined && chunk.fragment > highestLoose);
  }

  #joinLoose(gathering: Gathering, message: PartialMessage): void {
    for (;;) {
      const next = gathering.loose.get(gathering.joined);
      if (next === undefined) return;
      gathering.loose.delete(gathering.joined);
      gathering.looseBytes -= next.byteLength;
      this.#held.absorb();
      message.append(next);
      gathering.joined += 1;
    }
  }

  #drop(key: number, messageId: number): void {
    const gathering = this.#streams.get(key)?.get(messageId);
    if (gathering === undefined) return;
    this.#forget(key, messageId);
    for (const payload of gathering.loose.values()) this.#held.release(payload.byteLength);
    if (gathering.message === undefined) return;
    this.#held.release(gathering.message.length);
    this.#guess.close(undefined);
  }

  #forget(key: number, messageId: number): void {
    const gatherings = this.#streams.get(key);
    gatherings?.delete(messageId);
    if (gatherings?.size === 0) this.#streams.delete(key);
    this.#count -= 1;
  }
}

/** Ordered and unordered messages of a stream are numbered apart: RFC 8260 section 2.1. */
function streamKey(streamId: number, isUnordered: boolean): number {
  return 2 * streamId + (isUnordered ? 1 : 0);
}
