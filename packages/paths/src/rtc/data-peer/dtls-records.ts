/**
 * The record layer of DTLS 1.2 for epoch 1 (RFC 6347 section 4.1, RFC 5288): the sole owner of the
 * number under which a record is sealed. Nobody else seals with this key, every seal takes the next
 * number, and the nonce is that number: so neither can repeat.
 *
 * werift negotiates the two suites with AES-128-GCM and SHA-256 only, which seal alike.
 *
 * Measured on this machine (2 vCPU, Node 20.20, 1200 bytes): a record costs 4.8 µs to seal, of which
 * 2 µs are `createCipheriv` (GCM in Node cannot be reused for the next nonce), and 3.7 µs to open.
 * werift's way (header objects, two `Buffer.concat`) costs 6.3 µs for the cipher alone. A key object
 * instead of bytes, or `update` without the additional data, change nothing beyond noise.
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { ReplayWindow } from "./replay-window.ts";

/** RFC 5246 section 6.2.1. */
export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;

export const RECORD_HEADER_BYTES = 13;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
/** What sealing adds to a payload. */
export const RECORD_OVERHEAD_BYTES = RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES + TAG_BYTES;
/** DTLS 1.2 on the wire. */
const VERSION = 0xfefd;
const EPOCH = 1;
const CIPHER = "aes-128-gcm";
/** RFC 5246 section 6.2.3: 2^14 and what a cipher may add. */
const MAX_SEALED_BYTES = 2 ** 14 + 2_048;

export interface DtlsKeys {
  readonly writeKey: Uint8Array;
  readonly readKey: Uint8Array;
  /** The four implicit bytes of the nonce (RFC 5288 section 3). */
  readonly writeSalt: Uint8Array;
  readonly readSalt: Uint8Array;
}

export interface DtlsRecord {
  readonly contentType: number;
  readonly epoch: number;
  readonly number: number;
  /** Header and fragment, a view into the datagram. */
  readonly whole: Buffer;
  readonly fragment: Buffer;
}

/** The records of a datagram (RFC 6347 section 4.1.1 allows several); ends at the first bad one. */
export function* recordsOf(datagram: Buffer): Generator<DtlsRecord> {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= datagram.length) {
    const bytes = datagram.readUInt16BE(at + 11);
    const end = at + RECORD_HEADER_BYTES + bytes;
    if (end > datagram.length || bytes > MAX_SEALED_BYTES) return;
    if (datagram[at + 1] !== VERSION >> 8) return;
    yield {
      contentType: datagram[at] as number,
      epoch: datagram.readUInt16BE(at + 3),
      number: datagram.readUIntBE(at + 5, 6),
      whole: datagram.subarray(at, end),
      fragment: datagram.subarray(at + RECORD_HEADER_BYTES, end),
    };
    at = end;
  }
}

export class DtlsRecords {
  readonly #keys: DtlsKeys;
  readonly #window = new ReplayWindow();
  readonly #writeNonce = Buffer.alloc(12);
  readonly #readNonce = Buffer.alloc(12);
  /** Number (with the epoch), type, version, length: what is authenticated beside the payload. */
  readonly #writeExtra = Buffer.alloc(RECORD_HEADER_BYTES);
  readonly #readExtra = Buffer.alloc(RECORD_HEADER_BYTES);
  #next = 0;

  constructor(keys: DtlsKeys) {
    this.#keys = keys;
    this.#writeNonce.set(keys.writeSalt);
    this.#readNonce.set(keys.readSalt);
    for (const extra of [this.#writeExtra, this.#readExtra]) extra.writeUInt16BE(VERSION, 9);
    this.#writeNonce.writeUInt16BE(EPOCH, 4);
    this.#writeExtra.writeUInt16BE(EPOCH, 0);
  }

  /** A record under the next number. The payload may be reused at once. */
  seal(contentType: number, payload: Uint8Array): Buffer {
    const number = this.#next;
    this.#next += 1;
    const nonce = this.#writeNonce;
    const extra = this.#writeExtra;
    nonce.writeUIntBE(number, 6, 6);
    extra.writeUIntBE(number, 2, 6);
    extra[8] = contentType;
    extra.writeUInt16BE(payload.length, 11);
    const cipher = createCipheriv(CIPHER, this.#keys.writeKey, nonce);
    cipher.setAAD(extra);
    const record = Buffer.allocUnsafe(payload.length + RECORD_OVERHEAD_BYTES);
    record[0] = contentType;
    record.writeUInt16BE(VERSION, 1);
    record.set(extra.subarray(0, 8), 3);
    record.writeUInt16BE(payload.length + EXPLICIT_NONCE_BYTES + TAG_BYTES, 11);
    record.set(extra.subarray(0, 8), RECORD_HEADER_BYTES);
    record.set(cipher.update(payload), RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES);
    cipher.final();
    record.set(cipher.getAuthTag(), record.length - TAG_BYTES);
    return record;
  }

  /** The payload, its own memory; undefined for a forged, damaged or repeated record. */
  open(record: DtlsRecord): Buffer | undefined {
    if (record.epoch !== EPOCH || !this.#window.isFresh(record.number)) return undefined;
    const payload = this.#decipher(record, this.#keys.readKey, this.#readNonce);
    if (payload !== undefined) this.#window.accept(record.number);
    return payload;
  }

  /** What werift sealed with our own key under a number of its own. */
  openOwn(record: DtlsRecord): Buffer | undefined {
    return this.#decipher(record, this.#keys.writeKey, Buffer.from(this.#writeNonce));
  }

  #decipher(record: DtlsRecord, key: Uint8Array, nonce: Buffer): Buffer | undefined {
    const { fragment, whole } = record;
    const end = fragment.length - TAG_BYTES;
    if (end < EXPLICIT_NONCE_BYTES) return undefined;
    nonce.set(fragment.subarray(0, EXPLICIT_NONCE_BYTES), 4);
    const extra = this.#readExtra;
    extra.set(whole.subarray(3, 11), 0);
    extra[8] = record.contentType;
    extra.set(whole.subarray(1, 3), 9);
    extra.writeUInt16BE(end - EXPLICIT_NONCE_BYTES, 11);
    const decipher = createDecipheriv(CIPHER, key, nonce);
    decipher.setAuthTag(fragment.subarray(end));
    decipher.setAAD(extra);
    const payload = decipher.update(fragment.subarray(EXPLICIT_NONCE_BYTES, end));
    try {
      decipher.final();
      return payload;
    } catch {
      return undefined;
    }
  }
}
