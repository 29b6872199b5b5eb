/**
 * Lets ordered messages of each stream through in the order of their numbers: 16-bit SSNs of DATA
 * (RFC 9260 section 6.5) or 32-bit MIDs of I-DATA (RFC 8260 section 2.1), round the wrap as well.
 */

import { ssnDistance, ssnPlus, tsnDistance, tsnPlus } from "../wire/serial.ts";
import type { HeldBytes } from "./held-bytes.ts";
import type { AssembledMessage } from "./partial-message.ts";

interface Stream {
  next: number;
  /** Messages that came before their turn. Created when the first does. */
  waiting: Map<number, AssembledMessage> | undefined;
}

/** Whoever takes messages whose turn it is. */
export type Deliver = (message: AssembledMessage) => void;

export class OrderedDelivery {
  readonly #held: HeldBytes;
  readonly #deliver: Deliver;
  readonly #distance: (from: number, to: number) => number;
  readonly #plus: (number: number, count: number) => number;
  /** A stream is here from its first ordered message on: as many as this side lets the other open. */
  readonly #streams = new Map<number, Stream>();

  constructor(held: HeldBytes, isInterleaved: boolean, deliver: Deliver) {
    this.#held = held;
    this.#deliver = deliver;
    this.#distance = isInterleaved ? tsnDistance : ssnDistance;
    this.#plus = isInterleaved ? tsnPlus : ssnPlus;
  }

  /** @returns false for a number that was used already. */
  offer(message: AssembledMessage): boolean {
    const stream = this.#stream(message.streamId);
    const distance = this.#distance(stream.next, message.messageId);
    if (distance < 0 || stream.waiting?.has(message.messageId)) return false;
    if (distance > 0) {
      stream.waiting ??= new Map();
      stream.waiting.set(message.messageId, message);
      return true;
    }
    stream.next = this.#plus(stream.next, 1);
    this.#deliver(message);
    this.#drain(stream);
    return true;
  }

  /**
   * The other side gave up what is missing up to `messageId`. What is here goes through, in order
   * (RFC 3758 section 3.6).
   */
  skip(streamId: number, messageId: number): void {
    const stream = this.#stream(streamId);
    const distance = this.#distance(stream.next, messageId);
    if (distance < 0) return;
    for (const id of this.#waitingUpTo(stream, distance)) this.#pass(stream, id);
    stream.next = this.#plus(messageId, 1);
    this.#drain(stream);
  }

  /** The stream counts from 0 again: RFC 6525 section 5.2.2. */
  reset(streamId: number): void {
    const stream = this.#streams.get(streamId);
    this.#streams.delete(streamId);
    for (const { payload } of stream?.waiting?.values() ?? []) {
      this.#held.release(payload.byteLength);
    }
  }

  /** Every stream that has had an ordered message since it began. */
  get streamIds(): number[] {
    return [...this.#streams.keys()];
  }

  #stream(streamId: number): Stream {
    const known = this.#streams.get(streamId);
    if (known !== undefined) return known;
    const stream: Stream = { next: 0, waiting: undefined };
    this.#streams.set(streamId, stream);
    return stream;
  }

  #drain(stream: Stream): void {
    while (this.#pass(stream, stream.next)) stream.next = this.#plus(stream.next, 1);
  }

  #pass(stream: Stream, messageId: number): boolean {
    const message = stream.waiting?.get(messageId);
    if (message === undefined) return false;
    stream.waiting?.delete(messageId);
    this.#deliver(message);
    return true;
  }

  /** In order, and by the shorter of two ways. */
  #waitingUpTo({ next, waiting }: Stream, distance: number): number[] {
    if (waiting === undefined || waiting.size === 0) return [];
    if (distance < waiting.size) {
      const ids = Array.from({ length: distance + 1 }, (_, step) => this.#plus(next, step));
      return ids.filter((id) => waiting.has(id));
    }
    return [...waiting.keys()]
      .filter((id) => this.#distance(next, id) <= distance)
      .sort((a, b) => this.#distance(next, a) - this.#distance(next, b));
  }
}
