/**
 * Reading and writing of numbers and bytes: the only place where an offset into a buffer moves.
 *
 * Numbers are QUIC's variable-length integers (RFC 9000 §16): the two top bits of the first byte say
 * whether 1, 2, 4 or 8 bytes follow the rule. We stop at 2^53 − 1, the largest exact JavaScript
 * integer: at 1 Gbit/s a stream reaches it after 2,000 years.
 */

import { BeelineError } from "./errors.ts";

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** @throws {BeelineError} `RECORD_MALFORMED` past the end or above 2^53 − 1. */
  varint(): number {
    const first = this.u8();
    const rest = first & 0x3f;
    switch (first >> 6) {
      case 0:
        return rest;
      case 1:
        return rest * 0x100 + this.u8();
      case 2: {
        const high = rest * 0x100 + this.u8();
        return high * 0x1_0000 + this.u8() * 0x100 + this.u8();
      }
      default: {
        const high = rest * 0x100_0000 + this.u8() * 0x1_0000 + this.u8() * 0x100 + this.u8();
        const value = high * 0x1_0000_0000 + this.u32();
        if (!Number.isSafeInteger(value)) throw malformed("a number above 2^53");
        return value;
      }
    }
  }

  /** A view into the buffer, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.left) throw malformed(`${length} bytes expected, ${this.left} left`);
    this.#at = start + length;
    return start;
  }
}

/** Fills one buffer of fixed capacity. The caller checks {@link Writer.left} before it writes. */
export class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  varint(value: number): void {
    switch (varintBytes(value)) {
      case 1:
        this.u8(value);
        return;
      case 2:
        this.#view.setUint16(this.#at, value | 0x4000);
        this.#at += 2;
        return;
      case 4:
        this.u32((value | 0x8000_0000) >>> 0);
        return;
      default:
        this.u32((Math.floor(value / 0x1_0000_0000) | 0xc000_0000) >>> 0);
        this.u32(value % 0x1_0000_0000);
    }
  }

  bytes(source: Uint8Array): void {
    this.#bytes.set(source, this.#at);
    this.#at += source.byteLength;
  }

  /** Lets `fill` write `length` bytes in place, which saves a copy of every bulk payload. */
  reserve(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, start + length);
  }

  /** What was written. Copies when most of the buffer would be dead weight in a send queue. */
  finish(): Uint8Array {
    return this.#at * 2 < this.#bytes.byteLength
      ? this.#bytes.slice(0, this.#at)
      : this.#bytes.subarray(0, this.#at);
  }
}

export function varintBytes(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x4000_0000) return 4;
  return 8;
}

function malformed(detail: string): BeelineError {
  return new BeelineError("RECORD_MALFORMED", detail);
}
