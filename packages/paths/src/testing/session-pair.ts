/**
 * Two sessions over a pipe in memory, each with its driver and its exchange, as client and extension
 * have them. For tests only: not part of what the package ships.
 */

import {
  BeelineError,
  type PathId,
  Session,
  type SessionEvent,
  type SessionRole,
} from "@beeline/protocol";
import { type Clock, realClock } from "../clock.ts";
import { type AcceptStream, Exchange, type IncomingStream } from "../exchange.ts";
import type { Path } from "../path.ts";
import { SessionDriver } from "../session-driver.ts";

const SESSION_ID = "0123456789abcdef".repeat(2);
/** Records that may wait below, like those of a data channel. */
const PIPE_RECORDS = 2;

/** One direction of a path: whole records, in order, one a turn; nothing while it is blocked. */
export class PipePath implements Path {
  readonly id: PathId;
  readonly isSelfPaced = false;
  onRecord: (record: Uint8Array) => void = () => {};
  onWritable: () => void = () => {};
  isBlocked = false;
  isClosed = false;
  sentBytes = 0;
  readonly #waiting: Uint8Array[] = [];

  constructor(id: PathId) {
    this.id = id;
  }

  get canSend(): boolean {
    return !this.isClosed && this.#waiting.length < PIPE_RECORDS;
  }

  send(record: Uint8Array): void {
    this.#waiting.push(record);
    this.sentBytes += record.byteLength;
    setImmediate(() => this.#deliver());
  }

  unblock(): void {
    this.isBlocked = false;
    setImmediate(() => this.#deliver());
  }

  close(): void {
    this.isClosed = true;
  }

  #deliver(): void {
    if (this.isBlocked || this.isClosed) return;
    const record = this.#waiting.shift();
    if (record === undefined) return;
    this.onRecord(record);
    this.onWritable();
    if (this.#waiting.length > 0) setImmediate(() => this.#deliver());
  }
}

export class SessionEnd {
  readonly driver: SessionDriver;
  readonly exchange: Exchange;
  readonly events: SessionEvent[] = [];
  /** Replaced by tests: what to do with the streams of the other side. */
  accept: AcceptStream = () => undefined;
  onEvent: (event: SessionEvent) => void = () => {};

  constructor(role: SessionRole, clock: Clock) {
    const session = new Session({
      role,
      sessionId: SESSION_ID,
      ...(role === "client" ? { clientId: "a".repeat(32), name: "test" } : {}),
    });
    this.driver = new SessionDriver(session, clock, (event) => {
      this.events.push(event);
      this.exchange.handle(event);
      this.onEvent(event);
    });
    this.exchange = new Exchange(this.driver, (header) => this.accept(header));
  }

  /** The session is over, as its owner would end it. */
  end(error: BeelineError): void {
    this.driver.session.abort(error);
    this.exchange.end(error);
    this.driver.stop();
  }
}

export interface SessionPair {
  readonly client: SessionEnd;
  readonly extension: SessionEnd;
  readonly toClient: PipePath;
  readonly toExtension: PipePath;
  close(): void;
}

/** Two ends with one direct path between them: it needs no handshake. */
export function openPair(clock: Clock = realClock): SessionPair {
  const id: PathId = { kind: "direct", generation: 1 };
  const client = new SessionEnd("client", clock);
  const extension = new SessionEnd("extension", clock);
  const toClient = new PipePath(id);
  const toExtension = new PipePath(id);
  for (const [path, from, to] of [
    [toClient, extension, client],
    [toExtension, client, extension],
  ] as const) {
    path.onRecord = (record) => to.driver.receive(record);
    path.onWritable = () => from.driver.run();
    from.driver.attach(path);
  }
  const close = (): void => {
    const over = new BeelineError("SESSION_CLOSED", "the test is over");
    client.end(over);
    extension.end(over);
  };
  return { client, extension, toClient, toExtension, close };
}

/** Collects a stream of messages until it ends; rejects when it is reset. */
export function collectMessages(): { stream: IncomingStream; all: Promise<unknown[]> } {
  const messages: unknown[] = [];
  let stream: IncomingStream = {};
  const all = new Promise<unknown[]>((resolve, reject) => {
    stream = {
      onMessage: (message) => void messages.push(message),
      onEnd: () => resolve(messages),
      onReset: (code) => reject(new Error(`reset with ${code}`)),
    };
  });
  all.catch(() => {});
  return { stream, all };
}
