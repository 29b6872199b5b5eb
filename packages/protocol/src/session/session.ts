/**
 * The session: one conversation between a client and an extension over whatever paths there are.
 *
 * A machine without I/O. Records and time come in, records and events go out:
 *
 *     openPath / closePath / receive / tick ──▶ ┌─────────┐ ──▶ nextRecord (per path, until empty)
 *     openStream / write / consume / close  ──▶ │ Session │ ──▶ takeEvents
 *                                               └─────────┘ ──▶ wakeAtMs
 *
 * Rule for callers: after every call drain `nextRecord` of each path that can take more, then
 * `takeEvents`, and call `tick` no later than `wakeAtMs`.
 *
 * The application sees streams only. What was in flight on a path that went dark is not sent again
 * blindly: the peer is asked what it holds (query/state), so a switch repeats next to nothing.
 */

import { BeelineError } from "../errors.ts";
import { decodeFrames, type Frame, type Policy, PRIORITY, type Priority } from "../frames.ts";
import {
  decodeRecord,
  type DecodedRecord,
  type PathId,
  type PathKind,
  sessionTagOf,
} from "../record.ts";
import {
  type BulkChoice,
  type BulkReason,
  chooseBulkPath,
  chooseCommandPath,
  type PathView,
} from "./choose-path.ts";
import { type Control, ControlQueue } from "./control-queue.ts";
import { Handshake } from "./handshake.ts";
import { Outbox } from "./outbox.ts";
import { PathState, type SentRecord } from "./path-state.ts";
import { type StreamEvent, Streams } from "./streams.ts";
import {
  ACK_DELAY_MS,
  ACK_EVERY_RECORDS,
  HEDGE_FLOOR_MS,
  HEDGE_RTT_FACTOR,
  PING_BUSY_MS,
  PING_IDLE_MS,
  SUSPECT_TO_DEAD_MS,
} from "./tuning.ts";

export type SessionRole = "client" | "extension";

export interface SessionOptions {
  readonly role: SessionRole;
  /** 32 hex digits, drawn by the client. */
  readonly sessionId: string;
  /** Client only: a secret by which the extension knows this client again. */
  readonly clientId?: string;
  /** Client only: shown to the extension's owner. */
  readonly name?: string;
}

export type SessionEvent =
  | (StreamEvent & { readonly path?: PathKind })
  /** The extension answered the hello. `isResumed`: it still knew this session. */
  | { readonly type: "welcomed"; readonly isResumed: boolean }
  | { readonly type: "refused"; readonly error: BeelineError }
  | { readonly type: "switched"; readonly to: PathKind | undefined; readonly reason: BulkReason }
  | { readonly type: "suspect"; readonly path: PathId }
  /** Silent for too long: close it and build another. */
  | { readonly type: "dead"; readonly path: PathId }
  | { readonly type: "policy"; readonly policy: Policy }
  /** The peer wants to close: finish what you are writing. */
  | { readonly type: "closing" }
  | { readonly type: "closed"; readonly error: BeelineError | undefined };

/** A stall of the machine's caller longer than this is not held against the paths. */
const STALL_MS = 250;

export class Session {
  readonly role: SessionRole;
  readonly sessionId: string;
  readonly streams: Streams;
  readonly handshake: Handshake;
  readonly #tag: number;
  readonly #controls = new ControlQueue();
  readonly #outbox: Outbox;
  readonly #paths: PathState[] = [];
  #events: SessionEvent[] = [];
  #commandKind: PathKind | undefined;
  #bulk: BulkChoice | undefined;
  #policy: Policy = "preferDirect";
  #isBusy = false;
  #phase: "open" | "closing" | "closed" = "open";
  #peerIsClosing = false;
  #closeSent = false;
  #closeAnswered = false;
  #closeDeadlineMs = Number.POSITIVE_INFINITY;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #receivingOn: PathKind | undefined;

  constructor(options: SessionOptions) {
    this.role = options.role;
    this.sessionId = options.sessionId;
    this.#tag = sessionTagOf(options.sessionId);
    this.handshake = new Handshake(options);
    const emit = (event: StreamEvent): void => {
      this.#events.push(
        this.#receivingOn === undefined ? event : { ...event, path: this.#receivingOn },
      );
    };
    this.streams = new Streams(options.role === "client" ? 0 : 1, this.#controls, emit);
    this.#outbox = new Outbox(this.#tag, this.streams, this.#controls, () => this.#policy);
  }

  // ── paths ──────────────────────────────────────────────────────────────────

