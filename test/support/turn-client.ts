/**
 * As much of a TURN client (RFC 8656) as it takes to ask which peers a server lets one reach.
 * Messages are written by hand, so that nothing between the test and the server refuses for it.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { IceServer } from "@beeline/protocol";

const COOKIE = 0x2112_a442;
const ALLOCATE = 0x0003;
const CREATE_PERMISSION = 0x0008;
const USERNAME = 0x0006;
const INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const XOR_PEER_ADDRESS = 0x0012;
const REALM = 0x0014;
const NONCE = 0x0015;
const FAMILY = 0x0017;
const TRANSPORT = 0x0019;
/** As TURN writes them. */
const FAMILIES = { 4: 1, 6: 2 } as const;
const UDP = Buffer.from([17, 0, 0, 0]);

type Attributes = ReadonlyMap<number, Buffer>;

export class TurnClient {
  readonly #socket: Socket = createSocket("udp4");
  readonly #port: number;
  readonly #username: string;
  readonly #password: string;
  #realm = "";
  #nonce: Buffer = Buffer.alloc(0);

  constructor(port: number, { username = "", credential = "" }: IceServer) {
    this.#port = port;
    this.#username = username;
    this.#password = credential;
  }

  /** @param ip version of the relayed address. @returns the error's code, or 0. */
  async allocate(ip: 4 | 6 = 4): Promise<number> {
    const family: [number, Buffer][] = [[FAMILY, Buffer.from([FAMILIES[ip], 0, 0, 0])]];
    const challenge = await this.#ask(ALLOCATE, [[TRANSPORT, UDP], ...family], false);
    this.#realm = challenge.get(REALM)?.toString() ?? "";
    this.#nonce = challenge.get(NONCE) ?? this.#nonce;
    return codeOf(await this.#ask(ALLOCATE, [[TRANSPORT, UDP], ...family], true));
  }

  /** Asks to exchange packets with `address`. @returns the error's code, or 0. */
  async permit(address: string): Promise<number> {
    const transaction = randomBytes(12);
    const peer = xored(address, transaction);
    return codeOf(
      await this.#ask(CREATE_PERMISSION, [[XOR_PEER_ADDRESS, peer]], true, transaction),
    );
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(
    method: number,
    attributes: readonly [number, Buffer][],
    isSigned: boolean,
    transaction: Buffer = randomBytes(12),
  ): Promise<Attributes> {
    const signed: [number, Buffer][] = isSigned
      ? [
          [USERNAME, Buffer.from(this.#username)],
          [REALM, Buffer.from(this.#realm)],
          [NONCE, this.#nonce],
        ]
      : [];
    const body = Buffer.concat([...attributes, ...signed].map(([type, value]) => tlv(type, value)));
    const head = Buffer.alloc(20);
    head.writeUInt16BE(method, 0);
    head.writeUInt32BE(COOKIE, 4);
    transaction.copy(head, 8);
    head.writeUInt16BE(body.length + (isSigned ? 24 : 0), 2);
    const unsigned = Buffer.concat([head, body]);
    const credentials = `${this.#username}:${this.#realm}:${this.#password}`;
    const key = createHash("md5").update(credentials).digest();
    const mac = createHmac("sha1", key).update(unsigned).digest();
    const message = isSigned ? Buffer.concat([unsigned, tlv(INTEGRITY, mac)]) : unsigned;
    const answer = once(this.#socket, "message");
    this.#socket.send(message, this.#port, "127.0.0.1");
    const [bytes] = (await answer) as [Buffer];
    return read(bytes);
  }
}

function tlv(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

/** An address as an attribute: against the cookie, and for IPv6 the transaction too. */
function xored(address: string, transaction: Buffer): Buffer {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(COOKIE, 0);
  transaction.copy(mask, 4);
  const bytes = isIPv6(address) ? ipv6Bytes(address) : address.split(".").map(Number);
  const head = Buffer.from([0, FAMILIES[isIPv6(address) ? 6 : 4], 0, 0]);
  head.writeUInt16BE(9 ^ (COOKIE >>> 16), 2);
  return Buffer.concat([head, Buffer.from(bytes.map((byte, i) => byte ^ (mask[i] ?? 0)))]);
}

function ipv6Bytes(address: string): number[] {
  // The URL parser writes a dotted end as two groups.
  const [left = "", right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string | undefined) => (text ? text.split(":") : []);
  const [before, after] = [groups(left), groups(right)];
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function read(bytes: Buffer): Attributes {
  const attributes = new Map<number, Buffer>();
  for (let at = 20; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return attributes;
}

function codeOf(attributes: Attributes): number {
  const error = attributes.get(ERROR_CODE);
  return error === undefined ? 0 : error.readUInt8(2) * 100 + error.readUInt8(3);
}
