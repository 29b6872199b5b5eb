/**
 * When the next packet may leave under a pace: a leaky bucket. Sending fills it, the pace drains it,
 * and a packet may leave while the bucket with it holds no more than a burst.
 *
 * The owner's timer ticks in whole milliseconds and comes late when the event loop is busy. What the
 * pace would have let go meanwhile is made up for, or the average would fall below the pace and a
 * controller that measures its own rate would follow it down. But only so far, see `catchUpBytes`.
 * Waiting for anything but the pace (data, window) earns nothing: after a pause there is one burst.
 */

export interface Pace {
  /** Infinity for no pace. */
  readonly pacingBytesPerMs: number;
  readonly burstBytes: number;
}

/**
 * A stall of L ms made up for at once lands as L ms of the pace in the bottleneck's queue. 5 ms is
 * what a timer is late by for a garbage collection or a large message, and a small part of the
 * 50 ms and more that home routers hold.
 */
const CATCH_UP_MS = 5;

/**
 * Routers that count packets hold some 50 of them at the least. 64 KiB are 45 packets of 1500, and
 * what TCP hands to a network card at once (TSO), so every router in use has met such bursts.
 */
const CATCH_UP_BYTES = 65_536;

/**
 * Above 260 Mbit/s 64 KiB are less than one late tick of a 1 ms timer, and the pace would never be
 * reached. Links this fast have queues to match: two ticks.
 */
const CATCH_UP_LEAST_MS = 2;

/**
 * Nobody who has something to send comes this much later than told: there was nothing, as when the
 * data that waited was abandoned or fitted elsewhere. Then nothing is to be made up for.
 */
const ABSENT_MS = 50;

/** Differences of milliseconds carry rounding errors: without this, waking exactly in time is too early. */
const TOLERANCE_BYTES = 0.01;

export class Pacer {
  readonly #pace: Pace;
  /** What is in the bucket, at `#settledAtMs`. Below zero: what may be made up for. */
  #levelBytes = 0;
  #settledAtMs = 0;
  /** Bytes of the packet that was told to wait; 0 when none was. */
  #waitingBytes = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  canSend(nowMs: number, bytes: number): boolean {
    this.#settle(nowMs);
    const room = this.#roomFor(bytes) - this.#levelBytes;
    if (room >= bytes - TOLERANCE_BYTES) {
      this.#waitingBytes = 0;
      return true;
    }
    this.#waitingBytes = bytes;
    return false;
  }

  onSent(nowMs: number, bytes: number): void {
    this.#settle(nowMs);
    this.#levelBytes += bytes;
    if (this.#pace.pacingBytesPerMs === Number.POSITIVE_INFINITY) this.#levelBytes = 0;
  }

  /** When the packet that was told to wait may leave; Infinity when none waits. */
  get wakeAtMs(): number {
    if (this.#waitingBytes === 0) return Number.POSITIVE_INFINITY;
    const excess = this.#levelBytes + this.#waitingBytes - this.#roomFor(this.#waitingBytes);
    return this.#settledAtMs + Math.max(0, excess) / this.#pace.pacingBytesPerMs;
  }

  /** A packet larger than the burst leaves alone rather than never. */
  #roomFor(bytes: number): number {
    return Math.max(this.#pace.burstBytes, bytes);
  }

  #settle(nowMs: number): void {
    const elapsedMs = nowMs - this.#settledAtMs;
    if (elapsedMs <= 0) return;
    const { wakeAtMs } = this;
    this.#settledAtMs = nowMs;
    const rate = this.#pace.pacingBytesPerMs;
    const isLate = this.#waitingBytes > 0 && nowMs <= wakeAtMs + ABSENT_MS;
    // Between two packets of one turn the clock moves on, and what is to be made up for stays.
    const isCatchingUp = this.#levelBytes < 0 && elapsedMs <= CATCH_UP_MS;
    const lowest = isLate || isCatchingUp ? -catchUpBytes(rate) : 0;
    this.#levelBytes = Math.max(lowest, this.#levelBytes - elapsedMs * rate);
  }
}

function catchUpBytes(bytesPerMs: number): number {
  const most = Math.max(CATCH_UP_BYTES, CATCH_UP_LEAST_MS * bytesPerMs);
  return Math.min(CATCH_UP_MS * bytesPerMs, most);
}