  /** A path may carry records from now on. On the relay a client says hello first. */
  openPath(id: PathId, nowMs: number): void {
    if (this.#phase === "closed" || this.#find(id) !== undefined) return;
    const path = new PathState(id, nowMs);
    this.#paths.push(path);
    if (id.kind === "relay") this.handshake.onRelayOpen(nowMs);
    this.#decide(nowMs);
  }

  closePath(id: PathId, nowMs: number): void {
    const path = this.#find(id);
    if (path === undefined) return;
    this.#paths.splice(this.#paths.indexOf(path), 1);
    if (id.kind === "relay") this.handshake.onRelayClosed();
    this.#rescue(path);
    this.#decide(nowMs);
  }

  /**
   * @throws {BeelineError} `RECORD_MALFORMED` or `PROTOCOL_VIOLATION`: the peer is broken or hostile;
   * the caller closes the session. Records of other sessions and older paths are ignored.
   */
  receive(bytes: Uint8Array, nowMs: number): void {
    const record = decodeRecord(bytes);
    if (record.sessionTag !== this.#tag || this.#phase === "closed") return;
    const path = this.#find(record);
    if (path === undefined) return;
    this.#forgiveStall(nowMs);
    const isNew = path.onReceived(record.packetNumber, bytes.byteLength, nowMs);
    if (record.type !== "frames") {
      if (isNew) this.#onHandshake(record);
    } else {
      this.#onFrames(path, record, isNew, nowMs);
    }
    this.#maintain(nowMs);
  }

  /** The next record for this path, or undefined when there is nothing (more) to say on it now. */
  nextRecord(id: PathId, nowMs: number): Uint8Array | undefined {
    const path = this.#find(id);
    if (path === undefined || path.isExhausted) return undefined;
    if (id.kind === "relay") {
      const greeting = this.handshake.nextRecord(nowMs);
      if (greeting !== undefined) {
        return this.#outbox.handshakeRecord(path, greeting.type, greeting.body);
      }
    }
    return this.#outbox.nextRecord(path, nowMs, {
      carriesCommands: path.state === "open" && this.#commandKind === id.kind,
      carriesBulk: path.state === "open" && this.#bulk?.kind === id.kind,
      wantsProbe: path.state === "open" && this.#policy === "fastest",
    });
  }

  // ── time ───────────────────────────────────────────────────────────────────

