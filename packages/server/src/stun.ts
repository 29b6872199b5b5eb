/**
 * A STUN server that does one thing (RFC 8489): tells a peer the address it is seen from.
 *
 *     0                   2                   4                   8                  20
 *     ┌───────────────────┬───────────────────┬───────────────────┬───────────────────┬────────────
 *     │ type              │ length after 20   │ magic cookie      │ transaction id    │ attributes
 *     └───────────────────┴───────────────────┴───────────────────┴───────────────────┴────────────
 *
 * Peers find their way around NATs without a third party this way. An answer has 32 or 40 bytes for
 * a request of at least 20, so a forged sender address gains an attacker nothing worth having.
 *
 * `answerStun` is pure; whatever is not a well-formed binding request gets no answer. No
 * authentication, no long-term credentials, no relay: that is TURN.
 */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { crc32 } from "node:zlib";
import { ipBytes } from "./ip-address.ts";

const HEADER_BYTES = 20;
/** RFC 8489 §6.1: requests stay below the path MTU; without knowing it, 548 bytes for IPv4. */
const MAX_REQUEST_BYTES = 548;
const MAGIC_COOKIE = 0x2112_a442;

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;

const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED_ADDRESS = 0x0020;
const FINGERPRINT = 0x8028;
/** RFC 8489 §14.7: "STUN" in ASCII, so that other checksums do not match by accident. */
const FINGERPRINT_XOR = 0x5354_554e;

/** RFC 8489 §14: attributes below must be understood by whoever answers; others may be skipped. */
const FIRST_OPTIONAL_ATTRIBUTE = 0x8000;

export interface StunSource {
  readonly address: string;
  readonly port: number;
}

/** @returns the datagram to send back, or `undefined` for everything that deserves no answer. */
export function answerStun(request: Uint8Array, from: StunSource): Buffer | undefined {
  // UDP lets anybody claim to come from port 0, and nothing can be sent there.
  if (from.port === 0) return undefined;
  const bytes = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_REQUEST_BYTES) return undefined;
  if (bytes.readUInt16BE(0) !== BINDING_REQUEST || bytes.readUInt32BE(4) !== MAGIC_COOKIE)
    return undefined;
  if (bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES) return undefined;

  const attributes = readAttributes(bytes);
  if (attributes === undefined) return undefined;
  const fingerprint = attributes.find(({ type }) => type === FINGERPRINT);
  if (fingerprint !== undefined && !fingerprintHolds(bytes, fingerprint)) return undefined;
  const address = ipBytes(from.address);
  if (address === undefined) return undefined;

  const unknown = attributes
    .map(({ type }) => type)
    .filter((type) => type < FIRST_OPTIONAL_ATTRIBUTE);
  const transaction = bytes.subarray(4, HEADER_BYTES);
  const reply =
    unknown.length === 0
      ? message(BINDING_SUCCESS, transaction, [xorMappedAddress(address, from.port, transaction)])
      : message(BINDING_ERROR, transaction, refusal(unknown));
  return fingerprint === undefined ? reply : withFingerprint(reply);
}

export interface StunServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers on `port` of `host`; if that is taken, on a free one. @throws if neither can be bound. */
export async function listenStun(host: string, port: number): Promise<StunServer> {
  const socket = await bind(host, port).catch((thrown: NodeJS.ErrnoException) => {
    if (port === 0 || thrown.code !== "EADDRINUSE") throw thrown;
    return bind(host, 0);
  });
  socket.on("message", (bytes, from) => {
    // A lost answer is the asker's to repeat, and an unreachable asker no concern of ours. `send`
    // throws at once for what is no address, and nobody else would catch that.
    try {
      const answer = answerStun(bytes, from);
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
    } catch {}
  });
  socket.on("error", () => {});
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** An IPv6 socket on `::` hears IPv4 too, from addresses like `::ffff:192.0.2.1`. */
async function bind(host: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  const listening = once(socket, "listening");
  socket.bind(port, host);
  await listening;
  return socket;
}

interface Attribute {
  readonly type: number;
  readonly at: number;
  readonly length: number;
}

function readAttributes(bytes: Buffer): readonly Attribute[] | undefined {
  const attributes: Attribute[] = [];
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined;
    const length = bytes.readUInt16BE(at + 2);
    const end = at + 4 + Math.ceil(length / 4) * 4;
    if (end > bytes.length) return undefined;
    attributes.push({ type: bytes.readUInt16BE(at), at, length });
    at = end;
  }
  return attributes;
}

function fingerprintHolds(bytes: Buffer, { at, length }: Attribute): boolean {
  if (length !== 4 || at + 8 !== bytes.length) return false;
  return bytes.readUInt32BE(at + 4) === fingerprintOf(bytes.subarray(0, at));
}

function fingerprintOf(bytes: Buffer): number {
  return (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;
}

/** RFC 8489 §14.2: port and address XORed with the cookie and the transaction id, against NATs that rewrite. */
function xorMappedAddress(address: Buffer, port: number, transaction: Buffer): Buffer {
  const value = Buffer.alloc(4 + address.length);
  value.writeUInt8(address.length === 4 ? 1 : 2, 1);
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  for (const [i, byte] of address.entries()) value.writeUInt8(byte ^ (transaction[i] ?? 0), 4 + i);
  return attribute(XOR_MAPPED_ADDRESS, value);
}

/** RFC 8489 §6.3.1: 420, and which attributes we do not know. */
function refusal(unknown: readonly number[]): readonly Buffer[] {
  const reason = Buffer.from("\0\0\x04\x14Unknown Attribute", "latin1");
  const types = Buffer.alloc(unknown.length * 2);
  for (const [i, type] of unknown.entries()) types.writeUInt16BE(type, i * 2);
  return [attribute(ERROR_CODE, reason), attribute(UNKNOWN_ATTRIBUTES, types)];
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function message(type: number, transaction: Buffer, attributes: readonly Buffer[]): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, transaction, body]);
}

/** The checksum covers a length that already counts the fingerprint itself. */
function withFingerprint(reply: Buffer): Buffer {
  reply.writeUInt16BE(reply.length - HEADER_BYTES + 8, 2);
  const value = Buffer.alloc(4);
  value.writeUInt32BE(fingerprintOf(reply));
  return Buffer.concat([reply, attribute(FINGERPRINT, value)]);
}
