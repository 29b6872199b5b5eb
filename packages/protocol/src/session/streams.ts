/**
 * All streams of a session, both ways: ids, credit, the bulk budget, and whose turn it is.
 *
 * Knows nothing of paths, records or time. Frames that must reach the peer (credit, resets …) are
 * requested by key from the {@link ControlQueue} and made when a record has room for them, so that
 * what is sent is always the newest, also after a loss.
 */

import { BeelineError } from "../errors.ts";
import { type Frame, PRIORITY, type Priority } from "../frames.ts";
import type { ControlQueue } from "./control-queue.ts";
import type { SentPiece } from "./flight.ts";
import { RangeSet } from "./range-set.ts";
import { ReceiveStream } from "./receive-stream.ts";
import { SendStream } from "./send-stream.ts";
import { BULK_WINDOW_BYTES, CREDIT_STEP, MAX_OPEN_STREAMS, windowFor } from "./tuning.ts";

export type StreamEvent =
  | { readonly type: "opened"; readonly id: number; readonly priority: Priority }
  | { readonly type: "data"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "ended"; readonly id: number }
  /** The peer gave its stream up; `code` is the application's. */
  | { readonly type: "reset"; readonly id: number; readonly code: number }
  /** The peer wants no more of our stream. */
  | { readonly type: "stopped"; readonly id: number; readonly code: number }
  /** The peer's application consumed something of our stream: there is room again. */
  | { readonly type: "writable"; readonly id: number }
  /** The peer's application has our stream whole. */
  | { readonly type: "delivered"; readonly id: number };

export class Streams {
  readonly #sending = new Map<number, SendStream>();
  readonly #receiving = new Map<number, ReceiveStream>();
  /** Sending streams by priority, in turn: the first is next. */
  readonly #turns: readonly [SendStream[], SendStream[], SendStream[]] = [[], [], []];
  /** Peer streams that are over, as id >> 1 so that neighbours merge. */
  readonly #finished = new RangeSet();
  readonly #controls: ControlQueue;
  readonly #emit: (event: StreamEvent) => void;
  readonly #ownParity: 0 | 1;
  #nextId: number;

  /** What we may send, and have sent, on all non-control streams together. */
  #budget = BULK_WINDOW_BYTES;
  #spent = 0;
  /** The same for the peer. */
  #granted = BULK_WINDOW_BYTES;
  #toldBudget = BULK_WINDOW_BYTES;
  #taken = 0;
  #arrived = 0;

  constructor(ownParity: 0 | 1, controls: ControlQueue, emit: (event: StreamEvent) => void) {
    this.#ownParity = ownParity;
    this.#nextId = ownParity;
    this.#controls = controls;
    this.#emit = emit;
  }

  // ── the application's side ────────────────────────────────────────────────

  get canOpen(): boolean {
    return this.#sending.size < MAX_OPEN_STREAMS;
  }

  /** @throws {BeelineError} `LIMIT_EXCEEDED` when {@link canOpen} is false. */
  open(priority: Priority): number {
    if (!this.canOpen) {
      throw new BeelineError("LIMIT_EXCEEDED", `${MAX_OPEN_STREAMS} streams are open already`);
    }
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SendStream(id, priority, windowFor(priority));
    this.#sending.set(id, stream);
    this.#turns[priority].push(stream);
    return id;
  }

  sender(id: number): SendStream | undefined {
    return this.#sending.get(id);
  }

  reset(id: number, code: number): void {
    const stream = this.#sending.get(id);
    if (stream === undefined || stream.resetCode !== undefined) return;
    stream.reset(code);
    this.#controls.add({ type: "reset", id });
  }

