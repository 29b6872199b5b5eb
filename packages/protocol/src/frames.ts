/**
 * Frames: what the body of a record consists of. One record carries as many as fit.
 *
 *     type  name     fields (all numbers are varints unless noted)
 *     0x01  ping     -                                     the other side acknowledges at once
 *     0x02  ack      path u8, generation, delayMs, count, highest end, then per range:
 *                    length, and between ranges the gap down to the next
 *     0x03  stream   id, offset, flags u8 (1 = end, 2…4 = priority << 1), length, bytes
 *     0x04  credit   id, consumed, limit, flags u8 (1 = the application has it all)
 *     0x05  budget   limit                                 credit for all bulk streams together
 *     0x06  reset    id, code, size, priority u8           the sender gives the stream up after size bytes
 *     0x07  stop     id, code                              the receiver wants no more of it
 *     0x08  query    id                                    "what do you hold of my stream?"
 *     0x09  state    id, flags u8 (1 = has it all, 2 = knows it), count, ranges as (start gap, length)
 *     0x0a  suspect  path u8, generation                   "this path went dark, leave it"
 *     0x0b  policy   u8                                    how the client wants bulk to travel
 *     0x0c  close    -                                     "you have all of mine, and no more will come"
 *
 * Stream frames carry their offset, so retransmission, reordering, duplication and resume are one
 * mechanism: the receiver keeps ranges and takes each byte once.
 */

import { BeelineError } from "./errors.ts";
import { MAX_U32, PATH_KINDS, type PathId } from "./record.ts";
import { Reader, varintBytes, type Writer } from "./wire.ts";

/** Half-open: `start` belongs to it, `end` does not. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export type Priority = 0 | 1 | 2;
/** Commands and answers, then previews and lists, then pictures. */
export const PRIORITY = { control: 0, interactive: 1, bulk: 2 } as const;

export const POLICIES = ["preferDirect", "fastest", "saveRelay", "relayOnly"] as const;
export type Policy = (typeof POLICIES)[number];

export type Frame =
  | { readonly type: "ping" }
  | {
      readonly type: "ack";
      readonly path: PathId;
      readonly delayMs: number;
      /** Highest first, disjoint, not touching. */
      readonly ranges: readonly Range[];
    }
  | {
      readonly type: "stream";
      readonly id: number;
      readonly offset: number;
      readonly priority: Priority;
      readonly end: boolean;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: "credit";
      readonly id: number;
      readonly consumed: number;
      readonly limit: number;
      readonly done: boolean;
    }
  | { readonly type: "budget"; readonly limit: number }
  | {
      readonly type: "reset";
      readonly id: number;
      readonly code: number;
      readonly size: number;
      readonly priority: Priority;
    }
  | { readonly type: "stop"; readonly id: number; readonly code: number }
  | { readonly type: "query"; readonly id: number }
  | {
      readonly type: "state";
      readonly id: number;
      readonly complete: boolean;
      readonly known: boolean;
      /** Lowest first, disjoint, not touching. */
      readonly ranges: readonly Range[];
    }
  | { readonly type: "suspect"; readonly path: PathId }
  | { readonly type: "policy"; readonly policy: Policy }
  | { readonly type: "close" };

const TYPE = {
  ping: 0x01,
  ack: 0x02,
  stream: 0x03,
  credit: 0x04,
  budget: 0x05,
  reset: 0x06,
  stop: 0x07,
  query: 0x08,
  state: 0x09,
  suspect: 0x0a,
  policy: 0x0b,
  close: 0x0c,
} as const;

/** Ranges in one ack frame: 32 fit 600 bytes; what they leave out is repaired by retransmission. */
export const MAX_ACK_RANGES = 32;

/**
 * Ranges in one state frame: a gap for every other record of a 4 MiB flight. What they leave out is
 * sent again.
 */
export const MAX_STATE_RANGES = 128;

/** Upper bound of a stream frame's bytes before its payload: type, id, offset, flags, length. */
export function streamFrameOverhead(id: number, offset: number): number {
  return 1 + varintBytes(id) + varintBytes(offset) + 1 + 4;
}

/**
 * Writes a stream frame's head and returns the place for its payload, which the caller fills.
 * The caller made sure that overhead and payload fit.
 */
export function beginStreamFrame(
  writer: Writer,
  head: { id: number; offset: number; priority: Priority; end: boolean; length: number },
): Uint8Array {
  writer.u8(TYPE.stream);
  writer.varint(head.id);
  writer.varint(head.offset);
  writer.u8((head.end ? 1 : 0) | (head.priority << 1));
  writer.varint(head.length);
  return writer.reserve(head.length);
}

/** The bytes {@link writeFrame} will need at most; stream frames have their own writer. */
export function frameBytes(frame: Exclude<Frame, { type: "stream" }>): number {
  if (frame.type === "ack" || frame.type === "state") return 32 + frame.ranges.length * 16;
  return 32;
}

