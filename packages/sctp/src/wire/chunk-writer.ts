/** Writes one chunk other than user data as it stands on the wire; the packet pads it and checks the room. */

import type { ByteCursor } from "./byte-cursor.ts";
import type { Chunk, DataChunk, ForwardTsnChunk, InitChunk, ReconfigParameter } from "./chunk.ts";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_TYPE,
  PARAMETER_HEADER_BYTES,
  PARAMETER_TYPE,
  padded,
  TAG_REFLECTED_FLAG,
} from "./chunk-type.ts";

/** Every chunk but DATA and I-DATA, which have a way of their own. */
export type ControlChunk = Exclude<Chunk, DataChunk>;

/** Bytes of the chunk, its header included and the last padding not. */
export function chunkLength(chunk: ControlChunk): number {
  switch (chunk.type) {
    case "init":
    case "init-ack":
      return initLength(chunk);
    case "sack":
      return 16 + 4 * (chunk.gaps.length + chunk.duplicates.length);
    case "heartbeat":
    case "heartbeat-ack":
      return CHUNK_HEADER_BYTES + PARAMETER_HEADER_BYTES + chunk.info.byteLength;
    case "abort":
    case "error":
      return CHUNK_HEADER_BYTES + parametersLength(chunk.causes);
    case "shutdown":
      return 8;
    case "cookie-echo":
      return CHUNK_HEADER_BYTES + chunk.cookie.byteLength;
    case "forward-tsn":
      return 8 + (chunk.isInterleaved ? 8 : 4) * chunk.skipped.length;
    case "reconfig":
      return CHUNK_HEADER_BYTES + parametersLength(chunk.parameters.map(reconfigValue));
    case "pad":
      return Math.max(CHUNK_HEADER_BYTES, chunk.bytes);
    case "unknown":
      return chunk.whole.byteLength;
    default:
      return CHUNK_HEADER_BYTES;
  }
}

/** @param length as {@link chunkLength} says. */
export function writeChunk(cursor: ByteCursor, chunk: ControlChunk, length: number): void {
  if (chunk.type === "unknown") return cursor.put(chunk.whole);
  cursor.u8(typeOf(chunk));
  cursor.u8("isTagReflected" in chunk && chunk.isTagReflected ? TAG_REFLECTED_FLAG : 0);
  cursor.u16(length);
  switch (chunk.type) {
    case "init":
    case "init-ack":
      return writeInit(cursor, chunk);
    case "sack":
      cursor.u32(chunk.cumulativeTsn);
      cursor.u32(chunk.receiveWindowBytes);
      cursor.u16(chunk.gaps.length);
      cursor.u16(chunk.duplicates.length);
      for (const { start, end } of chunk.gaps) {
        cursor.u16(start);
        cursor.u16(end);
      }
      for (const tsn of chunk.duplicates) cursor.u32(tsn);
      return;
    case "heartbeat":
    case "heartbeat-ack":
      return writeParameter(cursor, PARAMETER_TYPE.heartbeatInfo, chunk.info);
    case "abort":
    case "error":
      return writeParameters(cursor, chunk.causes);
    case "shutdown":
      return cursor.u32(chunk.cumulativeTsn);
    case "cookie-echo":
      return cursor.put(chunk.cookie);
    case "forward-tsn":
      return writeForwardTsn(cursor, chunk);
    case "reconfig":
      return writeParameters(cursor, chunk.parameters.map(reconfigValue));
    case "pad":
      // RFC 4820 section 3: the value is zeros.
      cursor.bytes.fill(0, cursor.at, cursor.at + length - CHUNK_HEADER_BYTES);
      cursor.at += length - CHUNK_HEADER_BYTES;
  }
}

function typeOf(chunk: Exclude<ControlChunk, { type: "unknown" }>): number {
  switch (chunk.type) {
    case "init":
      return CHUNK_TYPE.init;
    case "init-ack":
      return CHUNK_TYPE.initAck;
    case "sack":
      return CHUNK_TYPE.sack;
    case "heartbeat":
      return CHUNK_TYPE.heartbeat;
    case "heartbeat-ack":
      return CHUNK_TYPE.heartbeatAck;
    case "abort":
      return CHUNK_TYPE.abort;
    case "error":
      return CHUNK_TYPE.error;
    case "shutdown":
      return CHUNK_TYPE.shutdown;
    case "shutdown-ack":
      return CHUNK_TYPE.shutdownAck;
    case "shutdown-complete":
      return CHUNK_TYPE.shutdownComplete;
    case "cookie-echo":
      return CHUNK_TYPE.cookieEcho;
    case "cookie-ack":
      return CHUNK_TYPE.cookieAck;
    case "forward-tsn":
      return chunk.isInterleaved ? CHUNK_TYPE.iForwardTsn : CHUNK_TYPE.forwardTsn;
    case "reconfig":
      return CHUNK_TYPE.reconfig;
    case "pad":
      return CHUNK_TYPE.pad;
  }
}

