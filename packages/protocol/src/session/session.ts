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
  type DecodedRecord,
  decodeRecord,
  type PathId,
  type PathKind,
  sessionTagOf,
} from "../record.ts";
import type { BulkChoice } from "./choose-path.ts";
import { Closing } from "./closing.ts";
import { ControlQueue } from "./control-queue.ts";
import { Handshake } from "./handshake.ts";
import { Outbox } from "./outbox.ts";
import { PathState } from "./path-state.ts";
import { Repair } from "./repair.ts";
import type { SessionEvent, SessionOptions, SessionRole } from "./session-events.ts";
import { Steering } from "./steering.ts";
import { Streams } from "./streams.ts";
import { ACK_DELAY_MS, ACK_EVERY_RECORDS, PING_BUSY_MS, PING_IDLE_MS, STALL_MS } from "./tuning.ts";

export type { SessionEvent, SessionOptions, SessionRole } from "./session-events.ts";

export class Session {
  readonly role: SessionRole;
  readonly sessionId: string;
  readonly streams: Streams;
  readonly handshake: Handshake;
  readonly #tag: number;
  readonly #controls = new ControlQueue();
  readonly #steering = new Steering();
  readonly #closing = new Closing();
  readonly #repair: Repair;
  readonly #outbox: Outbox;
  /** At most one of each kind. */
  readonly #paths: PathState[] = [];
  /** Newest generation opened so far: packet numbers must never start again under an old one. */
  readonly #newest: Record<PathKind, number> = { relay: -1, direct: -1 };
  #events: SessionEvent[] = [];
  #isBusy = false;
  #isClosed = false;
  /** When everything that was due had been seen to; and when the caller was to come back. */
  #ranAtMs = Number.NEGATIVE_INFINITY;
  #promisedMs = Number.POSITIVE_INFINITY;
  #receivingOn: PathKind | undefined;

