/**
 * What goes into the next record of a path, in order of urgency: acknowledgements, pings, hedged
 * copies, control frames, commands; then, in records of their own, previews and bulk.
 *
 * Commands and bulk never share a record, so that a command that is overdue can be sent again on the
 * other path for the price of a few hundred bytes.
 */

import {
  beginStreamFrame,
  type Frame,
  frameBytes,
  type Policy,
  PRIORITY,
  streamFrameOverhead,
  writeFrame,
} from "../frames.ts";
import { beginRecord, type PathId, type RecordKind } from "../record.ts";
import type { Writer } from "../wire.ts";
import type { Control, ControlQueue } from "./control-queue.ts";
import type { PathState, SentPiece, SentRecord } from "./path-state.ts";
import type { Streams } from "./streams.ts";

export interface Duties {
  readonly carriesCommands: boolean;
  readonly carriesBulk: boolean;
  /** This path may carry some bulk to find out how fast it is. */
  readonly wantsProbe: boolean;
}

/** Below this a stream piece is not worth its head: wait for the next record. */
const MIN_PIECE_BYTES = 64;

/** Real records that are spent on measuring an idle path, and how long the answer is believed. */
const PROBE_BYTES = 256 * 1024;
const PROBE_VALID_MS = 10_000;

interface Hedge {
  readonly pieces: SentPiece[];
  readonly controls: Control[];
}

interface Draft {
  readonly writer: Writer;
  readonly pieces: SentPiece[];
  readonly controls: Control[];
  isEliciting: boolean;
  isUrgent: boolean;
}

export class Outbox {
  readonly #tag: number;
  readonly #streams: Streams;
  readonly #controls: ControlQueue;
  readonly #policy: () => Policy;
  readonly #hedges = new Map<string, Hedge>();
  #probe: { key: string; leftBytes: number; atMs: number } | undefined;

  constructor(tag: number, streams: Streams, controls: ControlQueue, policy: () => Policy) {
    this.#tag = tag;
    this.#streams = streams;
    this.#controls = controls;
    this.#policy = policy;
  }

  /** Bytes of previews and pictures that wait to be sent. */
  bulkBacklog(): number {
    return this.#streams.pendingBulkBytes();
  }

  /** A copy of an overdue record's urgent parts for another path. */
  hedge(id: PathId, sent: SentRecord): void {
    const key = keyOf(id);
    const hedge = this.#hedges.get(key) ?? { pieces: [], controls: [] };
    hedge.pieces.push(...sent.pieces.filter(isCommand));
    hedge.controls.push(...sent.controls);
    this.#hedges.set(key, hedge);
  }

  dropHedges(id: PathId): void {
    this.#hedges.delete(keyOf(id));
  }

  handshakeRecord(path: PathState, type: RecordKind, body: Uint8Array): Uint8Array {
    const number = path.takeNumber();
    const writer = this.#begin(path, type, number, body.byteLength);
    writer.bytes(body);
    const bytes = writer.finish();
    path.onSent(sentRecord(number, 0, bytes.byteLength), false);
    return bytes;
  }

