/**
 * The names of things: link keys, peers, commands.
 *
 * A link key is a secret and the name of its room. Short keys (6 hex digits) are typed or pasted
 * once, for pairing; the server replaces them by lasting ones (128 hex digits). Shipped clients
 * tell the two apart by length alone, so both lengths are part of the protocol.
 */

import { z } from "zod";
import { BeelineError } from "./errors.ts";

export const SHORT_KEY_LENGTH = 6;
export const LASTING_KEY_LENGTH = 128;

const SHORT_KEY = /^[0-9a-f]{6}$/;
const LASTING_KEY = /^[0-9a-f]{128}$/;

export type LinkKey = string & { readonly __brand: "LinkKey" };

/**
 * Trims and lower-cases what a person pasted.
 * @throws {BeelineError} `LINK_KEY_MALFORMED`; the key itself is never in the message.
 */
export function parseLinkKey(text: string): LinkKey {
  const key = text.trim().toLowerCase();
  if (SHORT_KEY.test(key) || LASTING_KEY.test(key)) return key as LinkKey;
  throw new BeelineError(
    "LINK_KEY_MALFORMED",
    `a link key has 6 or 128 hexadecimal digits; this has ${key.length} characters`,
  );
}

export function isShortKey(key: string): boolean {
  return SHORT_KEY.test(key);
}

/** `room` on the wire names a peer by this: chosen by the server, valid while its socket lives. */
export const PeerId = z.string().min(1).max(64);
export type PeerId = z.infer<typeof PeerId>;

export const Sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, "a SHA-256 has 64 hexadecimal digits")
  .toLowerCase();

/** A version 4 (or any) UUID made from 16 random bytes; the caller supplies the randomness. */
export function uuidFromBytes(random: Uint8Array): string {
  const bytes = random.slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
