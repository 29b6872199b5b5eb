/**
 * Randomness and ids that also work on a plain-http page, where `crypto.randomUUID` does not exist.
 * `crypto.getRandomValues` exists everywhere.
 */

import { uuidFromBytes } from "@beeline/protocol";

export function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

export function randomUuid(): string {
  return uuidFromBytes(crypto.getRandomValues(new Uint8Array(16)));
}
