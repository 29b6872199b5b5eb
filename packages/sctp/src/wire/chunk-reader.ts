/**
 * Reads the value of one chunk whose bounds are known to lie inside its packet. What is malformed is
 * undefined; nothing throws and nothing reads past the chunk.
 */

import type {
  Chunk,
  DataChunk,
  ErrorChunk,
  ForwardTsnChunk,
  HeartbeatChunk,
  ReconfigChunk,
  ReconfigParameter,
  SackChunk,
} from "./chunk.ts";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_TYPE,
  DATA_FLAG,
  DATA_HEADER_BYTES,
  I_DATA_HEADER_BYTES,
  PARAMETER_TYPE,
  TAG_REFLECTED_FLAG,
} from "./chunk-type.ts";
import { readInit } from "./init-reader.ts";
import { forEachParameter, type PacketBytes, type Parameter, part } from "./parameters.ts";

const NO_BYTES = new Uint8Array(0);

/** Of SACK, before its lists: RFC 9260 section 3.3.4. */
const SACK_HEADER_BYTES = 16;
/** Of FORWARD TSN and I-FORWARD-TSN, before their lists. */
const FORWARD_TSN_HEADER_BYTES = 8;

/**
 * @param at where the chunk begins; @param end where it ends, without padding.
 * @returns "unknown" for a type that is none of ours.
 */
export function readChunk(
  packet: PacketBytes,
  at: number,
  end: number,
): Chunk | "unknown" | undefined {
  const { view } = packet;
  const flags = view.getUint8(at + 1);
  switch (view.getUint8(at)) {
    case CHUNK_TYPE.data:
      return readData(packet, at, end, flags);
    case CHUNK_TYPE.iData:
      return readInterleavedData(packet, at, end, flags);
    case CHUNK_TYPE.sack:
      return readSack(view, at, end);
    case CHUNK_TYPE.init:
      return readInit(packet, "init", at, end);
    case CHUNK_TYPE.initAck:
      return readInit(packet, "init-ack", at, end);
    case CHUNK_TYPE.heartbeat:
      return readHeartbeat(packet, "heartbeat", at, end);
    case CHUNK_TYPE.heartbeatAck:
      return readHeartbeat(packet, "heartbeat-ack", at, end);
    case CHUNK_TYPE.abort:
      return readError(packet, "abort", at, end, flags);
    case CHUNK_TYPE.error:
      return readError(packet, "error", at, end, 0);
    case CHUNK_TYPE.shutdown:
      if (end - at < 8) return undefined;
      return { type: "shutdown", cumulativeTsn: view.getUint32(at + 4), isTagReflected: false };
    case CHUNK_TYPE.shutdownAck:
      return { type: "shutdown-ack", cumulativeTsn: 0, isTagReflected: false };
    case CHUNK_TYPE.shutdownComplete: {
      const isTagReflected = (flags & TAG_REFLECTED_FLAG) !== 0;
      return { type: "shutdown-complete", cumulativeTsn: 0, isTagReflected };
    }
    case CHUNK_TYPE.cookieEcho:
      return { type: "cookie-echo", cookie: part(packet, at + CHUNK_HEADER_BYTES, end) };
    case CHUNK_TYPE.cookieAck:
      return { type: "cookie-ack", cookie: NO_BYTES };
    case CHUNK_TYPE.forwardTsn:
      return readForwardTsn(view, at, end);
    case CHUNK_TYPE.iForwardTsn:
      return readInterleavedForwardTsn(view, at, end);
    case CHUNK_TYPE.reconfig:
      return readReconfig(packet, at, end);
    case CHUNK_TYPE.pad:
      return { type: "pad", bytes: end - at };
    default:
      return "unknown";
  }
}