export function writeFrame(writer: Writer, frame: Exclude<Frame, { type: "stream" }>): void {
  writer.u8(TYPE[frame.type]);
  switch (frame.type) {
    case "ping":
      return;
    case "ack":
      writePath(writer, frame.path);
      writer.varint(frame.delayMs);
      writeDescending(writer, frame.ranges);
      return;
    case "credit":
      writer.varint(frame.id);
      writer.varint(frame.consumed);
      writer.varint(frame.limit);
      writer.u8(frame.done ? 1 : 0);
      return;
    case "budget":
      writer.varint(frame.limit);
      return;
    case "reset":
      writer.varint(frame.id);
      writer.varint(frame.code);
      writer.varint(frame.size);
      writer.u8(frame.priority);
      return;
    case "stop":
      writer.varint(frame.id);
      writer.varint(frame.code);
      return;
    case "query":
      writer.varint(frame.id);
      return;
    case "state":
      writer.varint(frame.id);
      writer.u8((frame.complete ? 1 : 0) | (frame.known ? 2 : 0));
      writeAscending(writer, frame.ranges);
      return;
    case "suspect":
      writePath(writer, frame.path);
      return;
    case "policy":
      writer.u8(POLICIES.indexOf(frame.policy));
      return;
    case "close":
      return;
  }
}

/**
 * Reads a whole body.
 * @throws {BeelineError} `RECORD_MALFORMED`. Nothing of a record with one bad frame is used.
 */
export function decodeFrames(body: Uint8Array): Frame[] {
  const reader = new Reader(body);
  const frames: Frame[] = [];
  while (reader.left > 0) frames.push(readFrame(reader));
  return frames;
}

function readFrame(reader: Reader): Frame {
  const type = reader.u8();
  switch (type) {
    case TYPE.ping:
      return { type: "ping" };
    case TYPE.ack:
      return {
        type: "ack",
        path: readPath(reader),
        delayMs: reader.varint(),
        ranges: readDescending(reader),
      };
    case TYPE.stream: {
      const id = reader.varint();
      const offset = reader.varint();
      const flags = reader.u8();
      const priority = priorityOf(flags >> 1);
      const bytes = reader.bytes(reader.varint());
      if (!Number.isSafeInteger(offset + bytes.byteLength)) throw malformed("offset past 2^53");
      return {
        type: "stream",
        id,
        offset,
        priority,
        end: (flags & 1) === 1,
        bytes,
      };
    }
    case TYPE.credit:
      return {
        type: "credit",
        id: reader.varint(),
        consumed: reader.varint(),
        limit: reader.varint(),
        done: reader.u8() === 1,
      };
    case TYPE.budget:
      return { type: "budget", limit: reader.varint() };
    case TYPE.reset:
      return {
        type: "reset",
        id: reader.varint(),
        code: reader.varint(),
        size: reader.varint(),
        priority: priorityOf(reader.u8()),
      };
    case TYPE.stop:
      return { type: "stop", id: reader.varint(), code: reader.varint() };
    case TYPE.query:
      return { type: "query", id: reader.varint() };
    case TYPE.state: {
      const id = reader.varint();
      const flags = reader.u8();
      return {
        type: "state",
        id,
        complete: (flags & 1) !== 0,
        known: (flags & 2) !== 0,
        ranges: readAscending(reader),
      };
    }
    case TYPE.suspect:
      return { type: "suspect", path: readPath(reader) };
    case TYPE.policy: {
      const policy = POLICIES[reader.u8()];
      if (policy === undefined) throw malformed("unknown policy");
      return { type: "policy", policy };
    }
    case TYPE.close:
      return { type: "close" };
    default:
      throw malformed(`frame type ${type}`);
  }
}

function writePath(writer: Writer, path: PathId): void {
  writer.u8(PATH_KINDS.indexOf(path.kind));
  writer.varint(path.generation);
}

function readPath(reader: Reader): PathId {
  const kind = PATH_KINDS[reader.u8()];
  if (kind === undefined) throw malformed("unknown path");
  const generation = reader.varint();
  if (generation > MAX_U32) throw malformed("unknown path");
  return { kind, generation };
}

function writeDescending(writer: Writer, ranges: readonly Range[]): void {
  writer.varint(ranges.length);
  let above = ranges[0]?.end ?? 0;
  for (const [index, range] of ranges.entries()) {
    writer.varint(index === 0 ? above : above - range.end);
    writer.varint(range.end - range.start);
    above = range.start;
  }
}

function readDescending(reader: Reader): Range[] {
  const count = readCount(reader, MAX_ACK_RANGES);
  const ranges: Range[] = [];
  let above = 0;
  for (let index = 0; index < count; index += 1) {
    const step = reader.varint();
    const end = index === 0 ? step : above - step;
    const start = end - reader.varint();
    if (start < 0 || start >= end || (index > 0 && end >= above)) throw malformed("ack ranges");
    ranges.push({ start, end });
    above = start;
  }
  return ranges;
}

function writeAscending(writer: Writer, ranges: readonly Range[]): void {
  writer.varint(ranges.length);
  let below = 0;
  for (const range of ranges) {
    writer.varint(range.start - below);
    writer.varint(range.end - range.start);
    below = range.end;
  }
}

function readAscending(reader: Reader): Range[] {
  const count = readCount(reader, MAX_STATE_RANGES);
  const ranges: Range[] = [];
  let below = 0;
  for (let index = 0; index < count; index += 1) {
    const start = below + reader.varint();
    const end = start + reader.varint();
    if (start >= end || (index > 0 && start <= below) || !Number.isSafeInteger(end)) {
      throw malformed("state ranges");
    }
    ranges.push({ start, end });
    below = end;
  }
  return ranges;
}

function readCount(reader: Reader, max: number): number {
  const count = reader.varint();
  if (count > max) throw malformed(`${count} ranges`);
  return count;
}

function priorityOf(value: number): Priority {
  if (value > PRIORITY.bulk) throw malformed(`priority ${value}`);
  return value as Priority;
}

function malformed(detail: string): BeelineError {
  return new BeelineError("RECORD_MALFORMED", detail);
}
