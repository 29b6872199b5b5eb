/**
 * The least that one can say over a channel that carries messages: what the raw subjects (data
 * channels, TCP, PeerJS) speak. A message is its kind and its content; all go the same way, in order,
 * because that is what somebody gets who takes a channel and sends.
 */

import { type Asker, inTime, PREVIEW_BYTES, payload, type Transfer } from "./asker.ts";

/** A channel, as a port. */
export interface Wire {
  /** How much of a payload goes into one message. Infinity: all, the library cuts it up itself. */
  readonly messageBytes: number;
  send(message: Uint8Array<ArrayBuffer>): void;
  /** Enough lies in the channel to keep it busy. */
  readonly isFull: boolean;
  writable(): Promise<void>;
  onMessage(listener: (message: Uint8Array) => void): void;
  /** What has arrived of a message that is not whole yet; absent where messages are small. */
  partialBytes?(): Promise<number>;
  close(): void;
}

export const KIND = { ping: 0, pong: 1, get: 2, preview: 3, data: 4, put: 5, got: 6 } as const;
const HEAD_BYTES = 1;
const NUMBER_BYTES = 4;

/** Answers pings, sends what is asked for, counts what is sent. */
export function serveWire(wire: Wire): void {
  let awaited = 0;
  wire.onMessage((message) => {
    if (message[0] === KIND.ping) wire.send(Uint8Array.of(KIND.pong));
    if (message[0] === KIND.put) awaited = numberIn(message);
    if (message[0] === KIND.get) {
      const bytes = numberIn(message);
      const send = async (): Promise<void> => {
        await sendAll(wire, KIND.preview, payload().subarray(0, PREVIEW_BYTES));
        await sendPicture(wire, bytes);
      };
      // A channel that closes meanwhile ends the transfer; the page's clock says so.
      send().catch(() => {});
    }
    if (message[0] === KIND.data) {
      awaited -= message.byteLength - HEAD_BYTES;
      if (awaited === 0) wire.send(Uint8Array.of(KIND.got));
    }
  });
}

export class WireAsker implements Asker {
  readonly join: Record<string, number>;
  readonly #wire: Wire;
  #onPong: () => void = () => {};
  #onGot: () => void = () => {};
  #onData: (kind: number, bytes: number) => void = () => {};

  private constructor(wire: Wire, join: Record<string, number>) {
    this.#wire = wire;
    this.join = join;
    wire.onMessage((message) => {
      const kind = message[0] ?? -1;
      if (kind === KIND.pong) this.#onPong();
      else if (kind === KIND.got) this.#onGot();
      else this.#onData(kind, message.byteLength - HEAD_BYTES);
    });
  }

  /** @param startedAtMs when opening the wire began. */
  static async open(wire: Wire, startedAtMs: number): Promise<WireAsker> {
    const join: Record<string, number> = { "channel open": performance.now() - startedAtMs };
    const asker = new WireAsker(wire, join);
    await asker.roundTrip();
    join["first answer"] = performance.now() - startedAtMs;
    return asker;
  }

  async roundTrip(): Promise<number> {
    const startedAtMs = performance.now();
    await new Promise<void>((resolve) => {
      this.#onPong = resolve;
      this.#wire.send(Uint8Array.of(KIND.ping));
    });
    return performance.now() - startedAtMs;
  }

  async get(bytes: number, limitMs: number): Promise<Transfer> {
    const startedAtMs = performance.now();
    let previewed = 0;
    let previewMs: number | undefined;
    let received = 0;
    const done = new Promise<void>((resolve) => {
      this.#onData = (kind, length) => {
        if (kind === KIND.preview) previewed += length;
        else received += length;
        if (previewMs === undefined && previewed === PREVIEW_BYTES) {
          previewMs = performance.now() - startedAtMs;
        }
        if (received === bytes) resolve();
      };
    });
    this.#wire.send(numbered(KIND.get, bytes));
    const isDone = await inTime(done, limitMs);
    const ms = performance.now() - startedAtMs;
    if (!isDone) received += (await this.#wire.partialBytes?.()) ?? 0;
    const transfer = { isDone, ms, bytes: Math.min(received, bytes) };
    return previewMs === undefined ? transfer : { ...transfer, previewMs };
  }

  async put(bytes: number, limitMs: number): Promise<Transfer> {
    const startedAtMs = performance.now();
    const done = new Promise<void>((resolve) => {
      this.#onGot = resolve;
    });
    this.#wire.send(numbered(KIND.put, bytes));
    let isOver = false;
    const sending = sendPicture(this.#wire, bytes, () => isOver);
    const isDone = await inTime(Promise.all([sending, done]), limitMs);
    isOver = true;
    const ms = performance.now() - startedAtMs;
    // What has left us is not what has arrived.
    return isDone ? { isDone, ms, bytes } : { isDone, ms, bytes: 0, isBlind: true };
  }

  async close(): Promise<void> {
    this.#wire.close();
  }
}

/** What is asked for beyond the largest picture is the same one again. */
async function sendPicture(wire: Wire, bytes: number, isOver?: () => boolean): Promise<void> {
  const picture = payload();
  for (let left = bytes; left > 0 && !isOver?.(); left -= picture.byteLength) {
    await sendAll(wire, KIND.data, picture.subarray(0, left), isOver);
  }
}

async function sendAll(
  wire: Wire,
  kind: number,
  content: Uint8Array,
  isOver: () => boolean = () => false,
): Promise<void> {
  const step = Math.min(content.byteLength, wire.messageBytes - HEAD_BYTES);
  for (let at = 0; at < content.byteLength; at += step) {
    while (wire.isFull) await wire.writable();
    if (isOver()) return;
    const piece = content.subarray(at, at + step);
    const message = new Uint8Array(HEAD_BYTES + piece.byteLength);
    message[0] = kind;
    message.set(piece, HEAD_BYTES);
    wire.send(message);
  }
}

function numbered(kind: number, value: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEAD_BYTES + NUMBER_BYTES);
  message[0] = kind;
  new DataView(message.buffer).setUint32(HEAD_BYTES, value);
  return message;
}

function numberIn(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(HEAD_BYTES);
}