/** A parameter or an error cause: they look alike. */
interface Valued {
  readonly code: number;
  readonly value: Uint8Array;
}

/** What the parameters take together, all but the last padded (RFC 9260 section 3.2). */
function parametersLength(parameters: readonly Valued[]): number {
  let length = 0;
  for (const { value } of parameters) {
    length = padded(length) + PARAMETER_HEADER_BYTES + value.byteLength;
  }
  return length;
}

function writeParameters(cursor: ByteCursor, parameters: readonly Valued[]): void {
  for (const { code, value } of parameters) writeParameter(cursor, code, value);
}

/** Chunks begin at multiples of four, so what pads the packet pads the parameter before. */
function writeParameter(cursor: ByteCursor, type: number, value: Uint8Array): void {
  cursor.pad();
  cursor.u16(type);
  cursor.u16(PARAMETER_HEADER_BYTES + value.byteLength);
  cursor.put(value);
}

/** RFC 9260 sections 3.3.2 and 3.3.3: the fixed fields, then these parameters. */
function initParameters(chunk: InitChunk): Valued[] {
  const parameters: Valued[] = [];
  if (chunk.cookie !== undefined) {
    parameters.push({ code: PARAMETER_TYPE.stateCookie, value: chunk.cookie });
  }
  if (chunk.zeroChecksumMethod !== undefined) {
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, chunk.zeroChecksumMethod);
    parameters.push({ code: PARAMETER_TYPE.zeroChecksum, value });
  }
  if (chunk.forwardTsn) {
    parameters.push({ code: PARAMETER_TYPE.forwardTsnSupported, value: new Uint8Array(0) });
  }
  if (chunk.extensions.length > 0) {
    const value = Uint8Array.from(chunk.extensions);
    parameters.push({ code: PARAMETER_TYPE.supportedExtensions, value });
  }
  for (const value of chunk.unrecognized) {
    parameters.push({ code: PARAMETER_TYPE.unrecognized, value });
  }
  return parameters;
}

function initLength(chunk: InitChunk): number {
  return 20 + parametersLength(initParameters(chunk));
}

function writeInit(cursor: ByteCursor, chunk: InitChunk): void {
  cursor.u32(chunk.tag);
  cursor.u32(chunk.receiveWindowBytes);
  cursor.u16(chunk.outboundStreams);
  cursor.u16(chunk.inboundStreams);
  cursor.u32(chunk.initialTsn);
  writeParameters(cursor, initParameters(chunk));
}

/** RFC 3758 section 3.2; RFC 8260 section 2.3.1 for the interleaved one. */
function writeForwardTsn(cursor: ByteCursor, chunk: ForwardTsnChunk): void {
  cursor.u32(chunk.cumulativeTsn);
  for (const { streamId, isUnordered, messageId } of chunk.skipped) {
    cursor.u16(streamId);
    if (chunk.isInterleaved) {
      cursor.u16(isUnordered ? 1 : 0);
      cursor.u32(messageId);
    } else {
      cursor.u16(messageId);
    }
  }
}

/** RFC 6525 sections 4.1 to 4.6. */
function reconfigValue(parameter: ReconfigParameter): Valued {
  switch (parameter.kind) {
    case "outgoing-reset":
      return {
        code: PARAMETER_TYPE.outgoingReset,
        value: words([parameter.request, parameter.response, parameter.lastTsn], parameter.streams),
      };
    case "incoming-reset":
      return {
        code: PARAMETER_TYPE.incomingReset,
        value: words([parameter.request], parameter.streams),
      };
    case "response":
      return {
        code: PARAMETER_TYPE.reconfigResponse,
        value: words([parameter.response, parameter.result], []),
      };
    case "other":
      return { code: parameter.parameterType, value: words([parameter.request], []) };
  }
}

/** 32-bit numbers, then 16-bit ones. */
function words(longs: readonly number[], shorts: readonly number[]): Uint8Array {
  const value = new Uint8Array(4 * longs.length + 2 * shorts.length);
  const view = new DataView(value.buffer);
  for (const [index, long] of longs.entries()) view.setUint32(4 * index, long);
  for (const [index, short] of shorts.entries()) {
    view.setUint16(4 * longs.length + 2 * index, short);
  }
  return value;
}
