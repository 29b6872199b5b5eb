/**
 * That the other side of a DTLS handshake has the private key of its certificate, that the
 * certificate is the one its SDP named, and that nobody changed what was said: RFC 8122 section 6.2,
 * RFC 8422 section 5, RFC 5246 sections 7.4.8 and 7.4.9.
 *
 * werift 0.24.4 compares the fingerprint only. Without the rest whoever can answer for the address
 * can show a certificate that is not his: certificates are public.
 */

import { createHash, createHmac, verify, X509Certificate } from "node:crypto";
import {
  HANDSHAKE,
  type HandshakeMessage,
  type HandshakeTranscript,
} from "./handshake-messages.ts";
import type { Fingerprint } from "./session-description.ts";

type Side = "client" | "server";

/** RFC 8122 section 5, as Node names them; SHA-1 and MD5 are no proof any more. */
const HASHES: Readonly<Record<string, string>> = {
  "sha-256": "sha256",
  "sha-384": "sha384",
  "sha-512": "sha512",
};
/** RFC 8446 section 4.2.3 by number: the signatures that werift asks for, and what browsers add. */
const SIGNATURE_HASHES: Readonly<Record<number, string>> = {
  1025: "sha256",
  1027: "sha256",
  1281: "sha384",
  1283: "sha384",
  1537: "sha512",
  1539: "sha512",
};
const RANDOM_AT = 2;
const RANDOM_BYTES = 32;
const VERIFY_DATA_BYTES = 12;

/** The first of a Certificate message's certificates, DER. */
export function certificateOf(message: HandshakeMessage | undefined): Buffer | undefined {
  const body = message?.body;
  if (body === undefined || body.length < 6) return undefined;
  const bytes = body.readUIntBE(3, 3);
  return bytes === 0 || 6 + bytes > body.length ? undefined : body.subarray(6, 6 + bytes);
}

/** RFC 8122 section 5: of several kinds of fingerprint the strongest decides. */
export function isNamed(certificate: Buffer, fingerprints: readonly Fingerprint[]): boolean {
  for (const algorithm of ["sha-512", "sha-384", "sha-256"]) {
    const named = fingerprints.filter((fingerprint) => fingerprint.algorithm === algorithm);
    if (named.length === 0) continue;
    const value = fingerprintOf(certificate, algorithm);
    return named.some((fingerprint) => fingerprint.value === value);
  }
  return false;
}

export function fingerprintOf(certificate: Uint8Array, algorithm: string): string {
  const digits = createHash(HASHES[algorithm] ?? "sha256")
    .update(certificate)
    .digest("hex");
  return (digits.toUpperCase().match(/../g) ?? []).join(":");
}

/** The server's: its key exchange is signed together with both randoms. */
export function isKeyExchangeSigned(transcript: HandshakeTranscript): boolean {
  const certificate = certificateOf(transcript.find("server", HANDSHAKE.certificate));
  const exchange = transcript.find("server", HANDSHAKE.serverKeyExchange)?.body;
  const clientHello = transcript.find("client", HANDSHAKE.clientHello)?.body;
  const serverHello = transcript.find("server", HANDSHAKE.serverHello)?.body;
  if (!certificate || !exchange || !clientHello || !serverHello || exchange.length < 4)
    return false;
  const parameterBytes = 4 + (exchange[3] as number);
  const random = (hello: Buffer): Buffer => hello.subarray(RANDOM_AT, RANDOM_AT + RANDOM_BYTES);
  const signed = Buffer.concat([
    random(clientHello),
    random(serverHello),
    exchange.subarray(0, parameterBytes),
  ]);
  return isSigned(certificate, signed, exchange.subarray(parameterBytes));
}

/** The client's: it signs all that was said before. */
export function isTranscriptSigned(transcript: HandshakeTranscript): boolean {
  const certificate = certificateOf(transcript.find("client", HANDSHAKE.certificate));
  const message = transcript.find("client", HANDSHAKE.certificateVerify);
  if (certificate === undefined || message === undefined) return false;
  const signed = transcript.before("client", HANDSHAKE.certificateVerify);
  return isSigned(certificate, signed, message.body);
}

/** What the Finished message of this side must hold. */
export function verifyData(
  transcript: HandshakeTranscript,
  side: Side,
  masterSecret: Uint8Array,
): Buffer {
  const hash = createHash("sha256").update(transcript.before(side, HANDSHAKE.finished)).digest();
  return expand(masterSecret, Buffer.concat([Buffer.from(`${side} finished`), hash]));
}

/** @param field algorithm, length, signature (RFC 5246 section 4.7). */
function isSigned(certificate: Buffer, data: Buffer, field: Buffer): boolean {
  if (field.length < 4) return false;
  const hash = SIGNATURE_HASHES[field.readUInt16BE(0)];
  const bytes = field.readUInt16BE(2);
  if (hash === undefined || 4 + bytes > field.length) return false;
  try {
    const key = new X509Certificate(certificate).publicKey;
    return verify(hash, data, key, field.subarray(4, 4 + bytes));
  } catch {
    return false;
  }
}

/** P_SHA256, RFC 5246 section 5, as far as verify_data reaches. */
function expand(secret: Uint8Array, seed: Buffer): Buffer {
  const hmac = (data: Buffer): Buffer => createHmac("sha256", secret).update(data).digest();
  return hmac(Buffer.concat([hmac(seed), seed])).subarray(0, VERIFY_DATA_BYTES);
}
