/**
 * What is still to be sent for the first time: streams are scheduled, not queued. A fragment is cut
 * and numbered when a packet has room for it, so a command that comes later leaves earlier.
 *
 * With I-DATA (RFC 8260) every fragment is a new choice of stream, within bounds. With DATA the fragments of a
 * message have consecutive TSNs (RFC 9260 section 6.9), so a begun message is finished first.
 *
 * Invariant: `bufferedBytes`, of a stream and of all, is what was not sent even once.
 */

import type { OutgoingMessage } from "./outgoing-message.ts";
import { ReadyStreams } from "./ready-streams.ts";
import { SendStream } from "./send-stream.ts";

/**
 * A message that does not fit is cut to fill a packet, unless so little room is left that the header
 * of one more fragment (16 to 20 bytes, and a packet header if it makes one more packet) outweighs it.
 */
const SMALLEST_CUT_BYTES = 200;

/** A piece of a message, about to leave. The queue reuses one. */
export interface Fragment {
  readonly message: OutgoingMessage;
  readonly offset: number;
  readonly length: number;
  /** Its number within the message. */
  readonly index: number;
}

type MutableFragment = { -readonly [Key in keyof Fragment]: Fragment[Key] };

export interface SendQueueEvents {
  /** Unsent bytes of the stream fell to its threshold. */
  onBufferedLow(streamId: number): void;
  /** A message whose time is over was begun already: what is on the way must be given up too. */
  onExpired(message: OutgoingMessage): void;
}

export class SendQueue {
  isInterleaved = false;
  /**
   * I-DATA only: messages begun and not finished may have so many bytes together. The other side holds
   * the pieces of all of them; once they fill its window none can be finished, and nothing moves again.
   */
  mostBegunBytes = Number.POSITIVE_INFINITY;
  /** Of all streams. */
  bufferedBytes = 0;

  readonly #events: SendQueueEvents;
  readonly #streams = new Map<number, SendStream>();
  readonly #ready = new ReadyStreams();
  /** Streams in the middle of a message, and how long those messages are together. */
  readonly #begun = new Set<SendStream>();
  #begunBytes = 0;
  #fragment: MutableFragment | undefined;

  constructor(events: SendQueueEvents) {
    this.#events = events;
  }

  stream(id: number): SendStream {
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      stream = new SendStream(id);
      this.#streams.set(id, stream);
    }
    return stream;
  }

  peekStream(id: number): SendStream | undefined {
    return this.#streams.get(id);
  }

  /** The stream begins anew with its numbers at 0: it was reset. */
  forgetStream(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.messages.length > 0) return;
    this.#streams.delete(id);
  }

  setWeight(id: number, weight: number): void {
    const stream = this.stream(id);
    const isReady = stream.heapIndex >= 0;
    this.#ready.remove(stream);
    stream.weight = weight;
    if (isReady) this.#ready.add(stream);
  }

  push(message: OutgoingMessage): void {
    const stream = this.stream(message.streamId);
    stream.messages.push(message);
    stream.bufferedBytes += message.payload.length;
    this.bufferedBytes += message.payload.length;
    this.#ready.add(stream);
  }

  /**
   * Cuts the next fragment, at most `spaceBytes` long. Undefined when nothing waits or too little
   * room is left. The result is overwritten by the next call.
   */
  take(spaceBytes: number, nowMs: number): Fragment | undefined {
    if (spaceBytes <= 0) return undefined;
    for (;;) {
      const stream = this.#choose(spaceBytes);
      const message = stream?.messages.peek();
      if (stream === undefined || message === undefined) return undefined;
      if (message.isExpired(nowMs)) {
        this.#expire(message);
        continue;
      }
      const isCut = message.unsentBytes > spaceBytes;
      if (isCut && spaceBytes < SMALLEST_CUT_BYTES) return undefined;
      return this.#cut(stream, message, Math.min(spaceBytes, message.unsentBytes));
    }
  }

  /** Gives up what was not sent of a message. */
  dropUnsent(message: OutgoingMessage): void {
    const stream = this.#streams.get(message.streamId);
    if (stream === undefined || stream.messages.peek() !== message) return;
    const bytes = message.unsentBytes;
    this.#finish(stream);
    this.#release(stream, bytes);
  }

  /** Everything: the association is over. */
  clear(): void {
    for (const stream of this.#streams.values()) {
      this.#ready.remove(stream);
      stream.messages.clear();
      stream.bufferedBytes = 0;
    }
    this.#streams.clear();
    this.bufferedBytes = 0;
    this.#begun.clear();
    this.#begunBytes = 0;
  }

  /**
   * Whose turn it is. A message that fits the packet is never left unfinished, so it may always go.
   */
  #choose(spaceBytes: number): SendStream | undefined {
    const first = this.#ready.first;
    if (this.#begun.size === 0 || first === undefined || this.#begun.has(first)) return first;
    if (!this.isInterleaved) return this.#furthestBehind();
    const bytes = first.messages.peek()?.payload.length ?? 0;
    if (bytes <= spaceBytes || this.#begunBytes + bytes <= this.mostBegunBytes) return first;
    return this.#furthestBehind();
  }

  #furthestBehind(): SendStream | undefined {
    let chosen: SendStream | undefined;
    for (const stream of this.#begun) {
      if (chosen === undefined || stream.virtualTime < chosen.virtualTime) chosen = stream;
    }
    return chosen;
  }

  #expire(message: OutgoingMessage): void {
    if (message.sentBytes > 0) this.#events.onExpired(message);
    this.dropUnsent(message);
  }

  #cut(stream: SendStream, message: OutgoingMessage, length: number): Fragment {
    if (message.sentBytes === 0) {
      this.#number(stream, message);
      this.#begun.add(stream);
      this.#begunBytes += message.payload.length;
    }
    const fragment = this.#fragmentOf(message, length);
    message.sentBytes += length;
    message.fragments += 1;
    if (message.unsentBytes === 0) this.#finish(stream);
    this.#ready.charge(stream, length);
    this.#release(stream, length);
    return fragment;
  }

  #fragmentOf(message: OutgoingMessage, length: number): Fragment {
    this.#fragment ??= { message, offset: 0, length: 0, index: 0 };
    this.#fragment.message = message;
    this.#fragment.offset = message.sentBytes;
    this.#fragment.length = length;
    this.#fragment.index = message.fragments;
    return this.#fragment;
  }

  /** RFC 9260 section 6.5: unordered DATA has no sequence number of its own. */
  #number(stream: SendStream, message: OutgoingMessage): void {
    if (this.isInterleaved && message.isUnordered) {
      message.messageId = stream.nextUnorderedId;
      stream.nextUnorderedId = (stream.nextUnorderedId + 1) >>> 0;
    } else if (!message.isUnordered) {
      message.messageId = stream.nextOrderedId;
      const next = stream.nextOrderedId + 1;
      stream.nextOrderedId = this.isInterleaved ? next >>> 0 : next & 0xffff;
    }
  }

  /** The first message of the stream leaves the queue. */
  #finish(stream: SendStream): void {
    const message = stream.messages.shift();
    if (this.#begun.delete(stream)) this.#begunBytes -= message?.payload.length ?? 0;
    if (stream.messages.length === 0) this.#ready.remove(stream);
  }

  #release(stream: SendStream, bytes: number): void {
    const before = stream.bufferedBytes;
    stream.bufferedBytes -= bytes;
    this.bufferedBytes -= bytes;
    if (before > stream.lowThreshold && stream.bufferedBytes <= stream.lowThreshold) {
      this.#events.onBufferedLow(stream.id);
    }
  }
}
