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
  type Priority,
  streamFrameOverhead,
  writeFrame,
} from "../frames.ts";
import { beginRecord, type PathId, type RecordKind } from "../record.ts";
import type { Writer } from "../wire.ts";
import type { Control, ControlQueue } from "./control-queue.ts";
import type { SentPiece, SentRecord } from "./flight.ts";
import type { PathState } from "./path-state.ts";
import type { StreamPiece } from "./send-stream.ts";
import type { Streams } from "./streams.ts";

export interface Duties {
  readonly carriesCommands: boolean;
  readonly carriesBulk: boolean;
  /** This path may carry some bulk to find out how fast it is. */
  readonly wantsProbe: boolean;
}

/** What control frames say besides the state of streams. */
export interface Facts {
  policy(): Policy;
  isSuspect(id: PathId): boolean;
}

/** Below this a stream piece is not worth its head: wait for the next record. */
const MIN_PIECE_BYTES = 64;

/** Real records that are spent on measuring an idle path, and how long the answer is believed. */
const PROBE_BYTES = 512 * 1024;
const PROBE_VALID_MS = 10_000;

interface Hedge {
  readonly pieces: SentPiece[];
  readonly controls: Control[];
}

interface Draft {
  readonly number: number;
  readonly writer: Writer;
  readonly emptyBytes: number;
  readonly pieces: SentPiece[];
  readonly controls: Control[];
  isEliciting: boolean;
  isUrgent: boolean;
  isBulk: boolean;
}

export class Outbox {
  readonly #tag: number;
  readonly #streams: Streams;
  readonly #controls: ControlQueue;
  readonly #facts: Facts;
  readonly #hedges = new Map<PathState, Hedge>();
  #probe: { path: PathState; leftBytes: number; atMs: number } | undefined;

  constructor(tag: number, streams: Streams, controls: ControlQueue, facts: Facts) {
    this.#tag = tag;
    this.#streams = streams;
    this.#controls = controls;
    this.#facts = facts;
  }

  /** Promises a copy of an overdue record's urgent parts on another path. */
  hedge(path: PathState, sent: SentRecord): void {
    const hedge = this.#hedges.get(path) ?? { pieces: [], controls: [] };
    hedge.pieces.push(...sent.pieces.filter(isCommand));
    hedge.controls.push(...sent.controls);
    this.#hedges.set(path, hedge);
  }

  dropHedges(path: PathState): void {
    this.#hedges.delete(path);
  }

  handshakeRecord(path: PathState, type: RecordKind, body: Uint8Array, nowMs: number): Uint8Array {
    const draft = this.#begin(path, type, body.byteLength);
    draft.writer.bytes(body);
    return finish(path, draft, nowMs);
  }

  /** An acknowledgement by itself, if one is due: all that a closed session still says. */
  ackRecord(path: PathState, nowMs: number): Uint8Array | undefined {
    if (path.received.ackDueAtMs > nowMs) return undefined;
    const draft = this.#begin(path, "frames");
    writeFrame(draft.writer, path.received.takeAck(path.id, nowMs));
    return finish(path, draft, nowMs);
  }

