/**
 * The messages of a DTLS 1.2 handshake (RFC 6347 section 4.2): put together from their fragments,
 * each once and in order, and written one after another as the transcript that is signed. Pure.
 */

/** RFC 5246 section 7.4. */
export const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateVerify: 15,
  finished: 20,
} as const;

export interface HandshakeMessage {
  readonly type: number;
  readonly sequence: number;
  readonly body: Buffer;
  /** With its header, as if it had never been cut (RFC 6347 section 4.2.6). */
  readonly whole: Buffer;
}

const HEADER_BYTES = 12;
/** A chain of certificates has some kilobytes, those of WebRTC half of one. */
const MAX_MESSAGE_BYTES = 32 * 1024;
/** A flight has six messages. */
const MAX_AHEAD = 16;

interface Partial {
  readonly type: number;
  readonly whole: Buffer;
  readonly has: Uint8Array;
  missing: number;
}

/** What a handshake record's payload holds, each with its header; ends at the first that is cut off. */
export function* fragmentsOf(payload: Buffer): Generator<Buffer> {
  let at = 0;
  while (at + HEADER_BYTES <= payload.length) {
    const end = at + HEADER_BYTES + payload.readUIntBE(at + 9, 3);
    if (end > payload.length) return;
    yield payload.subarray(at, end);
    at = end;
  }
}

export class HandshakeAssembly {
  readonly #partial = new Map<number, Partial>();
  #next = 0;

  /** @param fragments of a handshake record's payload. @returns the messages whose turn it is. */
  add(fragments: Buffer): HandshakeMessage[] {
    for (const fragment of fragmentsOf(fragments)) this.#keep(fragment);
    const ready: HandshakeMessage[] = [];
    for (let next = this.#take(); next !== undefined; next = this.#take()) ready.push(next);
    return ready;
  }

  #keep(fragment: Buffer): void {
    const type = fragment[0] as number;
    const length = fragment.readUIntBE(1, 3);
    const sequence = fragment.readUInt16BE(4);
    const offset = fragment.readUIntBE(6, 3);
    const bytes = fragment.length - HEADER_BYTES;
    this.#expectAgain(type, sequence);
    if (sequence < this.#next || sequence >= this.#next + MAX_AHEAD) return;
    if (length > MAX_MESSAGE_BYTES || offset + bytes > length) return;
    const partial = this.#partial.get(sequence) ?? this.#begin(type, length, sequence);
    if (partial.type !== type || partial.has.length !== length) return;
    partial.whole.set(fragment.subarray(HEADER_BYTES), HEADER_BYTES + offset);
    for (let byte = offset; byte < offset + bytes; byte += 1) {
      if (partial.has[byte] === 1) continue;
      partial.has[byte] = 1;
      partial.missing -= 1;
    }
  }

  /** The first ClientHello comes again while its answer is lost: nobody else asks for that answer. */
  #expectAgain(type: number, sequence: number): void {
    const isFirst = type === HANDSHAKE.clientHello && sequence === 0;
    if (isFirst && this.#next === 1) this.#next = 0;
  }

  #begin(type: number, length: number, sequence: number): Partial {
    const whole = Buffer.alloc(HEADER_BYTES + length);
    whole[0] = type;
    whole.writeUIntBE(length, 1, 3);
    whole.writeUInt16BE(sequence, 4);
    whole.writeUIntBE(length, 9, 3);
    const partial = { type, whole, has: new Uint8Array(length), missing: length };
    this.#partial.set(sequence, partial);
    return partial;
  }

  #take(): HandshakeMessage | undefined {
    const sequence = this.#next;
    const partial = this.#partial.get(sequence);
    if (partial === undefined || partial.missing > 0) return undefined;
    this.#partial.delete(sequence);
    this.#next += 1;
    const { type, whole } = partial;
    return { type, sequence, whole, body: whole.subarray(HEADER_BYTES) };
  }
}

/** What both sides said, in the order of RFC 6347 section 4.2.6: without the cookie's round trip. */
export class HandshakeTranscript {
  readonly #client: HandshakeMessage[] = [];
  readonly #server: HandshakeMessage[] = [];

  add(side: "client" | "server", message: HandshakeMessage): void {
    const said = side === "client" ? this.#client : this.#server;
    if (message.type === HANDSHAKE.clientHello) said.length = 0;
    if (message.type !== HANDSHAKE.helloVerifyRequest) said.push(message);
  }

  find(side: "client" | "server", type: number): HandshakeMessage | undefined {
    return (side === "client" ? this.#client : this.#server).find((said) => said.type === type);
  }

  /** Everything before the message of this type that this side says. */
  before(side: "client" | "server", type: number): Buffer {
    const [hello, ...client] = this.#client;
    const server = this.#server.filter((message) => message.type !== HANDSHAKE.finished);
    const ordered = [...(hello === undefined ? [] : [hello]), ...server, ...client];
    const end =
      side === "client"
        ? ordered.findIndex((said) => said.type === type && client.includes(said))
        : -1;
    const said = end < 0 ? ordered : ordered.slice(0, end);
    return Buffer.concat(said.map(({ whole }) => whole));
  }
}
