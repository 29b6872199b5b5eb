/**
 * Walks the parameters and error causes of a chunk: type, length and value, padded to multiples of
 * four (RFC 9260 sections 3.2.1 and 3.3.10).
 */

import { PARAMETER_HEADER_BYTES, padded } from "./chunk-type.ts";

/** The bytes of a packet, two ways to look at them. */
export interface PacketBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A view of our own into the packet: `subarray` of a Node Buffer would cost more and give a Buffer. */
export function part({ bytes }: PacketBytes, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}

/** One parameter: its value is [valueAt, end), all of it [at, end). */
export interface Parameter {
  readonly type: number;
  readonly at: number;
  readonly valueAt: number;
  readonly end: number;
}

/**
 * Gives each parameter of [from, to) to `read`, until it returns false.
 * Fewer bytes than a parameter's header at the end are padding that the chunk's length counts, which
 * RFC 9260 section 3.2 lets pass.
 * @returns whether every length was possible.
 */
export function forEachParameter(
  packet: PacketBytes,
  from: number,
  to: number,
  read: (parameter: Parameter) => boolean,
): boolean {
  let at = from;
  while (to - at >= PARAMETER_HEADER_BYTES) {
    const length = packet.view.getUint16(at + 2);
    const end = at + length;
    if (length < PARAMETER_HEADER_BYTES || end > to) return false;
    const type = packet.view.getUint16(at);
    if (!read({ type, at, valueAt: at + PARAMETER_HEADER_BYTES, end })) return true;
    at += padded(length);
  }
  return true;
}
