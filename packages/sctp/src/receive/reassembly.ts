/**
 * From chunks of user data to messages in order, within bounds: the bytes kept, the pieces they are in,
 * and the length of one message. A message is copied out of its packets once and stays counted until it
 * is taken.
 */

import type { ReceivedMessage } from "../association/association-api.ts";
import { Fifo } from "../send/fifo.ts";
import type { DataChunk, ForwardTsnChunk } from "../wire/chunk.ts";
import { ssnDistance, tsnDistance } from "../wire/serial.ts";
import type { DataViolation } from "./fragment-outcome.ts";
import { HeldBytes } from "./held-bytes.ts";
import { InterleavedFragments } from "./interleaved-fragments.ts";
import { OrderedDelivery } from "./ordered-delivery.ts";
import type { AssembledMessage } from "./partial-message.ts";
import { TsnFragments } from "./tsn-fragments.ts";

export interface ReassemblyOptions {
  /** I-DATA was agreed upon (RFC 8260 section 2.2.1); else DATA. */
  readonly isInterleaved: boolean;
  /** Streams that the other side may send on: ids below this. */
  readonly inboundStreams: number;
  readonly maxReceivedMessageBytes: number;
  readonly receiveWindowBytes: number;
}

/**
 * - "taken": its TSN counts as received.
 * - "no-room": it was not kept, and its TSN must not count.
 * - "invalid-stream": its TSN counts, ERROR cause 1 answers it (RFC 9260 section 6.5).
 * - otherwise the association is to be aborted.
 */
export type DataOutcome = "taken" | "no-room" | "invalid-stream" | DataViolation;

/**
 * How far beyond the window we keep what comes. An honest sender goes beyond by probes of a packet
 * (RFC 9260 section 6.1 A), and only they can finish messages that filled the window half done.
 */
const KEPT_WINDOWS = 2;

export class Reassembly {
  readonly #options: ReassemblyOptions;
  readonly #held: HeldBytes;
  readonly #tsnFragments: TsnFragments;
  readonly #interleaved: InterleavedFragments;
  readonly #order: OrderedDelivery;
  readonly #ready = new Fifo<AssembledMessage>();

  constructor(options: ReassemblyOptions) {
    this.#options = options;
    this.#held = new HeldBytes(KEPT_WINDOWS * options.receiveWindowBytes);
    this.#tsnFragments = new TsnFragments(this.#held, options.maxReceivedMessageBytes);
    this.#interleaved = new InterleavedFragments(this.#held, options.maxReceivedMessageBytes);
    this.#order = new OrderedDelivery(this.#held, options.isInterleaved, (message) => {
      this.#ready.push(message);
    });
  }

  /** Bytes that the other side may send now: `a_rwnd`, RFC 9260 section 6.2. */
  get windowBytes(): number {
    if (this.#held.isOutOfPieces) return 0;
    return Math.max(0, this.#options.receiveWindowBytes - this.#held.bytes);
  }

  /**
   * @param chunk one whose TSN was not here yet.
   * @param isNext its TSN is the one that is missing first.
   */
  add(chunk: DataChunk, isNext = false): DataOutcome {
    const { isInterleaved, inboundStreams, maxReceivedMessageBytes } = this.#options;
    const bytes = chunk.payload.byteLength;
    if (bytes === 0) return "no-user-data";
    if (chunk.isInterleaved !== isInterleaved) return "wrong-data-kind";
    if (chunk.streamId >= inboundStreams) return "invalid-stream";
    if (bytes > maxReceivedMessageBytes) return "message-too-large";
    if (!this.#held.hasRoom(bytes, isNext)) return "no-room";
    const fragments = isInterleaved ? this.#interleaved : this.#tsnFragments;
    const outcome = fragments.add(chunk);
    if (outcome === "incomplete") return "taken";
    if (typeof outcome === "string") return outcome;
    if (outcome.isUnordered) this.#ready.push(outcome);
    else if (!this.#order.offer(outcome)) return "sequence-out-of-place";
    return "taken";
  }

  /**
   * Nothing is missing up to `to` any more, where it was `from`.
   * @returns a violation when that leaves a fragment without a message.
   */
  advance(from: number, to: number): DataViolation | undefined {
    return this.#tsnFragments.advance(from, to) ? undefined : "fragment-out-of-place";
  }

  /**
   * Skips what the other side gave up: RFC 3758 section 3.6, RFC 8260 section 2.3.1.
   * @param from the cumulative TSN so far, which `chunk` exceeds.
   */
  forward(chunk: ForwardTsnChunk, from: number): DataViolation | undefined {
    if (chunk.isInterleaved !== this.#options.isInterleaved) return "wrong-data-kind";
    this.#tsnFragments.forward(from, chunk.cumulativeTsn);
    for (const { streamId, isUnordered, messageId } of furthestSkips(chunk)) {
      if (streamId >= this.#options.inboundStreams) continue;
      if (chunk.isInterleaved) this.#interleaved.skip(streamId, isUnordered, messageId);
      if (!isUnordered) this.#order.skip(streamId, messageId);
    }
    return undefined;
  }

  /** @param streams none means all: RFC 6525 section 5.2.2. */
  reset(streams: readonly number[]): void {
    const known = streams.length > 0 ? streams : this.#knownStreams();
    for (const streamId of known) {
      this.#interleaved.reset(streamId);
      this.#order.reset(streamId);
    }
  }

  /** The next message in order; its bytes are no longer ours. */
  take(): ReceivedMessage | undefined {
    const message = this.#ready.shift();
    if (message !== undefined) this.#held.release(message.payload.byteLength);
    return message;
  }

  #knownStreams(): number[] {
    return [...new Set([...this.#order.streamIds, ...this.#interleaved.streamIds])];
  }
}

/**
 * One skip for each stream and U bit, the furthest: naming a stream a thousand times must not make us
 * search it as often.
 */
function furthestSkips({
  isInterleaved,
  skipped,
}: ForwardTsnChunk): Iterable<ForwardTsnChunk["skipped"][number]> {
  const distance = isInterleaved ? tsnDistance : ssnDistance;
  const furthest = new Map<number, ForwardTsnChunk["skipped"][number]>();
  for (const skip of skipped) {
    const key = 2 * skip.streamId + (skip.isUnordered ? 1 : 0);
    const known = furthest.get(key);
    if (known === undefined || distance(known.messageId, skip.messageId) > 0) {
      furthest.set(key, skip);
    }
  }
  return furthest.values();
}
