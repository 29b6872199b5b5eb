/**
 * SHA-256 of a picture: by the platform where it has `crypto.subtle` (https, localhost, Node), in
 * JavaScript where it has not (a page on a plain-http LAN address).
 */

import { sha256 } from "@noble/hashes/sha2.js";

/** @returns 64 lower-case hex digits. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  const digest =
    subtle === undefined
      ? sha256(bytes)
      : new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
