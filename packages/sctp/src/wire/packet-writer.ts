/**
 * Writes packets into one buffer that every packet uses again: what `finish` returns is good until the
 * next `begin`. Chunks that don't fit are refused whole.
 */

import { ByteCursor } from "./byte-cursor.ts";
import type { Chunk, DataChunk, PacketHeader } from "./chunk.ts";
import {
  CHUNK_TYPE,
  DATA_FLAG,
  DATA_HEADER_BYTES,
  I_DATA_HEADER_BYTES,
  PACKET_HEADER_BYTES,
} from "./chunk-type.ts";
import { chunkLength, writeChunk } from "./chunk-writer.ts";
import { packetChecksum } from "./crc32c.ts";

const CHECKSUM_AT = 8;

/** DATA or I-DATA but its payload. Nothing keeps it: one object may serve for every chunk. */
export type DataFields = Omit<DataChunk, "type" | "payload">;

export class PacketWriter {
  readonly #cursor: ByteCursor;
  #limit = 0;

  /** @param maxPacketBytes the largest packet that will ever be written, headers included. */
  constructor(maxPacketBytes: number) {
    this.#cursor = new ByteCursor(maxPacketBytes);
  }

  /** Forgets what was written. @param limitBytes of this packet, at most the constructor's. */
  begin(header: PacketHeader, limitBytes: number): void {
    const cursor = this.#cursor;
    this.#limit = Math.min(limitBytes, cursor.bytes.byteLength) & ~3;
    cursor.at = 0;
    cursor.u16(header.sourcePort);
    cursor.u16(header.destinationPort);
    cursor.u32(header.tag);
    cursor.u32(0);
  }

  /** No chunk was appended since `begin`. */
  get isEmpty(): boolean {
    return this.#cursor.at === PACKET_HEADER_BYTES;
  }

  /** How long the next chunk may be, its header included: a multiple of four, never negative. */
  get remaining(): number {
    return Math.max(0, this.#limit - this.#cursor.at);
  }

  /** @returns false, and nothing is written, when it does not fit. */
  append(chunk: Chunk): boolean {
    if (chunk.type === "data") return this.appendData(chunk, chunk.payload);
    const length = chunkLength(chunk);
    if (length > this.remaining) return false;
    writeChunk(this.#cursor, chunk, length);
    this.#cursor.pad();
    return true;
  }

  /**
   * `append` for user data without a chunk in between.
   * @returns false, and nothing is written, when it does not fit.
   */
  appendData(data: DataFields, payload: Uint8Array): boolean {
    const length = dataChunkBytes(data.isInterleaved, payload.byteLength);
    if (length > this.remaining) return false;
    const cursor = this.#cursor;
    cursor.u8(data.isInterleaved ? CHUNK_TYPE.iData : CHUNK_TYPE.data);
    cursor.u8(flagsOf(data));
    cursor.u16(length);
    cursor.u32(data.tsn);
    cursor.u16(data.streamId);
    if (data.isInterleaved) {
      // RFC 8260 section 2.1: 16 reserved bits, then one field for two purposes.
      cursor.u16(0);
      cursor.u32(data.messageId);
      cursor.u32(data.isFirst ? data.protocolId : data.fragment);
    } else {
      cursor.u16(data.messageId);
      cursor.u32(data.protocolId);
    }
    cursor.put(payload);
    cursor.pad();
    return true;
  }

  /**
   * @param options `zeroChecksum` where RFC 9653 section 5.2 allows it: agreed upon, and neither INIT
   * nor COOKIE ECHO in the packet.
   * @returns the packet: a view that the next `begin` overwrites.
   */
  finish(options: { readonly zeroChecksum: boolean }): Uint8Array {
    const { bytes, view, at } = this.#cursor;
    // RFC 9260 appendix A: the lowest byte first.
    if (!options.zeroChecksum) view.setUint32(CHECKSUM_AT, packetChecksum(view, at), true);
    return bytes.subarray(0, at);
  }
}

/** What a fragment takes of a packet's `remaining`, without padding. */
export function dataChunkBytes(isInterleaved: boolean, payloadBytes: number): number {
  return (isInterleaved ? I_DATA_HEADER_BYTES : DATA_HEADER_BYTES) + payloadBytes;
}

function flagsOf(data: DataFields): number {
  return (
    (data.isLast ? DATA_FLAG.last : 0) |
    (data.isFirst ? DATA_FLAG.first : 0) |
    (data.isUnordered ? DATA_FLAG.unordered : 0) |
    (data.isImmediate ? DATA_FLAG.immediate : 0)
  );
}