  constructor(options: SessionOptions) {
    this.role = options.role;
    this.sessionId = options.sessionId;
    this.#tag = sessionTagOf(options.sessionId);
    this.handshake = new Handshake(options);
    this.streams = new Streams(options.role === "client" ? 0 : 1, this.#controls, (event) => {
      const path = this.#receivingOn;
      this.#events.push(path === undefined ? event : { ...event, path });
    });
    this.#repair = new Repair(this.streams, this.#controls, this.#closing);
    this.#outbox = new Outbox(this.#tag, this.streams, this.#controls, {
      policy: () => this.#steering.policy,
      isSuspect: (id) => this.#find(id)?.state === "suspect",
    });
  }

  // ── paths ──────────────────────────────────────────────────────────────────

  /**
   * A path may carry records from now on; an older one of its kind is closed. On the relay a client
   * says hello first. An old generation is ignored. `isSelfPaced` is told of at {@link PathState}.
   */
  openPath(id: PathId, nowMs: number, isSelfPaced = false): void {
    if (this.#isClosed || id.generation <= this.#newest[id.kind]) return;
    this.#newest[id.kind] = id.generation;
    const older = this.#paths.find((path) => path.id.kind === id.kind);
    if (older !== undefined) this.closePath(older.id, nowMs);
    this.#paths.push(new PathState(id, nowMs, isSelfPaced));
    if (id.kind === "relay") this.handshake.onRelayOpen(nowMs);
    this.#maintain(nowMs);
  }

  closePath(id: PathId, nowMs: number): void {
    const path = this.#find(id);
    if (path === undefined) return;
    this.#paths.splice(this.#paths.indexOf(path), 1);
    if (id.kind === "relay") this.handshake.onRelayClosed();
    this.#rescue(path);
    this.#maintain(nowMs);
  }

  /**
   * Takes in a record. Those of other sessions and older paths are ignored.
   * @throws {BeelineError} `RECORD_MALFORMED` or `PROTOCOL_VIOLATION`: the peer is broken or hostile;
   * the caller aborts the session.
   */
  receive(bytes: Uint8Array, nowMs: number): void {
    const record = decodeRecord(bytes);
    if (record.sessionTag !== this.#tag) return;
    const path = this.#find(record);
    if (path === undefined) return;
    this.#forgiveStall(nowMs);
    const frames = record.type === "frames" ? decodeFrames(record.body) : [];
    const isNew = path.onReceived(record.packetNumber, bytes.byteLength, nowMs);
    this.#oweAck(path, frames, nowMs);
    // A session that is over still acknowledges, so that the peer learns that its close arrived.
    if (this.#isClosed) return;
    if (isNew) {
      this.#receivingOn = path.id.kind;
      try {
        if (record.type !== "frames") this.#onHandshake(record);
        for (const frame of frames) this.#onFrame(frame, nowMs);
      } finally {
        this.#receivingOn = undefined;
      }
    }
    this.#maintain(nowMs);
  }

  /** The next record for this path, or undefined when there is nothing (more) to say on it now. */
  nextRecord(id: PathId, nowMs: number): Uint8Array | undefined {
    const path = this.#find(id);
    if (path === undefined || path.isExhausted) return undefined;
    if (this.#isClosed) return this.#outbox.ackRecord(path, nowMs);
    const greeting = id.kind === "relay" ? this.handshake.nextRecord(nowMs) : undefined;
    if (greeting !== undefined) {
      return this.#outbox.handshakeRecord(path, greeting.type, greeting.body, nowMs);
    }
    return this.#outbox.nextRecord(path, nowMs, this.#steering.dutiesOf(path));
  }

  /** How many bytes of records a path may join into one piece without holding up what follows. */
  batchBytes(id: PathId): number {
    return this.#find(id)?.batchBytes ?? 0;
  }

  // ── time ───────────────────────────────────────────────────────────────────

  tick(nowMs: number): void {
    if (this.#isClosed) return;
    this.#forgiveStall(nowMs);
    this.#maintain(nowMs);
  }

  /**
   * When {@link tick} must be called at the latest; Infinity: only when something happens. What was
   * due already and waits for a path that can send is not a reason to wake.
   */
  wakeAtMs(nowMs: number): number {
    this.#promisedMs = Number.POSITIVE_INFINITY;
    if (this.#isClosed) return this.#promisedMs;
    let wakeAtMs = Math.min(this.#closing.wakeAtMs, this.#unlessSeenTo(this.handshake.wakeAtMs));
    for (const path of this.#paths) {
      wakeAtMs = Math.min(
        wakeAtMs,
        this.#unlessSeenTo(path.received.ackDueAtMs),
        path.wakeAtMs,
        this.#pingAtMs(path),
        this.#rivalOf(path) === undefined ? wakeAtMs : path.hedgeAtMs,
      );
    }
    this.#promisedMs = Math.max(nowMs, wakeAtMs);
    return this.#promisedMs;
  }

  // ── the application ────────────────────────────────────────────────────────

  takeEvents(): SessionEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  openStream(priority: Priority): number {
    if (this.#isClosed || !this.#closing.isOpen) {
      throw new BeelineError("SESSION_CLOSED", "the session is closing or closed");
    }
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
    if (policy === this.#steering.policy) return;
    this.#steering.policy = policy;
    if (this.role === "client") this.#controls.add({ type: "policy" });
    this.#decide(nowMs);
  }

  /**
   * Ends the session once the peer has everything and we have everything of the peer's. A `closed`
   * event follows, with `DELIVERY_INCOMPLETE` if that takes longer than `timeoutMs`.
   */
  close(nowMs: number, timeoutMs: number): void {
    if (this.#isClosed || this.#closing.isOwnWish) return;
    this.#closing.start(nowMs + timeoutMs);
    this.#maintain(nowMs);
  }

  /** Ends the session now, because of `error`. */
  abort(error: BeelineError | undefined): void {
    if (!this.#isClosed) this.#finish(error);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  paths(): readonly PathState[] {
    return this.#paths;
  }

  /** Where bulk travels now; undefined while no path is open. */
  get bulkPath(): BulkChoice | undefined {
    return this.#steering.bulk;
  }

  // ── inside: frames ─────────────────────────────────────────────────────────

  #oweAck(path: PathState, frames: readonly Frame[], nowMs: number): void {
    const eliciting = frames.filter((frame) => frame.type !== "ack");
    if (eliciting.length === 0) return;
    const isUrgent = eliciting.some(
      (frame) => frame.type !== "stream" || frame.priority === PRIORITY.control,
    );
    // A client's timers may be throttled (hidden tab): it never waits with an acknowledgement.
    const isEager = isUrgent || this.role === "client";
    path.received.wantAck(isEager ? 0 : ACK_DELAY_MS, isEager ? 1 : ACK_EVERY_RECORDS, nowMs);
  }

  #onHandshake(record: DecodedRecord): void {
    const outcome = this.handshake.onRecord(record.type, record.body);
    if (outcome !== undefined) this.#events.push(outcome);
  }

  #onFrame(frame: Frame, nowMs: number): void {
    switch (frame.type) {
      case "ping":
        return;
      case "ack": {
        const path = this.#find(frame.path);
        if (path === undefined) return;
        for (const sent of path.onAck(frame.ranges, frame.delayMs, nowMs))
          this.#repair.onAcked(sent);
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
        if (path?.state === "open" && !path.hasJustAnswered(nowMs))
          this.#suspect(path, nowMs, false);
        return;
      }
      case "policy":
        if (this.role === "client") return;
        this.#steering.policy = frame.policy;
        this.#events.push({ type: "policy", policy: frame.policy });
        return;
      case "close":
        if (this.#closing.onPeerClose()) this.#events.push({ type: "closing" });
        return;
    }
  }

  // ── inside: upkeep ─────────────────────────────────────────────────────────

  #rescue(path: PathState): void {
    for (const sent of path.abandon()) this.#repair.onAbandoned(sent);
    this.#outbox.dropHedges(path);
  }

  #suspect(path: PathState, nowMs: number, tellPeer: boolean): void {
    path.suspect(nowMs);
    if (tellPeer) this.#controls.add({ type: "suspect", path: path.id });
    this.#events.push({ type: "suspect", path: path.id });
  }

  /** Sees to everything that is due. */
  #maintain(nowMs: number): void {
    this.#ranAtMs = nowMs;
    for (const path of [...this.#paths]) {
      for (const sent of path.takeLost(nowMs)) this.#repair.onLost(sent);
      if (path.darkAtMs <= nowMs) this.#suspect(path, nowMs, true);
      if (path.probeAtMs <= nowMs) path.probe();
      if (this.#pingAtMs(path) <= nowMs) path.isPingDue = true;
      this.#relieve(path, nowMs);
      if (path.deadAtMs <= nowMs) {
        path.suspectSinceMs = nowMs;
        this.#events.push({ type: "dead", path: path.id });
      }
    }
    this.#decide(nowMs);
    this.#advanceClose(nowMs);
  }

  /**
   * What hangs on this path goes to the other one: commands that are overdue, and everything once the
   * path is suspect. Without another path it stays: then late is all it can be.
   */
  #relieve(path: PathState, nowMs: number): void {
    const rival = this.#rivalOf(path);
    if (rival === undefined) return;
    for (const sent of path.takeOverdue(nowMs)) this.#outbox.hedge(rival, sent);
    if (path.state === "suspect") this.#rescue(path);
  }

  /** The extension keeps the clock: a client's timers may be throttled, so it pings at leisure. */
  #pingAtMs(path: PathState): number {
    if (path.isPingDue) return Number.POSITIVE_INFINITY;
    const hasWork =
      this.#isBusy ||
      this.streams.isReceiving ||
      this.#paths.some((other) => other.flight.hasPayload);
    const isWatched = path.state === "suspect" || (hasWork && this.role === "extension");
    return path.lastPingAtMs + (isWatched ? PING_BUSY_MS : PING_IDLE_MS);
  }

  #rivalOf(path: PathState): PathState | undefined {
    return this.#paths.find((other) => other !== path && other.state === "open");
  }

  #decide(nowMs: number): void {
    const backlogBytes = this.streams.pendingBulkBytes();
    if (!this.#steering.decide(this.#paths, backlogBytes, nowMs)) return;
    const { kind: to, reason = "only-path" } = this.#steering.bulk ?? {};
    this.#events.push({ type: "switched", to, reason });
  }

  #advanceClose(nowMs: number): void {
    if (this.#isClosed) return;
    const step = this.#closing.advance(this.streams.undelivered().length === 0, nowMs);
    if (step === "say") this.#controls.add({ type: "close" });
    else if (step !== undefined) this.#finish(step === "late" ? this.streams.missing() : undefined);
  }

  /** Infinity for what {@link #maintain} saw to already: it goes out once a path can send. */
  #unlessSeenTo(atMs: number): number {
    return atMs > this.#ranAtMs ? atMs : Number.POSITIVE_INFINITY;
  }

  #forgiveStall(nowMs: number): void {
    const stalledMs = nowMs - this.#promisedMs;
    if (stalledMs < STALL_MS) return;
    for (const path of this.#paths) path.forgive(stalledMs, nowMs);
    this.#promisedMs = nowMs;
  }

  #finish(error: BeelineError | undefined): void {
    this.#isClosed = true;
    this.#controls.clear();
    this.#events.push({ type: "closed", error });
  }

  #find(id: PathId): PathState | undefined {
    return this.#paths.find(
      (path) => path.id.kind === id.kind && path.id.generation === id.generation,
    );
  }
}
