/**
 * Reads a packet whole or not at all: what is malformed anywhere is dropped with a reason and nothing
 * of it counts. It never throws, reads each byte a bounded number of times and keeps views only.
 */

import type { Chunk, PacketHeader } from "./chunk.ts";
import { readChunk } from "./chunk-reader.ts";
import { CHUNK_HEADER_BYTES, PACKET_HEADER_BYTES, padded, unknownChunkRule } from "./chunk-type.ts";
import { packetChecksum } from "./crc32c.ts";
import { type PacketBytes, part } from "./parameters.ts";

export type DropReason =
  /** Less than a header and a chunk, or more than any datagram. */
  | "length"
  /** Neither the CRC32c nor, where agreed, zero (RFC 9260 section 6.8, RFC 9653 section 5.3). */
  | "checksum"
  /** Ports and tags that RFC 9260 sections 3.1 and 8.5.1 rule out whatever the association. */
  | "header"
  /** A chunk's length is impossible, or leaves bytes that are no chunk. */
  | "chunk-length"
  /** A chunk's value contradicts itself or its length. */
  | "chunk-value"
  /** INIT, INIT ACK or SHUTDOWN COMPLETE with company, RFC 9260 section 6.10. */
  | "bundled";

export type PacketReading =
  | { readonly kind: "packet"; readonly header: PacketHeader; readonly chunks: readonly Chunk[] }
  | { readonly kind: "dropped"; readonly reason: DropReason };

/** No datagram is longer: chunk counts stay below 2^14. */
const MAX_PACKET_BYTES = 0xffff;

/**
 * @param bytes one SCTP packet; payloads of the chunks are views into it.
 * @param options `acceptsZeroChecksum` once this side announced RFC 9653's parameter.
 * @returns Chunks in order. Unknown ones that ask for no report are left out, and nothing follows one
 * that asks to stop (RFC 9260 section 3.2).
 */
export function readPacket(
  bytes: Uint8Array,
  options: { readonly acceptsZeroChecksum: boolean },
): PacketReading {
  const length = bytes.byteLength;
  if (length < PACKET_HEADER_BYTES + CHUNK_HEADER_BYTES || length > MAX_PACKET_BYTES) {
    return dropped("length");
  }
  const packet = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, length) };
  if (!isIntact(packet.view, options.acceptsZeroChecksum)) return dropped("checksum");
  const header = {
    sourcePort: packet.view.getUint16(0),
    destinationPort: packet.view.getUint16(2),
    tag: packet.view.getUint32(4),
  };
  // RFC 9260 section 3.1: port 0 must not be used.
  if (header.sourcePort === 0 || header.destinationPort === 0) return dropped("header");
  const chunks = readChunks(packet);
  if (typeof chunks === "string") return dropped(chunks);
  // RFC 9260 section 8.5.1, rule A: INIT and nothing else has tag 0.
  if ((chunks[0]?.type === "init") !== (header.tag === 0)) return dropped("header");
  return { kind: "packet", header, chunks };
}

/** RFC 9653 section 5.3: zero passes for correct, but never for a packet that holds an INIT. */
function isIntact(view: DataView, acceptsZeroChecksum: boolean): boolean {
  const checksum = view.getUint32(8, true);
  if (checksum === 0 && acceptsZeroChecksum && view.getUint32(4) !== 0) return true;
  return packetChecksum(view, view.byteLength) === checksum;
}

function readChunks(packet: PacketBytes): Chunk[] | DropReason {
  const { view } = packet;
  const chunks: Chunk[] = [];
  let isAlone = false;
  let at = PACKET_HEADER_BYTES;
  while (at < view.byteLength) {
    // RFC 9260 section 6.10.
    if (isAlone) return "bundled";
    if (view.byteLength - at < CHUNK_HEADER_BYTES) return "chunk-length";
    const length = view.getUint16(at + 2);
    const end = at + length;
    if (length < CHUNK_HEADER_BYTES || end > view.byteLength) return "chunk-length";
    const chunk = readChunk(packet, at, end);
    if (chunk === undefined) return "chunk-value";
    if (chunk === "unknown") {
      const code = view.getUint8(at);
      const { mayGoOn, mustReport } = unknownChunkRule(code);
      if (mustReport) chunks.push({ type: "unknown", code, whole: part(packet, at, end) });
      if (!mayGoOn) return chunks;
    } else {
      isAlone = travelsAlone(chunk);
      if (isAlone && at > PACKET_HEADER_BYTES) return "bundled";
      chunks.push(chunk);
    }
    // The last chunk's padding may be missing: only the sender must pad (RFC 9260 section 3.2).
    at += padded(length);
  }
  return chunks;
}

function travelsAlone({ type }: Chunk): boolean {
  return type === "init" || type === "init-ack" || type === "shutdown-complete";
}

function dropped(reason: DropReason): PacketReading {
  return { kind: "dropped", reason };
}
