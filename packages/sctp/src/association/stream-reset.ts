/**
 * Streams that begin anew: RFC 6525, as RFC 8831 section 6.7 uses it to close data channels. Either
 * side resets its outgoing streams; the other follows with its own.
 *
 * A request goes out when everything sent on its streams is acknowledged, so the other side need not
 * put it off. One request is on the way at a time (section 5.1.1).
 */

import type { ReconfigChunk, ReconfigParameter } from "../wire/chunk.ts";
import { RetryTimer } from "./retry-timer.ts";

/** Section 4.4. */
const RESULT = {
  nothingToDo: 0,
  performed: 1,
  denied: 2,
  alreadyInProgress: 4,
  badSequence: 5,
  inProgress: 6,
} as const;

const MOST_WAIT_MS = 3000;
/** As of everything else that is not answered. */
const MOST_SENDINGS = 10;
/** Of one request: the chunk must fit a packet. The others follow in the next. */
const MOST_STREAMS = 200;
/** Answers that wait for a packet; an honest side has one request on the way. */
const MOST_ANSWERS = 4;

type Response = Extract<ReconfigParameter, { kind: "response" }>;
type OutgoingReset = Extract<ReconfigParameter, { kind: "outgoing-reset" }>;

export interface StreamResetParts {
  readonly initialTsn: number;
  readonly peerInitialTsn: number;
  /** Nothing of it waits to be sent. */
  isDrained(streamId: number): boolean;
  /** The last TSN given, and whether all up to one are acknowledged. */
  lastTsn(): number;
  isAcked(tsn: number): boolean;
  /** Everything up to this TSN was received. */
  hasAllUpTo(tsn: number): boolean;
  /** The other side's streams begin anew; none means all. */
  onIncoming(streams: readonly number[]): void;
  onOutgoing(streams: readonly number[], isDone: boolean): void;
  /** The other side asks us to reset ours. */
  onAsked(streams: readonly number[]): void;
}

export class StreamReset {
  readonly #parts: StreamResetParts;
  readonly #timer = new RetryTimer({ mostWaitMs: MOST_WAIT_MS, mostSendings: MOST_SENDINGS });
  /** Wanted, and not asked for yet. */
  readonly #wanted = new Set<number>();
  /** Drained; asked for when all up to `#afterTsn` is acknowledged. */
  #settling: readonly number[] = [];
  #request: OutgoingReset | undefined;
  #afterTsn = 0;
  #nextRequest: number;

  #lastPeerRequest: number;
  #lastResult: number = RESULT.nothingToDo;
  /** The other side's request that waits for data that is missing (section 5.2.2, E2). */
  #deferred: OutgoingReset | undefined;
  #answers: Response[] = [];

  constructor(parts: StreamResetParts) {
    this.#parts = parts;
    this.#nextRequest = parts.initialTsn;
    this.#lastPeerRequest = (parts.peerInitialTsn - 1) >>> 0;
  }

  get wakeAtMs(): number {
    return this.#answers.length > 0 ? Number.NEGATIVE_INFINITY : this.#timer.wakeAtMs;
  }

  /** From being wanted until it is answered. */
  isPending(streamId: number): boolean {
    return (
      this.#wanted.has(streamId) ||
      this.#settling.includes(streamId) ||
      this.#request?.streams.includes(streamId) === true
    );
  }

  want(streams: readonly number[]): void {
    for (const streamId of streams) {
      if (!this.isPending(streamId)) this.#wanted.add(streamId);
    }
  }

