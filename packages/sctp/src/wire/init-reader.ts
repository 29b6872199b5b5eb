/** Reads INIT and INIT ACK with their parameters, RFC 9260 sections 3.3.2 and 3.3.3. */

import type { InitChunk } from "./chunk.ts";
import { PARAMETER_TYPE, unknownParameterRule } from "./chunk-type.ts";
import { forEachParameter, type PacketBytes, type Parameter, part } from "./parameters.ts";

/** Before the parameters. */
const INIT_HEADER_BYTES = 20;

/**
 * Parameters that we understand well enough to do nothing about: addresses (the path is DTLS over
 * ICE), the wish for a longer cookie, supported address types, and the other side's report of ours
 * that it does not know. A host name (11) is the one that section 3.3.2.1 forbids.
 */
const IGNORED = new Set<number>([5, 6, 9, 12, PARAMETER_TYPE.unrecognized]);
const HOST_NAME = 11;

/** The parameters while they are read. */
interface Found {
  cookie: Uint8Array | undefined;
  extensions: number[];
  forwardTsn: boolean;
  zeroChecksumMethod: number | undefined;
  readonly unrecognized: Uint8Array[];
}

/**
 * @returns undefined when it is malformed, has a host name, or its tag is zero, which section 3.3.2
 * says to discard without a word.
 */
export function readInit(
  packet: PacketBytes,
  type: InitChunk["type"],
  at: number,
  end: number,
): InitChunk | undefined {
  const { view } = packet;
  if (end - at < INIT_HEADER_BYTES) return undefined;
  const tag = view.getUint32(at + 4);
  if (tag === 0) return undefined;
  const found: Found = {
    cookie: undefined,
    extensions: [],
    forwardTsn: false,
    zeroChecksumMethod: undefined,
    unrecognized: [],
  };
  let hasHostName = false;
  const isWhole = forEachParameter(packet, at + INIT_HEADER_BYTES, end, (parameter) => {
    hasHostName ||= parameter.type === HOST_NAME;
    return !hasHostName && take(packet, parameter, found);
  });
  if (!isWhole || hasHostName) return undefined;
  return {
    type,
    tag,
    receiveWindowBytes: view.getUint32(at + 8),
    outboundStreams: view.getUint16(at + 12),
    inboundStreams: view.getUint16(at + 14),
    initialTsn: view.getUint32(at + 16),
    ...found,
  };
}

/** @returns whether the parameters after this one count. */
function take(packet: PacketBytes, parameter: Parameter, found: Found): boolean {
  const { type, at, valueAt, end } = parameter;
  switch (type) {
    case PARAMETER_TYPE.stateCookie:
      found.cookie = part(packet, valueAt, end);
      return true;
    case PARAMETER_TYPE.supportedExtensions:
      found.extensions = [...part(packet, valueAt, end)];
      return true;
    case PARAMETER_TYPE.forwardTsnSupported:
      found.forwardTsn = true;
      return true;
    case PARAMETER_TYPE.zeroChecksum:
      if (end - valueAt >= 4) found.zeroChecksumMethod = packet.view.getUint32(valueAt);
      return true;
    default:
      return IGNORED.has(type) || takeUnknown(packet, type, at, end, found);
  }
}

/** RFC 9260 section 3.2.1: the two highest bits of the type say whether to go on and to report. */
function takeUnknown(
  packet: PacketBytes,
  type: number,
  at: number,
  end: number,
  found: Found,
): boolean {
  const { mayGoOn, mustReport } = unknownParameterRule(type);
  if (mustReport) found.unrecognized.push(part(packet, at, end));
  return mayGoOn;
}