  stop(id: number, code: number): void {
    if (this.#receiving.get(id)?.isDelivered === false)
      this.#controls.add({ type: "stop", id, code });
  }

  /** The application took `count` bytes of stream `id`: the peer may forget them and send more. */
  consume(id: number, count: number): void {
    const stream = this.#receiving.get(id);
    if (stream === undefined) return;
    const before = stream.consumed;
    const mustTell = stream.consume(count);
    if (stream.priority !== PRIORITY.control) this.#take(stream.consumed - before);
    if (mustTell) this.#controls.add({ type: "credit", id });
    if (stream.isDone) this.#finish(stream);
  }

  /** Streams of ours that the peer's application does not have whole, and resets it has not heard of. */
  undelivered(): SendStream[] {
    return [...this.#sending.values()];
  }

  /** Streams of the peer have begun and are not over. */
  get isReceiving(): boolean {
    return this.#receiving.size > 0;
  }

  /** What would be lost if the session ended now. */
  missing(): BeelineError {
    const streams = this.undelivered();
    const bytes = streams.reduce((sum, stream) => sum + stream.retainedBytes, 0);
    return new BeelineError(
      "DELIVERY_INCOMPLETE",
      `${streams.length} streams with ${bytes} bytes were not taken by the other side, ` +
        `${this.#receiving.size} of its streams were still arriving`,
    );
  }

  // ── sending ────────────────────────────────────────────────────────────────

  hasPending(priority: Priority): boolean {
    return this.#turns[priority].some(
      (stream) => stream.nextPiece(1, this.#budgetLeft(priority)) !== undefined,
    );
  }

  pendingBulkBytes(): number {
    let bytes = 0;
    for (const priority of [PRIORITY.interactive, PRIORITY.bulk]) {
      for (const stream of this.#turns[priority]) bytes += stream.pendingBytes;
    }
    return bytes;
  }

  /** The next piece of this priority. Control streams in order of age, the others in turn. */
  nextPiece(priority: Priority, maxBytes: number): SentPiece | undefined {
    const turn = this.#turns[priority];
    for (const [index, stream] of turn.entries()) {
      const piece = stream.nextPiece(maxBytes, this.#budgetLeft(priority));
      if (piece === undefined) continue;
      if (priority !== PRIORITY.control) {
        turn.splice(index, 1);
        turn.push(stream);
      }
      return { stream, piece };
    }
    return undefined;
  }

  take(sent: SentPiece, target: Uint8Array): void {
    const before = sent.stream.highWater;
    sent.stream.take(sent.piece, target);
    if (sent.stream.priority !== PRIORITY.control) this.#spent += sent.stream.highWater - before;
  }

  // ── frames from the peer ───────────────────────────────────────────────────

  onStream(frame: Extract<Frame, { type: "stream" }>): void {
    const stream = this.#receiving.get(frame.id) ?? this.#accept(frame.id, frame.priority);
    if (stream === undefined) return;
    const before = stream.highWater;
    const wasDelivered = stream.isDelivered;
    const ready = stream.accept(frame.offset, frame.bytes, frame.end);
    if (stream.priority !== PRIORITY.control) this.#arrive(stream.highWater - before);
    for (const bytes of ready) this.#emit({ type: "data", id: frame.id, bytes });
    if (stream.isDelivered && !wasDelivered) {
      this.#emit({ type: "ended", id: frame.id });
      if (stream.isDone) {
        this.#controls.add({ type: "credit", id: frame.id });
        this.#finish(stream);
      }
    }
  }

  onCredit(frame: Extract<Frame, { type: "credit" }>): void {
    const stream = this.#sending.get(frame.id);
    // A stream that was given up says no more, even if it had arrived.
    if (stream === undefined || stream.resetCode !== undefined) return;
    const hasMoved = stream.onCredit(frame.consumed, frame.limit, frame.done);
    if (stream.isDone) {
      this.#drop(stream);
      this.#emit({ type: "delivered", id: frame.id });
    } else if (hasMoved && !stream.hasEnded) {
      this.#emit({ type: "writable", id: frame.id });
    }
  }

  onBudget(limit: number): void {
    this.#budget = Math.max(this.#budget, limit);
  }

  onReset(frame: Extract<Frame, { type: "reset" }>): void {
    const stream = this.#receiving.get(frame.id) ?? this.#accept(frame.id, frame.priority);
    // The application has a delivered stream whole: a late reset takes nothing back.
    if (stream === undefined || stream.isDelivered) return;
    if (stream.priority !== PRIORITY.control) {
      const size = Math.max(stream.highWater, Math.min(frame.size, stream.limit));
      this.#arrive(size - stream.highWater);
      this.#take(size - stream.consumed);
    }
    this.#finish(stream);
    this.#emit({ type: "reset", id: frame.id, code: frame.code });
  }

  onStop(frame: Extract<Frame, { type: "stop" }>): void {
    const stream = this.#sending.get(frame.id);
    if (stream === undefined || stream.resetCode !== undefined) return;
    this.reset(frame.id, frame.code);
    this.#emit({ type: "stopped", id: frame.id, code: frame.code });
  }

  onQuery(id: number): void {
    this.#controls.add({ type: "state", id });
  }

  onState(frame: Extract<Frame, { type: "state" }>): void {
    this.#sending.get(frame.id)?.onState(frame.ranges, frame.complete);
  }

  /** The reset of a stream of ours has arrived. */
  onResetAcked(id: number): void {
    const stream = this.#sending.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  // ── frames to the peer ─────────────────────────────────────────────────────

  creditFrame(id: number): Extract<Frame, { type: "credit" }> {
    const stream = this.#receiving.get(id);
    if (stream !== undefined) return { type: "credit", id, ...stream.credit() };
    // Over: `done` alone says it all.
    return { type: "credit", id, consumed: 0, limit: 0, done: true };
  }

  budgetFrame(): Extract<Frame, { type: "budget" }> {
    this.#toldBudget = this.#granted;
    return { type: "budget", limit: this.#granted };
  }

  resetFrame(id: number): Extract<Frame, { type: "reset" }> | undefined {
    const stream = this.#sending.get(id);
    if (stream?.resetCode === undefined) return undefined;
    const { resetCode: code, highWater: size, priority } = stream;
    return { type: "reset", id, code, size, priority };
  }

  stateFrame(id: number): Extract<Frame, { type: "state" }> {
    const stream = this.#receiving.get(id);
    if (stream === undefined) {
      const complete = this.#isFinished(id);
      return { type: "state", id, complete, known: complete, ranges: [] };
    }
    return {
      type: "state",
      id,
      complete: stream.isDelivered,
      known: true,
      ranges: stream.heldRanges(),
    };
  }

  // ── inside ─────────────────────────────────────────────────────────────────

  #budgetLeft(priority: Priority): number {
    return priority === PRIORITY.control
      ? Number.POSITIVE_INFINITY
      : Math.max(0, this.#budget - this.#spent);
  }

  #arrive(count: number): void {
    this.#arrived += count;
    if (this.#arrived > this.#granted) {
      throw new BeelineError("PROTOCOL_VIOLATION", "more bytes than the budget allows");
    }
  }

  #take(count: number): void {
    this.#taken += count;
    this.#granted = this.#taken + BULK_WINDOW_BYTES;
    if (this.#granted - this.#toldBudget >= BULK_WINDOW_BYTES * CREDIT_STEP) {
      this.#controls.add({ type: "budget" });
    }
  }

  #accept(id: number, priority: Priority): ReceiveStream | undefined {
    if (id % 2 === this.#ownParity) {
      throw new BeelineError("PROTOCOL_VIOLATION", `stream ${id} is not the peer's to open`);
    }
    if (this.#isFinished(id)) return undefined;
    if (this.#receiving.size >= MAX_OPEN_STREAMS * 2) {
      throw new BeelineError("PROTOCOL_VIOLATION", "too many open streams");
    }
    const stream = new ReceiveStream(id, priority);
    this.#receiving.set(id, stream);
    this.#emit({ type: "opened", id, priority });
    return stream;
  }

  #isFinished(id: number): boolean {
    return this.#finished.has(Math.floor(id / 2));
  }

  #finish(stream: ReceiveStream): void {
    this.#receiving.delete(stream.id);
    const place = Math.floor(stream.id / 2);
    this.#finished.add(place, place + 1);
    // A peer that skips ids would make us remember each gap.
    if (this.#finished.pieces > MAX_OPEN_STREAMS * 4) {
      throw new BeelineError("PROTOCOL_VIOLATION", "stream ids are skipped");
    }
  }

  #drop(stream: SendStream): void {
    this.#sending.delete(stream.id);
    const turn = this.#turns[stream.priority];
    const index = turn.indexOf(stream);
    if (index >= 0) turn.splice(index, 1);
  }
}
