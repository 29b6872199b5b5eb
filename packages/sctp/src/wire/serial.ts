/**
 * Arithmetic on sequence numbers that wrap (RFC 1982; RFC 9260 section 2.6): TSNs and message
 * identifiers are 32 bit, stream sequence numbers 16 bit. Numbers taken and returned are whole, in
 * [0, 2^32) or [0, 2^16). RFC 1982 leaves two that lie half the circle apart without order; here
 * neither is after the other, and their distance is the negative half.
 */

/** How far `to` lies after `from`: in [-2^31, 2^31), negative when before. */
export function tsnDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** `tsn` moved by `count`, which may be negative. */
export function tsnPlus(tsn: number, count: number): number {
  return (tsn + count) >>> 0;
}

export function isTsnAfter(tsn: number, other: number): boolean {
  return ((tsn - other) | 0) > 0;
}

export function isTsnAtOrAfter(tsn: number, other: number): boolean {
  return ((tsn - other) | 0) >= 0;
}

/** How far `to` lies after `from` on the 16-bit circle: in [-2^15, 2^15). */
export function ssnDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** `ssn` moved by `count`, which may be negative. */
export function ssnPlus(ssn: number, count: number): number {
  return (ssn + count) & 0xffff;
}

export function isSsnAfter(ssn: number, other: number): boolean {
  return ((ssn - other) << 16) >> 16 > 0;
}
