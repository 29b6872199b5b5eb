/**
 * The server's one secret, and what is made of it.
 *
 *     secret ──HKDF──▶ "link key digest"   look-ups without the key itself
 *            ──HKDF──▶ "link key seal"     link keys at rest, AES-256-GCM
 *            ──HKDF──▶ "user cookie"       signatures of the anonymous user's cookie
 *            ──HKDF──▶ "heir"              what somebody is known by (see heirs.ts)
 *
 * Look-ups go by a keyed SHA-256 digest: comparing digests leaks nothing by its timing, and a copied
 * database alone cannot be searched for the 16.7 million short keys. Nothing here logs or prints.
 */

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  LASTING_KEY_LENGTH,
  type LinkKey,
  parseLinkKey,
  SHORT_KEY_LENGTH,
} from "@beeline/protocol";

const SECRET_BYTES = 32;
/** What NIST SP 800-38D recommends for GCM; random nonces are safe for 2³² keys, far beyond any server. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Keyring {
  /** Tells one secret from another without giving it away; a database remembers whose it is. */
  readonly fingerprint: string;
  /** Signs the cookies of anonymous users. */
  readonly cookieSecret: string;
  digest(key: LinkKey): Buffer;
  /** A digest by which `text` is known again, in hexadecimal. */
  mark(text: string): string;
  seal(key: LinkKey): Buffer;
  /** @throws if the bytes were sealed under another secret or changed since. */
  open(sealed: Uint8Array): LinkKey;
}

/** Reads the secret of `dataDir`, drawing it on the first start. @throws if the file was damaged. */
export function loadSecret(dataDir: string): Buffer {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "server-secret");
  try {
    writeFileSync(path, randomBytes(SECRET_BYTES).toString("hex"), { mode: 0o600, flag: "wx" });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
  }
  const secret = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
  if (secret.byteLength !== SECRET_BYTES) {
    throw new Error(
      `${path} does not hold ${SECRET_BYTES} bytes in hexadecimal; restore it from a backup`,
    );
  }
  return secret;
}

export function createKeyring(secret: Uint8Array): Keyring {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", secret, "", `beeline ${purpose}`, 32));
  const digestKey = derive("link key digest");
  const sealKey = derive("link key seal");
  const heirKey = derive("heir");

  return {
    fingerprint: derive("fingerprint").toString("hex"),
    cookieSecret: derive("user cookie").toString("hex"),

    digest: (key) => createHmac("sha256", digestKey).update(key).digest(),

    mark: (text) => createHmac("sha256", heirKey).update(text).digest("hex"),

    seal(key) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", sealKey, nonce);
      const sealed = Buffer.concat([cipher.update(key, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
    },

    open(sealed) {
      const textAt = NONCE_BYTES + TAG_BYTES;
      const decipher = createDecipheriv("aes-256-gcm", sealKey, sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(sealed.subarray(NONCE_BYTES, textAt));
      const text = Buffer.concat([decipher.update(sealed.subarray(textAt)), decipher.final()]);
      return parseLinkKey(text.toString("utf8"));
    },
  };
}

/** A key for pairing by hand: 6 hexadecimal digits. */
export function drawShortKey(): LinkKey {
  return parseLinkKey(randomBytes(SHORT_KEY_LENGTH / 2).toString("hex"));
}

/** The key that replaces it: 128 hexadecimal digits, 512 bits. */
export function drawLastingKey(): LinkKey {
  return parseLinkKey(randomBytes(LASTING_KEY_LENGTH / 2).toString("hex"));
}
