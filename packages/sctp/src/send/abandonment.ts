/**
 * Partial reliability: messages given up, and telling the other side to skip them by FORWARD TSN
 * (RFC 3758) or I-FORWARD-TSN (RFC 8260 section 2.3).
 */

import type { ForwardTsnChunk } from "../wire/chunk.ts";
import type { InFlight } from "./in-flight.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";
import type { SendQueue } from "./send-queue.ts";

/** Beside a packet's header, the chunk's own and a SACK there is room for so many in 1200 bytes. */
const MOST_SKIPPED = 100;

type Skipped = ForwardTsnChunk["skipped"][number];

export class Abandonment {
  readonly #book: InFlight;
  readonly #queue: SendQueue;
  /** All below may be skipped: Advanced.Peer.Ack.Point, section 3.5, plus one. */
  #skipTo = 0;
  #skipped = new Map<number, Skipped>();
  #announced = 0;
  #announcedAtMs = 0;

  constructor(book: InFlight, queue: SendQueue) {
    this.#book = book;
    this.#queue = queue;
  }

  /** Whether anything that the other side has not skipped yet should be. */
  get isPending(): boolean {
    return this.#skipTo > this.#book.first;
  }

  /** Whether the message may not be sent again: RFC 7496 sections 4.1 and 4.2. */
  isGivenUp(ordinal: number, message: OutgoingMessage, nowMs: number): boolean {
    if (message.isExpired(nowMs)) return true;
    return this.#book.transmissions(ordinal) > message.maxRetransmissions;
  }

  /** Section 3.5 A3 to A5: a message is given up with all its fragments. */
  abandon(message: OutgoingMessage): void {
    if (message.isAbandoned) return;
    message.isAbandoned = true;
    const from = Math.max(this.#book.first, message.firstOrdinal);
    for (let ordinal = from; ordinal <= message.lastOrdinal; ordinal += 1) {
      if (this.#book.message(ordinal) === message) this.#book.abandon(ordinal);
    }
    if (message.sentBytes > 0 && message.unsentBytes > 0) {
      // All that was sent may have arrived: without a TSN to skip, the other side waits for the rest.
      this.#book.numberMissingEnd(message);
      this.#queue.dropUnsent(message);
    }
    this.advance();
  }

  /** Section 3.5 C1 and C2: after every SACK and every abandonment. */
  advance(): void {
    if (this.#skipTo < this.#book.first) {
      this.#skipTo = this.#book.first;
      this.#skipped.clear();
    }
    while (this.#skipTo < this.#book.next && this.#book.isAbandoned(this.#skipTo)) {
      if (this.#skipped.size >= MOST_SKIPPED) return;
      this.#skip(this.#skipTo);
      this.#skipTo += 1;
    }
  }

  /** Section 3.5 C3 to C5: told at once, and again when a round trip did not help. */
  isDue(nowMs: number, roundTripMs: number): boolean {
    if (!this.isPending) return false;
    return this.#announced < this.#skipTo || nowMs >= this.#announcedAtMs + roundTripMs;
  }

  /** When `isDue` becomes true by time alone; Infinity for never. */
  wakeAtMs(roundTripMs: number): number {
    if (!this.isPending) return Number.POSITIVE_INFINITY;
    if (this.#announced < this.#skipTo) return Number.NEGATIVE_INFINITY;
    return this.#announcedAtMs + roundTripMs;
  }

  chunk(): ForwardTsnChunk {
    return {
      type: "forward-tsn",
      isInterleaved: this.#queue.isInterleaved,
      cumulativeTsn: this.#book.tsnOf(this.#skipTo - 1),
      skipped: [...this.#skipped.values()],
    };
  }

  onAnnounced(nowMs: number): void {
    this.#announced = this.#skipTo;
    this.#announcedAtMs = nowMs;
  }

  /** The last skipped message of each stream; without I-DATA unordered ones have no number to tell. */
  #skip(ordinal: number): void {
    const message = this.#book.message(ordinal);
    if (message === undefined) return;
    const { streamId, isUnordered, messageId } = message;
    if (isUnordered && !this.#queue.isInterleaved) return;
    const key = streamId * 2 + (isUnordered ? 1 : 0);
    this.#skipped.set(key, { streamId, isUnordered, messageId });
  }
}