  tick(nowMs: number): void {
    if (this.#phase === "closed") return;
    this.#forgiveStall(nowMs);
    this.#maintain(nowMs);
    if (nowMs >= this.#closeDeadlineMs) this.#finish(this.#missing());
  }

  /** When {@link tick} must be called at the latest; Infinity: only when something happens. */
  wakeAtMs(nowMs: number): number {
    if (this.#phase === "closed") return Number.POSITIVE_INFINITY;
    let wakeAtMs = Math.min(this.#closeDeadlineMs, this.handshake.wakeAtMs);
    for (const path of this.#paths) {
      wakeAtMs = Math.min(wakeAtMs, path.wakeAtMs(), this.#pingAtMs(path));
      if (path.state === "suspect") {
        wakeAtMs = Math.min(wakeAtMs, path.suspectSinceMs + SUSPECT_TO_DEAD_MS);
      } else if (this.#rivalOf(path) !== undefined) {
        wakeAtMs = Math.min(wakeAtMs, path.overdueAtMs(overdueMs(path)));
      }
    }
    this.#wakeAtMs = Math.max(nowMs, wakeAtMs);
    return wakeAtMs;
  }

  // ── the application ────────────────────────────────────────────────────────

  takeEvents(): SessionEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  openStream(priority: Priority): number {
    this.#assertOpen();
    return this.streams.open(priority);
  }

  write(id: number, bytes: Uint8Array): void {
    this.streams.sender(id)?.write(bytes);
  }

  end(id: number): void {
    this.streams.sender(id)?.end();
  }

  /** While a job runs, paths are watched closely even when nothing is being sent. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
  }

  /** Client: how bulk should travel, both ways. */
  setPolicy(policy: Policy, nowMs: number): void {
    if (policy === this.#policy) return;
    this.#policy = policy;
    if (this.role === "client") this.#controls.add({ type: "policy" });
    this.#decide(nowMs);
  }

  /**
   * Ends the session once the peer has everything and we have everything of the peer's. A `closed`
   * event follows, with `DELIVERY_INCOMPLETE` if that takes longer than `timeoutMs`.
   */
  close(nowMs: number, timeoutMs: number): void {
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    this.#closeDeadlineMs = nowMs + timeoutMs;
    this.#maintain(nowMs);
  }

  /** Ends the session now, because of `error`. */
  abort(error: BeelineError | undefined): void {
    if (this.#phase !== "closed") this.#finish(error);
  }

  get isClosed(): boolean {
    return this.#phase === "closed";
  }

  paths(): readonly PathState[] {
    return this.#paths;
  }

  /** Where bulk travels now; undefined while no path is open. */
  get bulkPath(): BulkChoice | undefined {
    return this.#bulk;
  }

  // ── inside: frames ─────────────────────────────────────────────────────────

  #onHandshake(record: DecodedRecord): void {
    const outcome = this.handshake.onRecord(record.type, record.body);
    if (outcome === undefined) return;
    if (outcome.type === "welcomed" && this.#policy !== "preferDirect") {
      this.#controls.add({ type: "policy" });
    }
    this.#events.push(outcome);
  }

  #onFrames(path: PathState, record: DecodedRecord, isNew: boolean, nowMs: number): void {
    let needsAck = false;
    let isUrgent = false;
    const frames = decodeFrames(record.body);
    for (const frame of frames) {
      if (frame.type === "ack") continue;
      needsAck = true;
      isUrgent ||= frame.type !== "stream" || frame.priority === PRIORITY.control;
    }
    if (needsAck) {
      // A client's timers may be throttled (hidden tab): it never waits with an acknowledgement.
      const isEager = isUrgent || this.role === "client";
      path.wantAck(isEager ? 0 : ACK_DELAY_MS, isEager ? 1 : ACK_EVERY_RECORDS, nowMs);
    }
    if (!isNew) return;
    this.#receivingOn = path.id.kind;
    try {
      for (const frame of frames) this.#onFrame(frame, nowMs);
    } finally {
      this.#receivingOn = undefined;
    }
  }

  #onFrame(frame: Frame, nowMs: number): void {
    switch (frame.type) {
      case "ping":
        return;
      case "ack": {
        const path = this.#find(frame.path);
        if (path === undefined) return;
        const { acked, lost } = path.onAck(frame.ranges, frame.delayMs, nowMs);
        if (acked.length > 0) path.state = "open";
        for (const sent of acked) this.#onAcked(sent);
        for (const sent of lost) this.#onLost(sent);
        return;
      }
      case "stream":
        return this.streams.onStream(frame);
      case "credit":
        return this.streams.onCredit(frame);
      case "budget":
        return this.streams.onBudget(frame.limit);
      case "reset":
        return this.streams.onReset(frame);
      case "stop":
        return this.streams.onStop(frame);
      case "query":
        return this.streams.onQuery(frame.id);
      case "state":
        return this.streams.onState(frame);
      case "suspect": {
        const path = this.#find(frame.path);
        if (path !== undefined && path.state === "open") this.#suspect(path, nowMs, false);
        return;
      }
      case "policy":
        if (this.role === "client") return;
        this.#policy = frame.policy;
        this.#events.push({ type: "policy", policy: frame.policy });
        this.#decide(nowMs);
        return;
      case "close":
        this.#onClose(frame.answer);
        return;
    }
  }

  #onClose(isAnswer: boolean): void {
    if (isAnswer) {
      // The peer has all of ours and has said so; all of its own has reached us.
      if (this.#phase === "closing") this.#finish(undefined);
      return;
    }
    if (this.#peerIsClosing) return;
    this.#peerIsClosing = true;
    this.#events.push({ type: "closing" });
  }

  // ── inside: repair ─────────────────────────────────────────────────────────

  #onAcked(sent: SentRecord): void {
    for (const { stream, piece } of sent.pieces) stream.onAcked(piece);
    for (const control of sent.controls) {
      if (control.type === "reset") this.streams.onResetAcked(control.id);
      if (control.type === "close" && control.answer) this.#finish(undefined);
    }
  }

  #onLost(sent: SentRecord): void {
    for (const { stream, piece } of sent.pieces) stream.onLost(piece);
    for (const control of sent.controls) this.#controls.add(control);
  }

  /** What was in flight on a lost path: commands go again at once, for bulk the peer is asked. */
  #rescue(path: PathState): void {
    for (const sent of path.abandon()) {
      for (const control of sent.controls) this.#controls.add(control);
      for (const { stream, piece } of sent.pieces) {
        if (stream.priority === PRIORITY.control) {
          stream.onLost(piece);
        } else {
          stream.onUncertain(piece);
          if (stream.hasUncertain) this.#controls.add({ type: "query", id: stream.id });
        }
      }
    }
    this.#outbox.dropHedges(path.id);
  }

  #suspect(path: PathState, nowMs: number, tellPeer: boolean): void {
    path.state = "suspect";
    path.suspectSinceMs = nowMs;
    path.isPingDue = true;
    this.#rescue(path);
    if (tellPeer) this.#controls.add({ type: "suspect", path: path.id });
    this.#events.push({ type: "suspect", path: path.id });
    this.#decide(nowMs);
  }

  // ── inside: upkeep ─────────────────────────────────────────────────────────

  #maintain(nowMs: number): void {
    for (const path of [...this.#paths]) {
      for (const sent of path.detectLost(nowMs)) this.#onLost(sent);
      if (path.state === "open") {
        if (path.isDark(nowMs)) this.#suspect(path, nowMs, true);
        else if (path.takeProbe(nowMs)) path.isPingDue = true;
        this.#hedge(path, nowMs);
      } else if (nowMs - path.suspectSinceMs >= SUSPECT_TO_DEAD_MS) {
        path.suspectSinceMs = nowMs;
        this.#events.push({ type: "dead", path: path.id });
      }
      if (nowMs >= this.#pingAtMs(path)) path.isPingDue = true;
    }
    this.#decide(nowMs);
    this.#maintainClose();
  }

  #maintainClose(): void {
    const isClosing = this.#phase === "closing" && !this.#closeSent;
    if (!isClosing && !(this.#peerIsClosing && !this.#closeAnswered)) return;
    if (this.streams.undelivered().length > 0) return;
    if (isClosing) {
      this.#closeSent = true;
      this.#controls.add({ type: "close", answer: false });
    }
    if (this.#peerIsClosing) {
      this.#closeAnswered = true;
      this.#controls.add({ type: "close", answer: true });
    }
  }

  #hedge(path: PathState, nowMs: number): void {
    const rival = this.#rivalOf(path);
    if (rival === undefined) return;
    for (const sent of path.overdue(overdueMs(path), nowMs)) {
      sent.isHedged = true;
      this.#outbox.hedge(rival.id, sent);
    }
  }

  /** The leader's clock: a client's timers may be throttled, so it only answers. */
  #pingAtMs(path: PathState): number {
    if (this.role === "client" && path.state === "open") return Number.POSITIVE_INFINITY;
    const isWatched = this.#isBusy || path.state === "suspect" || this.#hasWork;
    return path.lastPingAtMs + (isWatched ? PING_BUSY_MS : PING_IDLE_MS);
  }

  get #hasWork(): boolean {
    return this.#paths.some((path) => path.hasInFlight);
  }

