/**
 * What one end sent and what the other got, message by message: reliable ones arrive once, ordered
 * ones in order, others at most once, and every byte is as it was.
 */
import type { ReceivedMessage, SendOptions } from "@beeline/sctp";

/** A message that may be missed or overtaken says who it is: its number is in its first bytes. */
const NUMBER_BYTES = 4;

export interface StreamTraits {
  readonly streamId: number;
  readonly isUnordered: boolean;
  /** Undefined for reliable ones. */
  readonly lifetimeMs: number | undefined;
  readonly maxRetransmissions: number | undefined;
}

export class SctpLedger {
  sentMessages = 0;
  gotMessages = 0;
  gotBytes = 0;
  lastGotAtMs = 0;

  readonly #lengths: number[] = [];
  readonly #streams = new Map<number, { traits: StreamTraits; order: number[]; next: number }>();
  readonly #got = new Set<number>();
  #reliable = 0;
  #reliableGot = 0;

  /** Makes the next message of the stream. */
  make(traits: StreamTraits, length: number): { payload: Uint8Array; options: SendOptions } {
    const number = this.#lengths.length;
    const payload = contentOf(number, Math.max(NUMBER_BYTES, length));
    this.#lengths.push(payload.length);
    let stream = this.#streams.get(traits.streamId);
    if (stream === undefined) {
      stream = { traits, order: [], next: 0 };
      this.#streams.set(traits.streamId, stream);
    }
    stream.order.push(number);
    this.sentMessages += 1;
    if (isReliable(traits)) this.#reliable += 1;
    const { streamId, isUnordered, lifetimeMs, maxRetransmissions } = traits;
    return {
      payload,
      options: {
        streamId,
        protocolId: 53,
        isUnordered,
        ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
        ...(maxRetransmissions === undefined ? {} : { maxRetransmissions }),
      },
    };
  }

  get hasAllReliable(): boolean {
    return this.#reliableGot === this.#reliable;
  }

  get missing(): string {
    return `${this.#reliable - this.#reliableGot} of ${this.#reliable} reliable messages`;
  }

  take(message: ReceivedMessage, nowMs: number): void {
    const stream = this.#streams.get(message.streamId);
    if (stream === undefined) throw new Error(`a message of stream ${message.streamId}`);
    const view = new DataView(message.payload.buffer, message.payload.byteOffset);
    const number = view.getUint32(0);
    const length = this.#lengths[number];
    if (length === undefined) throw new Error(`message ${number} was never sent`);
    this.#compare(number, length, message.payload);
    if (this.#got.has(number)) throw new Error(`message ${number} came twice`);
    this.#got.add(number);
    this.#checkOrder(stream, number);
    this.gotMessages += 1;
    this.gotBytes += length;
    this.lastGotAtMs = nowMs;
    if (isReliable(stream.traits)) this.#reliableGot += 1;
  }

  #compare(number: number, length: number, payload: Uint8Array): void {
    const expected = contentOf(number, length);
    if (Buffer.compare(payload, expected) === 0) return;
    throw new Error(`message ${number} of ${length} bytes came changed, ${payload.length} bytes`);
  }

  #checkOrder(
    stream: { readonly traits: StreamTraits; readonly order: number[]; next: number },
    number: number,
  ): void {
    if (stream.traits.isUnordered) {
      if (!stream.order.includes(number)) throw new Error(`message ${number} changed its stream`);
      return;
    }
    const at = stream.order.indexOf(number, stream.next);
    if (at < 0) throw new Error(`message ${number} came late on stream ${stream.traits.streamId}`);
    if (isReliable(stream.traits) && at !== stream.next) {
      throw new Error(`message ${stream.order[stream.next]} was skipped by ${number}`);
    }
    stream.next = at + 1;
  }
}

function isReliable({ lifetimeMs, maxRetransmissions }: StreamTraits): boolean {
  return lifetimeMs === undefined && maxRetransmissions === undefined;
}

function contentOf(number: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length, PATTERN.subarray(number % 256, (number % 256) + 1021));
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Longer than a prime number of bytes, so fragments that change places are seen. */
const PATTERN = Buffer.from(
  Uint8Array.from({ length: 1277 }, (_, at) => (at * 167 + (at >> 3)) & 255),
);
