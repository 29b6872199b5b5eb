/**
 * Puts shipped-dialect messages of our own peers together again.
 *
 * Our own sockets take small messages only (PEER_MESSAGE_BYTES), a model list is megabytes, so it
 * comes as parts of UTF-8 JSON, in order, one message at a time per socket. Invariant: one assembly
 * holds at most MAX_MESSAGE_BYTES, whatever arrives.
 *
 * Does not look into a message: what comes out is what was put in.
 */

import {
  BeelineError,
  DIALECT_PART_BYTES,
  type DialectPart,
  MAX_MESSAGE_BYTES,
} from "@beeline/protocol";

export interface WholeMessage {
  readonly event: DialectPart["event"];
  readonly to: DialectPart["to"];
  readonly payload: unknown;
  /** Of the message's text. */
  readonly bytes: number;
}

export class DialectAssembly {
  #first: DialectPart | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** Of the unfinished message. */
  get heldBytes(): number {
    return this.#bytes;
  }

  /**
   * @returns the message that `part` completes, or `undefined` if more parts are to come.
   * @throws {BeelineError} `LIMIT_EXCEEDED` or `MESSAGE_MALFORMED`; the unfinished message is
   * forgotten and the rest of its parts are refused too.
   */
  add(part: DialectPart): WholeMessage | undefined {
    const first = this.#first ?? part;
    const bytes = this.#bytes + part.bytes.byteLength;
    if (part.bytes.byteLength > DIALECT_PART_BYTES || bytes > MAX_MESSAGE_BYTES) {
      this.forget();
      throw new BeelineError(
        "LIMIT_EXCEEDED",
        `a dialect message may have ${MAX_MESSAGE_BYTES} bytes`,
      );
    }
    if (part.message !== first.message || part.event !== first.event || part.to !== first.to) {
      this.forget();
      throw new BeelineError(
        "MESSAGE_MALFORMED",
        "a dialect message began before the last one ended",
      );
    }
    this.#first = first;
    this.#bytes = bytes;
    this.#chunks.push(part.bytes);
    if (!part.last) return undefined;

    const text = Buffer.concat(this.#chunks).toString("utf8");
    this.forget();
    return { event: first.event, to: first.to, payload: parse(text), bytes };
  }

  /** The rest of the unfinished message's parts makes no message any more. */
  forget(): void {
    this.#first = undefined;
    this.#chunks = [];
    this.#bytes = 0;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the text, which is a user's prompt, and this one is logged.
    throw new BeelineError("MESSAGE_MALFORMED", "a dialect message is not JSON");
  }
}