  #rivalOf(path: PathState): PathState | undefined {
    return this.#paths.find((other) => other !== path && other.state === "open");
  }

  #decide(nowMs: number): void {
    const views = this.#paths.map(viewOf);
    this.#commandKind = chooseCommandPath(views, this.#commandKind);
    const before = this.#bulk;
    const backlog = this.#outbox.bulkBacklog();
    this.#bulk = chooseBulkPath(this.#policy, views, before, backlog, nowMs);
    if (this.#bulk?.kind !== before?.kind) {
      const reason = this.#bulk?.reason ?? "only-path";
      this.#events.push({ type: "switched", to: this.#bulk?.kind, reason });
    }
  }

  #forgiveStall(nowMs: number): void {
    const stalledMs = nowMs - this.#wakeAtMs;
    if (stalledMs < STALL_MS) return;
    for (const path of this.#paths) path.forgive(stalledMs);
    this.#wakeAtMs = nowMs;
  }

  #missing(): BeelineError {
    const missing = this.streams.undelivered();
    const bytes = missing.reduce((sum, stream) => sum + stream.retainedBytes, 0);
    return new BeelineError(
      "DELIVERY_INCOMPLETE",
      `${missing.length} streams with ${bytes} bytes were not taken by the other side, ` +
        `${this.streams.openIncoming} of its streams were still arriving`,
    );
  }

  #finish(error: BeelineError | undefined): void {
    this.#phase = "closed";
    this.#closeDeadlineMs = Number.POSITIVE_INFINITY;
    this.#controls.clear();
    this.#events.push({ type: "closed", error });
  }

  #assertOpen(): void {
    if (this.#phase !== "open") throw new BeelineError("SESSION_CLOSED", "the session was closed");
  }

  #find(id: PathId): PathState | undefined {
    return this.#paths.find(
      (path) => path.id.kind === id.kind && path.id.generation === id.generation,
    );
  }
}

function viewOf(path: PathState): PathView {
  return {
    kind: path.id.kind,
    isOpen: path.state === "open",
    rttMs: path.rtt.measuredMs,
    goodput: path.goodput.bytesPerSecond,
  };
}

function overdueMs(path: PathState): number {
  return Math.max(HEDGE_FLOOR_MS, HEDGE_RTT_FACTOR * path.rtt.smoothedMs);
}

export type { Control };
