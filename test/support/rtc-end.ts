/**
 * One end of an RTC pair that writes down what its engine does, in Node or in a page.
 *
 * Every method takes and gives plain data only, so that a test can drive an end in a browser by the
 * same calls. Messages are made and checked where they are sent and received: their bytes follow
 * from their number.
 */

import {
  CHANNEL_BUFFER_BYTES,
  type CreateRtcPeer,
  type RtcOptions,
  type RtcPeer,
  type RtcSignal,
} from "@beeline/paths";
import { BeelineError } from "@beeline/protocol";
import { Changes } from "./deadline.ts";

export interface RtcStory {
  /** `open`, `writable`, `close: reason` and phases in the order in which they came. */
  readonly events: readonly string[];
  readonly messages: number;
  readonly bytes: number;
  /** Messages that were not one that was sent, whole and for the first time. */
  readonly damaged: readonly string[];
  /** Messages that came in another place than they were sent in. */
  readonly misplaced: number;
  /** The most that the channel said it had buffered after a `send`. */
  readonly mostBuffered: number;
  readonly buffered: number;
}

/** An end here, or a stand-in for one in a page. */
export interface RtcEnd {
  start(options: RtcOptions): Promise<void>;
  /** The signals that came since the last call; waits for the first. Empty after the end closed. */
  takeSignals(): Promise<readonly RtcSignal[]>;
  accept(signals: readonly RtcSignal[]): Promise<void>;
  /** Tries one message of this size. @returns `sent` or the error's code. */
  trySend(bytes: number): Promise<string>;
  /** Sends messages `first` to `first + count - 1` as fast as the channel lets it. */
  sendMany(first: number, count: number, bytes: number): Promise<void>;
  /** Fills the channel until it has no more room, without waiting. @returns messages sent. */
  fill(first: number, bytes: number): Promise<number>;
  /** Waits for an event of the story, from its beginning. */
  heard(event: string, ms: number): Promise<void>;
  received(messages: number, ms: number): Promise<void>;
  story(): Promise<RtcStory>;
  close(): Promise<void>;
}

export class LocalRtcEnd implements RtcEnd {
  readonly #create: CreateRtcPeer;
  readonly #changes = new Changes();
  readonly #events: string[] = [];
  readonly #damaged: string[] = [];
  readonly #seen = new Set<number>();
  #misplaced = 0;
  #signals: RtcSignal[] = [];
  #messages = 0;
  #bytes = 0;
  #mostBuffered = 0;
  #isOver = false;
  #peer: RtcPeer | undefined;

  constructor(create: CreateRtcPeer) {
    this.#create = create;
  }

  async start(options: RtcOptions): Promise<void> {
    this.#peer = this.#create(options, {
      onSignal: (signal) => {
        this.#signals.push(signal);
        this.#changes.notify();
      },
      onPhase: (phase) => this.#add(phase),
      onOpen: () => this.#add("open"),
      onMessage: (message) => this.#onMessage(message),
      onWritable: () => this.#add("writable"),
      onClose: (reason) => {
        this.#isOver = true;
        this.#add(`close: ${reason}`);
      },
    });
  }

  takeSignals(): Promise<readonly RtcSignal[]> {
    return this.#changes.until(SIGNAL_MS, "a signal", () => {
      if (this.#signals.length === 0 && !this.#isOver) return undefined;
      return this.#signals.splice(0);
    });
  }

  async accept(signals: readonly RtcSignal[]): Promise<void> {
    for (const signal of signals) this.#live.accept(signal);
  }

  async trySend(bytes: number): Promise<string> {
    try {
      this.#live.send(new Uint8Array(bytes));
      return "sent";
    } catch (thrown) {
      return BeelineError.from(thrown).code;
    }
  }

  async sendMany(first: number, count: number, bytes: number): Promise<void> {
    for (let number = first; number < first + count; number += 1) {
      if (this.#live.bufferedBytes >= CHANNEL_BUFFER_BYTES) {
        const what = `room in the channel for message ${number}`;
        await this.#changes.until(TRANSFER_MS, what, () =>
          this.#live.bufferedBytes < CHANNEL_BUFFER_BYTES ? true : undefined,
        );
      }
      this.#send(number, bytes);
    }
  }

  async fill(first: number, bytes: number): Promise<number> {
    let count = 0;
    while (this.#live.bufferedBytes < CHANNEL_BUFFER_BYTES && count < MOST_TO_FILL) {
      this.#send(first + count, bytes);
      count += 1;
    }
    return count;
  }

  async heard(event: string, ms: number): Promise<void> {
    await this.#changes.until(ms, `"${event}" after ${this.#events.join(", ")}`, () =>
      this.#events.some((heard) => heard.startsWith(event)) ? true : undefined,
    );
  }

  async received(messages: number, ms: number): Promise<void> {
    await this.#changes.until(ms, `message ${messages}`, () =>
      this.#messages >= messages ? true : undefined,
    );
  }

  async story(): Promise<RtcStory> {
    return {
      events: [...this.#events],
      messages: this.#messages,
      bytes: this.#bytes,
      damaged: [...this.#damaged],
      misplaced: this.#misplaced,
      mostBuffered: this.#mostBuffered,
      buffered: this.#live.bufferedBytes,
    };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#peer?.close();
    this.#changes.notify();
  }

  get #live(): RtcPeer {
    if (this.#peer === undefined) throw new Error("the end was not started");
    return this.#peer;
  }

  #send(number: number, bytes: number): void {
    this.#live.send(numbered(number, bytes));
    this.#mostBuffered = Math.max(this.#mostBuffered, this.#live.bufferedBytes);
  }

  #onMessage(message: Uint8Array): void {
    // A fresh view: engines hand over Buffers, whose methods differ.
    const bytes = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    const number = numberOf(bytes) ?? this.#messages;
    const expected = numbered(number, bytes.byteLength);
    const wrong = bytes.findIndex((byte, at) => byte !== expected[at]);
    if (bytes.byteLength === 0) this.#damaged.push(`message ${number} is empty`);
    else if (wrong >= 0) this.#damaged.push(`message ${number} is wrong at ${wrong}`);
    else if (this.#seen.has(number)) this.#damaged.push(`message ${number} came again`);
    this.#seen.add(number);
    if (number !== this.#messages) this.#misplaced += 1;
    this.#messages += 1;
    this.#bytes += bytes.byteLength;
    this.#changes.notify();
  }

  #add(event: string): void {
    this.#events.push(event);
    this.#changes.notify();
  }
}

/** Longer than any test: whoever carries signals does so until the end closes. */
const SIGNAL_MS = 60_000;
/** A stall this long is one that ends never: the slowest recovery of SCTP takes 3 s. */
const TRANSFER_MS = 10_000;
/** An engine that reports no buffer at all must not be filled for ever. */
const MOST_TO_FILL = 64;

/** What a message says of itself; the shortest ones say nothing. */
function numberOf(message: Uint8Array): number | undefined {
  if (message.byteLength < 4) return undefined;
  return new DataView(message.buffer, message.byteOffset).getUint32(0);
}

/** Message `number`: its number and its length first, then bytes that follow from both. */
function numbered(number: number, bytes: number): Uint8Array {
  const message = new Uint8Array(bytes);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, number);
  new DataView(head.buffer).setUint32(4, bytes);
  for (let at = 0; at < bytes; at += 1) message[at] = head[at] ?? (number * 31 + at * 7) & 0xff;
  return message;
}