  nextRecord(path: PathState, nowMs: number, duties: Duties): Uint8Array | undefined {
    const hasUrgent =
      path.isAckDue(nowMs) ||
      path.isPingDue ||
      this.#hedges.has(keyOf(path.id)) ||
      (duties.carriesCommands &&
        (!this.#controls.isEmpty || this.#streams.hasPending(PRIORITY.control)));
    const hasBulk = this.#mayCarryBulk(path, nowMs, duties);
    if (!hasUrgent && !hasBulk) return undefined;

    const number = path.takeNumber();
    const draft: Draft = {
      writer: this.#begin(path, "frames", number),
      pieces: [],
      controls: [],
      isEliciting: false,
      isUrgent: false,
    };
    if (path.wantsAck) writeFrame(draft.writer, path.takeAck(nowMs));
    if (path.isPingDue) {
      writeFrame(draft.writer, { type: "ping" });
      path.isPingDue = false;
      path.lastPingAtMs = nowMs;
      draft.isEliciting = true;
    }
    this.#writeHedges(path, draft);
    if (duties.carriesCommands) {
      this.#writeControls(draft);
      this.#writePieces(path, draft, PRIORITY.control);
    }
    if (hasBulk && !draft.pieces.some(isCommand)) {
      this.#writePieces(path, draft, PRIORITY.interactive);
      this.#writePieces(path, draft, PRIORITY.bulk);
    }

    const bytes = draft.writer.finish();
    const sent = sentRecord(number, nowMs, bytes.byteLength, draft);
    path.onSent(sent, draft.isEliciting);
    return bytes;
  }

  #mayCarryBulk(path: PathState, nowMs: number, duties: Duties): boolean {
    const hasPending =
      this.#streams.hasPending(PRIORITY.interactive) || this.#streams.hasPending(PRIORITY.bulk);
    if (!hasPending) return false;
    if (!duties.carriesBulk && !(duties.wantsProbe && this.#takesProbe(path, nowMs))) return false;
    return path.windowRoom > 0;
  }

  #takesProbe(path: PathState, nowMs: number): boolean {
    const key = keyOf(path.id);
    const measuredAtMs = path.goodput.measuredAtMs ?? Number.NEGATIVE_INFINITY;
    if (this.#probe?.key === key && nowMs - this.#probe.atMs < PROBE_VALID_MS) {
      return this.#probe.leftBytes > 0;
    }
    if (nowMs - measuredAtMs < PROBE_VALID_MS) return false;
    this.#probe = { key, leftBytes: PROBE_BYTES, atMs: nowMs };
    return true;
  }

  #writeHedges(path: PathState, draft: Draft): void {
    const key = keyOf(path.id);
    const hedge = this.#hedges.get(key);
    if (hedge === undefined) return;
    this.#hedges.delete(key);
    for (const control of hedge.controls) this.#writeControl(draft, control);
    for (const sent of hedge.pieces) {
      const { stream, piece } = sent;
      if (stream.resetCode !== undefined || stream.isDone) continue;
      const parts = stream.unacked(piece);
      if (parts.length === 0 && (!piece.last || stream.isEndAcked)) continue;
      const wanted = parts.length === 0 ? [piece] : parts;
      for (const part of wanted) {
        const copy = { ...part, last: piece.last && part.end === piece.end };
        if (!fits(draft.writer, stream.id, copy.start, copy.end - copy.start)) return;
        const place = beginStreamFrame(draft.writer, {
          id: stream.id,
          offset: copy.start,
          priority: stream.priority,
          end: copy.last,
          length: copy.end - copy.start,
        });
        stream.copyAgain(copy, place);
        path.resentBytes += copy.end - copy.start;
        draft.pieces.push({ stream, piece: copy });
        draft.isEliciting = true;
        // A hedge is the second copy; it is not hedged again.
      }
    }
  }

  #writeControls(draft: Draft): void {
    for (const [key, control] of this.#controls.entries()) {
      if (!this.#writeControl(draft, control)) return;
      this.#controls.remove(key);
    }
  }

  /** @returns false when the record is full. */
  #writeControl(draft: Draft, control: Control): boolean {
    const frame = this.#frameFor(control);
    if (frame === undefined) return true;
    if (draft.writer.left < frameBytes(frame)) return false;
    writeFrame(draft.writer, frame);
    draft.controls.push(control);
    draft.isEliciting = true;
    draft.isUrgent = true;
    return true;
  }

  #frameFor(control: Control): Exclude<Frame, { type: "stream" }> | undefined {
    switch (control.type) {
      case "credit":
        return this.#streams.creditFrame(control.id);
      case "budget":
        return this.#streams.budgetFrame();
      case "reset":
        return this.#streams.resetFrame(control.id);
      case "stop":
        return { type: "stop", id: control.id, code: control.code };
      case "query":
        return { type: "query", id: control.id };
      case "state":
        return this.#streams.stateFrame(control.id);
      case "suspect":
        return { type: "suspect", path: control.path };
      case "policy":
        return { type: "policy", policy: this.#policy() };
      case "close":
        return { type: "close", answer: control.answer };
    }
  }

  #writePieces(path: PathState, draft: Draft, priority: 0 | 1 | 2): void {
    while (draft.writer.left > MIN_PIECE_BYTES) {
      const sent = this.#streams.nextPiece(priority, draft.writer.left);
      if (sent === undefined) return;
      const { stream } = sent;
      const overhead = streamFrameOverhead(stream.id, sent.piece.start);
      const room = draft.writer.left - overhead;
      const end = Math.min(sent.piece.end, sent.piece.start + room);
      const piece = {
        start: sent.piece.start,
        end,
        last: sent.piece.last && end === sent.piece.end,
      };
      const place = beginStreamFrame(draft.writer, {
        id: stream.id,
        offset: piece.start,
        priority: stream.priority,
        end: piece.last,
        length: piece.end - piece.start,
      });
      if (piece.start < stream.highWater) {
        path.resentBytes += Math.min(piece.end, stream.highWater) - piece.start;
      }
      this.#streams.take({ stream, piece }, place);
      draft.pieces.push({ stream, piece });
      draft.isEliciting = true;
      draft.isUrgent ||= priority === PRIORITY.control;
      if (this.#probe?.key === keyOf(path.id)) {
        this.#probe.leftBytes -= piece.end - piece.start;
      }
    }
  }

  #begin(path: PathState, type: RecordKind, number: number, bodyBytes?: number): Writer {
    const header = { ...path.id, type, packetNumber: number, sessionTag: this.#tag };
    return beginRecord(header, bodyBytes);
  }
}

function sentRecord(
  number: number,
  sentAtMs: number,
  bytes: number,
  draft?: Pick<Draft, "pieces" | "controls" | "isUrgent">,
): SentRecord {
  return {
    number,
    sentAtMs,
    bytes,
    pieces: draft?.pieces ?? [],
    controls: draft?.controls ?? [],
    isUrgent: draft?.isUrgent ?? false,
    isHedged: false,
  };
}

function fits(writer: Writer, id: number, offset: number, length: number): boolean {
  return writer.left >= streamFrameOverhead(id, offset) + length;
}

function isCommand(sent: SentPiece): boolean {
  return sent.stream.priority === PRIORITY.control;
}

function keyOf(id: PathId): string {
  return `${id.kind} ${id.generation}`;
}
