/**
 * How many bytes may be unacknowledged on one path: enough to keep it busy, little enough that a
 * command does not queue behind them.
 *
 * Below us a reliable transport (TCP, SCTP) does the real congestion control; what it hides from us
 * is its queue. So the window follows delay, in the manner of LEDBAT (RFC 6817): it grows while the
 * round trip stays near its minimum and shrinks towards the measured goodput × minimum round trip
 * when the queue exceeds QUEUE_TARGET_MS. Now and then it lets the queue drain, so that the minimum
 * can be seen again.
 */

import { MAX_RECORD_BYTES } from "../limits.ts";
import type { PathKind } from "../record.ts";
import {
  QUEUE_TARGET_MS,
  WINDOW_CEILING_BYTES,
  WINDOW_FLOOR_BYTES,
  WINDOW_START_BYTES,
} from "./tuning.ts";

/** While the queue drains: two records, so that acknowledgements keep coming. */
const DRAIN_BYTES = 2 * MAX_RECORD_BYTES;

/** How long it drains beyond one round trip (RFC draft BBR: 200 ms). */
const DRAIN_MS = 200;

/** Delay samples are noisy upwards (timers, garbage collection): the smallest of four counts. */
const FILTER_SAMPLES = 4;

/** What a path asks its window, whoever made it. */
export interface PathWindow {
  readonly bytes: number;
  drain(rttMs: number, nowMs: number): void;
  onAck(
    ackedBytes: number,
    latestRttMs: number,
    minRttMs: number,
    wasFull: boolean,
    nowMs: number,
  ): void;
  onLoss(): void;
}

/**
 * For a transport that paces itself and keeps no queue: there is no hidden delay to follow, and what
 * looks like some is a repair under way. Following it would starve the path that repairs well.
 */
export class OpenWindow implements PathWindow {
  readonly bytes: number;

  constructor(kind: PathKind) {
    this.bytes = WINDOW_CEILING_BYTES[kind];
  }

  drain(): void {}
  onAck(): void {}
  onLoss(): void {}
}

export class SendWindow implements PathWindow {
  #bytes = WINDOW_START_BYTES;
  #isStarting = true;
  #drainsUntilMs: number | undefined;
  readonly #recentRtts: number[] = [];
  readonly #ceiling: number;

  constructor(kind: PathKind) {
    this.#ceiling = WINDOW_CEILING_BYTES[kind];
  }

  get bytes(): number {
    return this.#drainsUntilMs === undefined ? this.#bytes : DRAIN_BYTES;
  }

  /** Lets the queue of a path with this round trip drain. */
  drain(rttMs: number, nowMs: number): void {
    this.#drainsUntilMs = nowMs + rttMs + DRAIN_MS;
  }

  /**
   * @param wasFull the window was what kept more from being sent; an idle sender learns nothing.
   */
  onAck(
    ackedBytes: number,
    latestRttMs: number,
    minRttMs: number,
    wasFull: boolean,
    nowMs: number,
  ): void {
    if (this.#drainsUntilMs !== undefined) {
      if (nowMs < this.#drainsUntilMs) return;
      this.#drainsUntilMs = undefined;
      this.#recentRtts.length = 0;
    }
    this.#recentRtts.push(latestRttMs);
    if (this.#recentRtts.length > FILTER_SAMPLES) this.#recentRtts.shift();
    const queueMs = Math.min(...this.#recentRtts) - minRttMs;

    if (queueMs < QUEUE_TARGET_MS) {
      if (!wasFull) return;
      const room = (QUEUE_TARGET_MS - queueMs) / QUEUE_TARGET_MS;
      const growth = this.#isStarting
        ? ackedBytes
        : (room * ackedBytes * 2 * MAX_RECORD_BYTES) / this.#bytes;
      this.#set(this.#bytes + growth);
      return;
    }
    this.#isStarting = false;
    // One round trip's worth of acks takes the window down to what the path carried without a queue.
    const fitting = (this.#bytes * (minRttMs + QUEUE_TARGET_MS)) / (minRttMs + queueMs);
    const share = Math.min(1, ackedBytes / this.#bytes);
    this.#set(this.#bytes - (this.#bytes - fitting) * share);
  }

  /** A record vanished on a path that should not lose any: the relay shed load, or the path is bad. */
  onLoss(): void {
    this.#isStarting = false;
    this.#set(this.#bytes / 2);
  }

  #set(bytes: number): void {
    this.#bytes = Math.max(WINDOW_FLOOR_BYTES, Math.min(this.#ceiling, bytes));
  }
}
