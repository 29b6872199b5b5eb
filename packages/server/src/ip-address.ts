/** IP addresses as bytes, from the text that Node, URLs and headers carry. Pure. */

import { isIPv4, isIPv6 } from "node:net";

/** 4 or 16 bytes; an IPv4 address mapped into IPv6 counts as what it is. `undefined` for anything else. */
export function ipBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const [address = ""] = text.split("%");
  if (!isIPv6(address)) return undefined;

  const [head = "", tail = ""] = withoutDots(address).split("::");
  const front = groups(head);
  const back = groups(tail);
  const zeros = Array<number>(8 - front.length - back.length).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...front, ...zeros, ...back].entries())
    bytes.writeUInt16BE(group, i * 2);
  return isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/**
 * What counts as one party: an IPv4 address, or the /64 that every IPv6 subscriber gets at least.
 * Whoever hung up before anybody looked has no address; all of them together are one party too.
 */
export function networkOf(text: string | undefined): string {
  if (text === undefined) return "unknown";
  const bytes = ipBytes(text);
  if (bytes === undefined) return text;
  return bytes.length === 4 ? bytes.join(".") : `${bytes.toString("hex", 0, 8)}::/64`;
}

/**
 * The wider networks of a party that {@link networkOf} named: an IPv6 site (/48) and its provider (/32),
 * either of which somebody may have alone, and an IPv4 /24.
 */
export function networksAround(party: string): readonly string[] {
  if (isIPv4(party)) return [`${party.slice(0, party.lastIndexOf("."))}.0/24`];
  const [hex] = /^[0-9a-f]{16}(?=::\/64$)/.exec(party) ?? [];
  return hex === undefined ? [] : [`${hex.slice(0, 12)}::/48`, `${hex.slice(0, 8)}::/32`];
}

/** `::ffff:192.0.2.1` → `::ffff:c000:201` */
function withoutDots(address: string): string {
  return address.replace(/\d+\.\d+\.\d+\.\d+$/, (dotted) => {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** RFC 4291 §2.5.5.2 */
function isMapped(bytes: Buffer): boolean {
  return bytes.readUInt32BE(8) === 0xffff && bytes.subarray(0, 8).every((byte) => byte === 0);
}