  /** Call after SACKs and when data left: moves on what waited for it. */
  advance(nowMs: number, timeoutMs: number): void {
    if (this.#request !== undefined) return;
    if (this.#settling.length === 0) this.#settle();
    if (this.#settling.length === 0 || !this.#parts.isAcked(this.#afterTsn)) return;
    this.#ask(this.#settling);
    this.#settling = [];
    this.#timer.start(nowMs, timeoutMs);
  }

  /** Data arrived: a request that waited for it may be done now. */
  onData(): void {
    const deferred = this.#deferred;
    if (deferred === undefined || !this.#parts.hasAllUpTo(deferred.lastTsn)) return;
    this.#deferred = undefined;
    this.#lastResult = RESULT.performed;
    this.#answer(deferred.request, this.#lastResult);
    this.#parts.onIncoming(deferred.streams);
  }

  onReconfig(chunk: ReconfigChunk, nowMs: number, timeoutMs: number): void {
    for (const parameter of chunk.parameters) {
      if (parameter.kind === "response") this.#onResponse(parameter, nowMs, timeoutMs);
      else this.#onRequest(parameter);
    }
  }

  /** What to send now; "failed" when the other side never answers. */
  due(nowMs: number): ReconfigChunk | "failed" | undefined {
    const answer = this.#answers.shift();
    if (answer !== undefined) return { type: "reconfig", parameters: [answer] };
    if (this.#request === undefined || !this.#timer.isDue(nowMs)) return undefined;
    if (this.#timer.hasFailed) return "failed";
    this.#timer.onSent(nowMs);
    const request = { ...this.#request, response: this.#lastPeerRequest };
    return { type: "reconfig", parameters: [request] };
  }

  #settle(): void {
    const drained: number[] = [];
    for (const streamId of this.#wanted) {
      if (drained.length === MOST_STREAMS) break;
      if (this.#parts.isDrained(streamId)) drained.push(streamId);
    }
    if (drained.length === 0) return;
    for (const streamId of drained) this.#wanted.delete(streamId);
    this.#settling = drained;
    this.#afterTsn = this.#parts.lastTsn();
  }

  #ask(streams: readonly number[]): void {
    this.#request = {
      kind: "outgoing-reset",
      request: this.#nextRequest,
      response: this.#lastPeerRequest,
      lastTsn: this.#afterTsn,
      streams,
    };
    this.#nextRequest = (this.#nextRequest + 1) >>> 0;
  }

  #onResponse({ response, result }: Response, nowMs: number, timeoutMs: number): void {
    const request = this.#request;
    if (request === undefined || response !== request.request) return;
    if (result === RESULT.inProgress || result === RESULT.alreadyInProgress) {
      // Section 5.2.7: later. With a new number, for some remember the answer to the old one.
      this.#ask(request.streams);
      this.#timer.start(nowMs + timeoutMs, timeoutMs);
      return;
    }
    this.#request = undefined;
    this.#timer.stop();
    const isDone = result === RESULT.nothingToDo || result === RESULT.performed;
    this.#parts.onOutgoing(request.streams, isDone);
  }

  #onRequest(parameter: Exclude<ReconfigParameter, { kind: "response" }>): void {
    const { request } = parameter;
    if (request === this.#lastPeerRequest) {
      // Section 5.2.1: it did not get our answer.
      this.#answer(request, this.#lastResult);
      return;
    }
    if (request !== (this.#lastPeerRequest + 1) >>> 0) {
      this.#answer(request, RESULT.badSequence);
      return;
    }
    this.#lastPeerRequest = request;
    this.#lastResult = this.#perform(parameter);
    this.#answer(request, this.#lastResult);
  }

  #perform(parameter: Exclude<ReconfigParameter, { kind: "response" }>): number {
    if (parameter.kind === "other") return RESULT.denied;
    if (parameter.kind === "incoming-reset") {
      this.#parts.onAsked(parameter.streams);
      return RESULT.performed;
    }
    if (!this.#parts.hasAllUpTo(parameter.lastTsn)) {
      this.#deferred = parameter;
      return RESULT.inProgress;
    }
    this.#deferred = undefined;
    this.#parts.onIncoming(parameter.streams);
    return RESULT.performed;
  }

  #answer(response: number, result: number): void {
    if (this.#answers.length === MOST_ANSWERS) this.#answers.shift();
    this.#answers.push({ kind: "response", response, result });
  }
}
