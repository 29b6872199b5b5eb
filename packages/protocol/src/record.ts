/**
 * Records: what travels as one data-channel message or one relayed socket.io frame.
 *
 *      0      1      2      3      4            8            12           16
 *      ┌──────┬──────┬──────┬──────┬────────────┬────────────┬────────────┬─────────
 *      │ 0xBE │ kind │ path │  0   │ generation │ packet no. │ session tag│ body …
 *      └──────┴──────┴──────┴──────┴────────────┴────────────┴────────────┴─────────
 *        u8     u8     u8     u8     u32          u32          u32
 *
 * `kind` is a handshake message (msgpack, see handshake.ts) or frames (see frames.ts). The header is
 * what a cipher will authenticate and the body what it will seal: (path, generation, packet no.)
 * never repeats in one direction within one handshake, so it can serve as the nonce. Packet numbers
 * start at 0 with every generation of a path and never wrap: a path that used up its 2^32 numbers
 * (64 TiB) is closed and reopened under the next generation.
 *
 * The last RECORD_TAG_BYTES of MAX_RECORD_BYTES stay unused, for the tag.
 */

import { BeelineError } from "./errors.ts";
import { MAX_RECORD_BYTES, RECORD_TAG_BYTES } from "./limits.ts";
import { Reader, Writer } from "./wire.ts";

const MAGIC = 0xbe;
export const RECORD_HEADER_BYTES = 16;
export const MAX_RECORD_BODY_BYTES = MAX_RECORD_BYTES - RECORD_HEADER_BYTES - RECORD_TAG_BYTES;
export const MAX_U32 = 0xffff_ffff;

export const RECORD_KIND = { frames: 0, hello: 1, welcome: 2, refuse: 3 } as const;
export type RecordKind = keyof typeof RECORD_KIND;
const KINDS: readonly RecordKind[] = ["frames", "hello", "welcome", "refuse"];

export type PathKind = "relay" | "direct";
export const PATH_KINDS: readonly PathKind[] = ["relay", "direct"];

/** Names one path for the life of a session: two attempts to connect directly are two paths. */
export interface PathId {
  readonly kind: PathKind;
  readonly generation: number;
}

export interface RecordHeader extends PathId {
  readonly type: RecordKind;
  readonly packetNumber: number;
  readonly sessionTag: number;
}

export interface DecodedRecord extends RecordHeader {
  /** A view into the received bytes. */
  readonly body: Uint8Array;
}

/** @returns a writer positioned at the body, with exactly the room a body may take. */
export function beginRecord(header: RecordHeader, bodyBytes = MAX_RECORD_BODY_BYTES): Writer {
  const writer = new Writer(RECORD_HEADER_BYTES + bodyBytes);
  writer.u8(MAGIC);
  writer.u8(RECORD_KIND[header.type]);
  writer.u8(PATH_KINDS.indexOf(header.kind));
  writer.u8(0);
  writer.u32(header.generation);
  writer.u32(header.packetNumber);
  writer.u32(header.sessionTag);
  return writer;
}

/** @throws {BeelineError} `RECORD_MALFORMED`: drop it; on a direct path the sender is broken or hostile. */
export function decodeRecord(bytes: Uint8Array): DecodedRecord {
  if (bytes.byteLength > MAX_RECORD_BYTES) {
    throw new BeelineError("RECORD_MALFORMED", `${bytes.byteLength} bytes in one record`);
  }
  const reader = new Reader(bytes);
  if (reader.u8() !== MAGIC) throw new BeelineError("RECORD_MALFORMED", "not a record");
  const type = KINDS[reader.u8()];
  const kind = PATH_KINDS[reader.u8()];
  if (type === undefined || kind === undefined || reader.u8() !== 0) {
    throw new BeelineError("RECORD_MALFORMED", "unknown kind of record or path");
  }
  return {
    type,
    kind,
    generation: reader.u32(),
    packetNumber: reader.u32(),
    sessionTag: reader.u32(),
    body: reader.bytes(reader.left),
  };
}

/** The four bytes by which a record says which session it belongs to: the id's first ones. */
export function sessionTagOf(sessionId: string): number {
  return Number.parseInt(sessionId.slice(0, 8), 16) >>> 0;
}