/** RFC 9260 section 3.3.1. No user data at all is the association's to refuse (section 6.2). */
function readData(
  packet: PacketBytes,
  at: number,
  end: number,
  flags: number,
): DataChunk | undefined {
  const { view } = packet;
  if (end - at < DATA_HEADER_BYTES) return undefined;
  return {
    type: "data",
    isInterleaved: false,
    tsn: view.getUint32(at + 4),
    streamId: view.getUint16(at + 8),
    messageId: view.getUint16(at + 10),
    fragment: 0,
    protocolId: view.getUint32(at + 12),
    isFirst: (flags & DATA_FLAG.first) !== 0,
    isLast: (flags & DATA_FLAG.last) !== 0,
    isUnordered: (flags & DATA_FLAG.unordered) !== 0,
    isImmediate: (flags & DATA_FLAG.immediate) !== 0,
    payload: part(packet, at + DATA_HEADER_BYTES, end),
  };
}

/** RFC 8260 section 2.1: one field is the protocol in the first fragment, its number in the others. */
function readInterleavedData(
  packet: PacketBytes,
  at: number,
  end: number,
  flags: number,
): DataChunk | undefined {
  const { view } = packet;
  if (end - at < I_DATA_HEADER_BYTES) return undefined;
  const isFirst = (flags & DATA_FLAG.first) !== 0;
  const shared = view.getUint32(at + 16);
  return {
    type: "data",
    isInterleaved: true,
    tsn: view.getUint32(at + 4),
    streamId: view.getUint16(at + 8),
    messageId: view.getUint32(at + 12),
    fragment: isFirst ? 0 : shared,
    protocolId: isFirst ? shared : 0,
    isFirst,
    isLast: (flags & DATA_FLAG.last) !== 0,
    isUnordered: (flags & DATA_FLAG.unordered) !== 0,
    isImmediate: (flags & DATA_FLAG.immediate) !== 0,
    payload: part(packet, at + I_DATA_HEADER_BYTES, end),
  };
}

/**
 * RFC 9260 section 3.3.4. A gap that does not lie after the one before it is left out (werift sorts
 * them as text): whoever walks them may rely on their order, and a gap untold costs little.
 */
function readSack(view: DataView, at: number, end: number): SackChunk | undefined {
  if (end - at < SACK_HEADER_BYTES) return undefined;
  const gapCount = view.getUint16(at + 12);
  const duplicateCount = view.getUint16(at + 14);
  if (end - at < SACK_HEADER_BYTES + 4 * (gapCount + duplicateCount)) return undefined;
  const gaps: { start: number; end: number }[] = [];
  let field = at + SACK_HEADER_BYTES;
  let lastEnd = 0;
  for (let count = gapCount; count > 0; count -= 1, field += 4) {
    const gap = { start: view.getUint16(field), end: view.getUint16(field + 2) };
    if (gap.start <= lastEnd || gap.end < gap.start) continue;
    lastEnd = gap.end;
    gaps.push(gap);
  }
  const duplicates: number[] = [];
  for (let count = duplicateCount; count > 0; count -= 1, field += 4) {
    duplicates.push(view.getUint32(field));
  }
  return {
    type: "sack",
    cumulativeTsn: view.getUint32(at + 4),
    receiveWindowBytes: view.getUint32(at + 8),
    gaps,
    duplicates,
  };
}

/** RFC 9260 sections 3.3.5 and 3.3.6: one parameter, whose value is its sender's own. */
function readHeartbeat(
  packet: PacketBytes,
  type: HeartbeatChunk["type"],
  at: number,
  end: number,
): HeartbeatChunk | undefined {
  let info: Uint8Array | undefined;
  forEachParameter(packet, at + CHUNK_HEADER_BYTES, end, (parameter) => {
    if (parameter.type === PARAMETER_TYPE.heartbeatInfo) {
      info = part(packet, parameter.valueAt, parameter.end);
    }
    return false;
  });
  return info && { type, info };
}

/**
 * RFC 9260 sections 3.3.7 and 3.3.10. Causes end at the first whose length is impossible: an ABORT
 * stays one however its reasons are written.
 */