  nextRecord(path: PathState, nowMs: number, duties: Duties): Uint8Array | undefined {
    const maySend = !path.isClogged;
    const carriesCommands = maySend && duties.carriesCommands;
    const hasUrgent =
      path.received.ackDueAtMs <= nowMs ||
      path.isPingDue ||
      this.#hedges.has(path) ||
      (carriesCommands && (!this.#controls.isEmpty || this.#streams.hasPending(PRIORITY.control)));
    const hasBulk = maySend && this.#mayCarryBulk(path, nowMs, duties);
    if (!hasUrgent && !hasBulk) return undefined;

    const draft = this.#begin(path, "frames");
    if (path.received.wantsAck) {
      writeFrame(draft.writer, path.received.takeAck(path.id, nowMs));
    }
    if (path.isPingDue) {
      writeFrame(draft.writer, { type: "ping" });
      path.onPingSent(nowMs);
      draft.isEliciting = true;
    }
    this.#writeHedges(path, draft);
    if (carriesCommands) {
      this.#writeControls(draft);
      this.#writePieces(path, draft, PRIORITY.control);
    }
    if (hasBulk && !draft.pieces.some(isCommand)) {
      this.#writePieces(path, draft, PRIORITY.interactive);
      this.#writePieces(path, draft, PRIORITY.bulk);
    }
    if (draft.writer.length === draft.emptyBytes) return undefined;
    return finish(path, draft, nowMs);
  }

  #mayCarryBulk(path: PathState, nowMs: number, duties: Duties): boolean {
    if (!duties.carriesBulk && !(duties.wantsProbe && this.#mayProbe(path, nowMs))) return false;
    const hasPending =
      this.#streams.hasPending(PRIORITY.interactive) || this.#streams.hasPending(PRIORITY.bulk);
    return hasPending && path.askForBulk();
  }

  #mayProbe(path: PathState, nowMs: number): boolean {
    if (this.#probe?.path === path && nowMs - this.#probe.atMs < PROBE_VALID_MS) {
      return this.#probe.leftBytes > 0;
    }
    const measuredAtMs = path.goodput.measuredAtMs ?? Number.NEGATIVE_INFINITY;
    if (nowMs - measuredAtMs < PROBE_VALID_MS) return false;
    this.#probe = { path, leftBytes: PROBE_BYTES, atMs: nowMs };
    return true;
  }

  #writeHedges(path: PathState, draft: Draft): void {
    const hedge = this.#hedges.get(path);
    if (hedge === undefined) return;
    this.#hedges.delete(path);
    for (const control of hedge.controls) this.#writeControl(draft, control);
    // A hedge is the second copy; it is not hedged again.
    draft.isUrgent = false;
    for (const { stream, piece } of hedge.pieces) {
      for (const part of stream.worthRepeating(piece)) {
        const length = part.end - part.start;
        if (draft.writer.left < streamFrameOverhead(stream.id, part.start) + length) return;
        stream.copyAgain(part, placeFor(draft, { stream, piece: part }));
        path.resentBytes += length;
      }
    }
  }

  #writeControls(draft: Draft): void {
    for (const control of this.#controls.values()) {
      if (!this.#writeControl(draft, control)) return;
      this.#controls.remove(control);
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
      case "state":
        return this.#streams.stateFrame(control.id);
      case "policy":
        return { type: "policy", policy: this.#facts.policy() };
      case "suspect":
        // Stale by now? Then it would send the peer away from a path that works.
        return this.#facts.isSuspect(control.path) ? control : undefined;
      default:
        return control;
    }
  }

  #writePieces(path: PathState, draft: Draft, priority: Priority): void {
    while (draft.writer.left > MIN_PIECE_BYTES) {
      const next = this.#streams.nextPiece(priority, draft.writer.left);
      if (next === undefined) return;
      const { stream } = next;
      const sent = { stream, piece: shortened(next, draft.writer.left) };
      const { start, end } = sent.piece;
      path.resentBytes += Math.max(0, Math.min(end, stream.highWater) - start);
      this.#streams.take(sent, placeFor(draft, sent));
      if (priority === PRIORITY.control) draft.isUrgent = true;
      else draft.isBulk = true;
      if (this.#probe?.path === path) this.#probe.leftBytes -= end - start;
    }
  }

  #begin(path: PathState, type: RecordKind, bodyBytes?: number): Draft {
    const number = path.nextNumber;
    const header = { ...path.id, type, packetNumber: number, sessionTag: this.#tag };
    const writer = beginRecord(header, bodyBytes);
    return {
      number,
      writer,
      emptyBytes: writer.length,
      pieces: [],
      controls: [],
      isEliciting: false,
      isUrgent: false,
      isBulk: false,
    };
  }
}

function finish(path: PathState, draft: Draft, nowMs: number): Uint8Array {
  const bytes = draft.writer.finish();
  const { number, pieces, controls, isUrgent, isBulk, isEliciting } = draft;
  path.onSent(
    { number, sentAtMs: nowMs, bytes: bytes.byteLength, pieces, controls, isUrgent, isBulk },
    isEliciting,
  );
  return bytes;
}

/** Writes a piece's head, remembers the piece, and returns the place for its bytes. */
function placeFor(draft: Draft, sent: SentPiece): Uint8Array {
  const { stream, piece } = sent;
  draft.pieces.push(sent);
  draft.isEliciting = true;
  return beginStreamFrame(draft.writer, {
    id: stream.id,
    offset: piece.start,
    priority: stream.priority,
    end: piece.last,
    length: piece.end - piece.start,
  });
}

/** As much of a piece as fits with its head into `left` bytes. */
function shortened({ stream, piece }: SentPiece, left: number): StreamPiece {
  const room = left - streamFrameOverhead(stream.id, piece.start);
  const end = Math.min(piece.end, piece.start + room);
  return { start: piece.start, end, last: piece.last && end === piece.end };
}

function isCommand(sent: SentPiece): boolean {
  return sent.stream.priority === PRIORITY.control;
}
