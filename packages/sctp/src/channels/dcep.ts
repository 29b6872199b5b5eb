/** The Data Channel Establishment Protocol, RFC 8832: how a channel is announced in its own stream. */

import { decodeUtf8 } from "./utf8.ts";

/** Payload protocol identifiers: RFC 8831 section 8, RFC 8832 section 8.1. */
export const PROTOCOL_ID = {
  dcep: 50,
  text: 51,
  binary: 53,
  emptyText: 56,
  emptyBinary: 57,
} as const;

/** RFC 8832 section 8.2.1. */
const MESSAGE_TYPE = { ack: 2, open: 3 } as const;

/** RFC 8832 section 5.1: the reliability in the low bits, unordered as the highest. */
const CHANNEL_TYPE = { reliable: 0, byRetransmissions: 1, byLifetime: 2 } as const;
const UNORDERED = 0x80;

const OPEN_HEADER_BYTES = 12;

/** Lengths of label and protocol have 16 bits: RFC 8832 section 5.1. */
export const MAX_NAME_BYTES = 0xffff;

/** What both ends of a channel agree upon. At most one of the last two is there. */
export interface ChannelTerms {
  readonly isOrdered: boolean;
  readonly maxRetransmissions: number | undefined;
  readonly lifetimeMs: number | undefined;
}

export interface OpenMessage extends ChannelTerms {
  readonly kind: "open";
  readonly priority: number;
  readonly label: string;
  readonly protocol: string;
  /** Of both names, in UTF-8. */
  readonly nameBytes: number;
}

/** @param label, protocol in UTF-8, each at most {@link MAX_NAME_BYTES}. */
export function encodeOpen(
  terms: ChannelTerms & { readonly priority: number },
  label: Uint8Array,
  protocol: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(OPEN_HEADER_BYTES + label.byteLength + protocol.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MESSAGE_TYPE.open);
  view.setUint8(1, reliabilityOf(terms) | (terms.isOrdered ? 0 : UNORDERED));
  view.setUint16(2, terms.priority);
  view.setUint32(4, terms.maxRetransmissions ?? terms.lifetimeMs ?? 0);
  view.setUint16(8, label.byteLength);
  view.setUint16(10, protocol.byteLength);
  bytes.set(label, OPEN_HEADER_BYTES);
  bytes.set(protocol, OPEN_HEADER_BYTES + label.byteLength);
  return bytes;
}

/** RFC 8832 section 5.2. */
export function encodeAck(): Uint8Array {
  return Uint8Array.of(MESSAGE_TYPE.ack);
}

/** @returns undefined for what is malformed or of another type: the channel is then closed. */
export function decodeDcep(bytes: Uint8Array): OpenMessage | { kind: "ack" } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] === MESSAGE_TYPE.ack) return { kind: "ack" };
  if (bytes[0] !== MESSAGE_TYPE.open || bytes.byteLength < OPEN_HEADER_BYTES) return undefined;
  const type = view.getUint8(1);
  const reliability = type & ~UNORDERED;
  if (reliability > CHANNEL_TYPE.byLifetime) return undefined;
  const parameter = view.getUint32(4);
  const labelEnd = OPEN_HEADER_BYTES + view.getUint16(8);
  const protocolEnd = labelEnd + view.getUint16(10);
  if (protocolEnd > bytes.byteLength) return undefined;
  return {
    kind: "open",
    isOrdered: (type & UNORDERED) === 0,
    maxRetransmissions: reliability === CHANNEL_TYPE.byRetransmissions ? parameter : undefined,
    lifetimeMs: reliability === CHANNEL_TYPE.byLifetime ? parameter : undefined,
    priority: view.getUint16(2),
    label: decodeUtf8(bytes.subarray(OPEN_HEADER_BYTES, labelEnd)),
    protocol: decodeUtf8(bytes.subarray(labelEnd, protocolEnd)),
    nameBytes: protocolEnd - OPEN_HEADER_BYTES,
  };
}

function reliabilityOf({ maxRetransmissions, lifetimeMs }: ChannelTerms): number {
  if (maxRetransmissions !== undefined) return CHANNEL_TYPE.byRetransmissions;
  return lifetimeMs === undefined ? CHANNEL_TYPE.reliable : CHANNEL_TYPE.byLifetime;
}