function readError(
  packet: PacketBytes,
  type: ErrorChunk["type"],
  at: number,
  end: number,
  flags: number,
): ErrorChunk {
  const causes: { code: number; value: Uint8Array }[] = [];
  forEachParameter(packet, at + CHUNK_HEADER_BYTES, end, (cause) => {
    causes.push({ code: cause.type, value: part(packet, cause.valueAt, cause.end) });
    return true;
  });
  return { type, isTagReflected: (flags & TAG_REFLECTED_FLAG) !== 0, causes };
}

/** RFC 3758 section 3.2: pairs of stream and sequence number, ordered messages only. */
function readForwardTsn(view: DataView, at: number, end: number): ForwardTsnChunk | undefined {
  if (end - at < FORWARD_TSN_HEADER_BYTES) return undefined;
  const skipped: ForwardTsnChunk["skipped"][number][] = [];
  for (let field = at + FORWARD_TSN_HEADER_BYTES; field + 4 <= end; field += 4) {
    const streamId = view.getUint16(field);
    skipped.push({ streamId, isUnordered: false, messageId: view.getUint16(field + 2) });
  }
  const cumulativeTsn = view.getUint32(at + 4);
  return { type: "forward-tsn", isInterleaved: false, cumulativeTsn, skipped };
}

/** RFC 8260 section 2.3.1: stream, the U bit as the lowest of 16, and a message identifier. */
function readInterleavedForwardTsn(
  view: DataView,
  at: number,
  end: number,
): ForwardTsnChunk | undefined {
  if (end - at < FORWARD_TSN_HEADER_BYTES) return undefined;
  const skipped: ForwardTsnChunk["skipped"][number][] = [];
  for (let field = at + FORWARD_TSN_HEADER_BYTES; field + 8 <= end; field += 8) {
    skipped.push({
      streamId: view.getUint16(field),
      isUnordered: (view.getUint16(field + 2) & 1) !== 0,
      messageId: view.getUint32(field + 4),
    });
  }
  const cumulativeTsn = view.getUint32(at + 4);
  return { type: "forward-tsn", isInterleaved: true, cumulativeTsn, skipped };
}

/**
 * RFC 6525 section 3.1: one or two parameters. More are ignored, so that one packet cannot ask for
 * thousands of answers.
 */
function readReconfig(packet: PacketBytes, at: number, end: number): ReconfigChunk | undefined {
  const parameters: ReconfigParameter[] = [];
  let isMalformed = false;
  const isWhole = forEachParameter(packet, at + CHUNK_HEADER_BYTES, end, (parameter) => {
    const read = readReconfigParameter(packet.view, parameter);
    if (read === undefined) isMalformed = true;
    else parameters.push(read);
    return !isMalformed && parameters.length < 2;
  });
  if (!isWhole || isMalformed || parameters.length === 0) return undefined;
  return { type: "reconfig", parameters };
}

/** RFC 6525 sections 4.1 to 4.6; every one begins with a sequence number. */
function readReconfigParameter(
  view: DataView,
  { type, valueAt, end }: Parameter,
): ReconfigParameter | undefined {
  const length = end - valueAt;
  if (length < 4) return undefined;
  const request = view.getUint32(valueAt);
  switch (type) {
    case PARAMETER_TYPE.outgoingReset: {
      if (length < 12) return undefined;
      const response = view.getUint32(valueAt + 4);
      const lastTsn = view.getUint32(valueAt + 8);
      const streams = readStreamIds(view, valueAt + 12, end);
      return { kind: "outgoing-reset", request, response, lastTsn, streams };
    }
    case PARAMETER_TYPE.incomingReset:
      return { kind: "incoming-reset", request, streams: readStreamIds(view, valueAt + 4, end) };
    case PARAMETER_TYPE.reconfigResponse:
      if (length < 8) return undefined;
      return { kind: "response", response: request, result: view.getUint32(valueAt + 4) };
    default:
      return { kind: "other", parameterType: type, request };
  }
}

function readStreamIds(view: DataView, from: number, to: number): number[] {
  const streams: number[] = [];
  for (let field = from; field + 2 <= to; field += 2) streams.push(view.getUint16(field));
  return streams;
}
