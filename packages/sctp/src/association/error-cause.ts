/** Causes of ERROR and ABORT: RFC 9260 section 3.3.10. */

import type { ErrorChunk } from "../wire/chunk.ts";

export const CAUSE = {
  invalidStream: 1,
  missingParameter: 2,
  staleCookie: 3,
  unrecognizedChunk: 6,
  noUserData: 9,
  userAbort: 12,
  protocolViolation: 13,
} as const;

/** Undefined when the value is too long to be sent. The value is copied: packets are lent. */
export function errorChunk(
  code: number,
  value: Uint8Array,
  mostBytes: number,
): ErrorChunk | undefined {
  if (value.byteLength > mostBytes) return undefined;
  return { type: "error", isTagReflected: false, causes: [{ code, value: value.slice() }] };
}

/** @param text ASCII; it helps who reads a capture. */
export function abortChunk(code: number, text: string): ErrorChunk {
  const value = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return { type: "abort", isTagReflected: false, causes: [{ code, value }] };
}
