/**
 * What one peer may relay, and what it is told when that is too much.
 *
 *     frame      MAX_RELAY_FRAME_BYTES
 *     session    (sender, receiver): its own token bucket, so that one session of a sender cannot
 *                starve another
 *     user       all sessions of one owner's links on this process: one bucket
 *     receiver   what waits for it is the receiver's business (see peer-line.ts)
 *     events     a socket's signals, how many; their bytes count like records'
 *     message, unfinished
 *                a shipped-dialect message, and all that are on their way (see peer-sockets.ts)
 *
 * What is over a limit is dropped, counted and answered by `limited`; a sender that heeds it loses
 * nothing more, and one that does not harms nobody else. The session sends dropped records again.
 */

import {
  type ErrorCode,
  type Limited,
  MAX_MESSAGE_BYTES,
  MAX_RELAY_FRAME_BYTES,
  type PeerId,
} from "@beeline/protocol";
import { NamedBuckets, type Rate, TokenBucket } from "./rate-limit.ts";
import { MAX_ROOM_PEERS } from "./rooms.ts";

/** What a record costs besides its bytes: routing an empty one takes as long as copying this much. */
const RECORD_COST_BYTES = 1024;
/** A sender that floods must not be answered as often. */
const NOTICE_EVERY_MS = 1_000;
/** How long a receiver at 16 Mbit/s takes to make room for two frames. */
const FULL_RECEIVER_RETRY_MS = 64;

/** When a bucket of events has some again. */
const EVENTS_RETRY_MS = 100;

export type RelayLimit =
  | "frame"
  | "session"
  | "user"
  | "receiver"
  | "events"
  | "message"
  | "unfinished";

const TEXTS: Readonly<Record<RelayLimit, readonly [ErrorCode, string]>> = {
  frame: ["LIMIT_EXCEEDED", `a relayed frame or a signal may have ${MAX_RELAY_FRAME_BYTES} bytes`],
  session: ["RATE_LIMITED", "too many bytes for this receiver"],
  user: ["RATE_LIMITED", "too many bytes over this user's links"],
  receiver: ["LIMIT_EXCEEDED", "the receiver does not keep up"],
  events: ["RATE_LIMITED", "too many events from this socket"],
  message: ["LIMIT_EXCEEDED", `a dialect message may have ${MAX_MESSAGE_BYTES} bytes`],
  unfinished: ["LIMIT_EXCEEDED", "too many unfinished dialect messages from this address"],
};

export interface RelayLimits {
  readonly session: Rate;
  readonly users: UserRates;
}

/** Buckets of the owners of links, shared by all sockets of a process. */
export class UserRates {
  readonly rate: Rate;
  readonly #buckets: NamedBuckets;

  constructor(rate: Rate) {
    this.rate = rate;
    this.#buckets = new NamedBuckets(rate);
  }

  take(userId: string, bytes: number, nowMs: number): boolean {
    return this.#buckets.take(userId, nowMs, costOf(bytes, this.rate));
  }
}

/** What is larger than the bucket takes all of it, so that it passes sometimes. */
function costOf(bytes: number, { capacity }: Rate): number {
  return Math.min(bytes + RECORD_COST_BYTES, capacity);
}

/** One sender's. */
export class RelayGate {
  readonly #limits: RelayLimits;
  readonly #tell: (message: Limited) => void;
  readonly #sessions = new Map<PeerId, TokenBucket>();
  #noticeAtMs = Number.NEGATIVE_INFINITY;

  constructor(limits: RelayLimits, tell: (message: Limited) => void) {
    this.#limits = limits;
    this.#tell = tell;
  }

  /** @returns the limit that a record of `bytes` exceeds now, or `undefined` if it may pass. */
  check(to: PeerId, userId: string, bytes: number, nowMs: number): RelayLimit | undefined {
    if (bytes > MAX_RELAY_FRAME_BYTES) return "frame";
    const cost = costOf(bytes, this.#limits.session);
    const session = this.#session(to, nowMs);
    if (!session.take(cost, nowMs)) return "session";
    if (this.#limits.users.take(userId, bytes, nowMs)) return undefined;
    session.giveBack(cost);
    return "user";
  }

  /** Tells the sender that something was not passed on. */
  refuse(limit: RelayLimit, nowMs: number): void {
    if (nowMs - this.#noticeAtMs < NOTICE_EVERY_MS) return;
    this.#noticeAtMs = nowMs;
    const [code, message] = TEXTS[limit];
    this.#tell({ code, message, retryAfterMs: retryAfterMs(limit, this.#limits) });
  }

  #session(to: PeerId, nowMs: number): TokenBucket {
    const known = this.#sessions.get(to);
    if (known !== undefined) return known;
    // Receivers come and go under new ids; the oldest is the likeliest to be gone.
    const [oldest] = this.#sessions.size >= MAX_ROOM_PEERS ? this.#sessions.keys() : [];
    if (oldest !== undefined) this.#sessions.delete(oldest);
    const bucket = new TokenBucket(this.#limits.session, nowMs);
    this.#sessions.set(to, bucket);
    return bucket;
  }
}

function retryAfterMs(limit: RelayLimit, { session, users }: RelayLimits): number {
  switch (limit) {
    case "frame":
    case "message":
      return 0;
    case "receiver":
    case "unfinished":
      return FULL_RECEIVER_RETRY_MS;
    case "events":
      return EVENTS_RETRY_MS;
    case "session":
      return fullEventMs(session);
    case "user":
      return fullEventMs(users.rate);
  }
}

function fullEventMs({ perSecond }: Rate): number {
  return Math.ceil(((MAX_RELAY_FRAME_BYTES + RECORD_COST_BYTES) / perSecond) * 1000);
}
