/**
 * When acknowledgements stop coming: first a probe after two round trips (RFC 8985 section 7), which
 * makes the other side tell what is missing; then, if that is not answered either, the retransmission
 * timeout (RFC 9260 section 6.3.3), which takes everything for lost.
 */

import { type InFlight, NONE } from "./in-flight.ts";
import type { RoundTrip } from "./rto.ts";

/**
 * Event loops stall for garbage collection and large messages. A probe that such a stall caused is
 * needless: then the next ones wait twice as long, up to what a receiver delays acknowledgements by.
 */
const ALLOWANCE_MS = 10;
const MOST_ALLOWANCE_MS = 200;

export type TailEvent = "probe" | "timeout";

export class TailTimer {
  readonly #book: InFlight;
  readonly #roundTrip: RoundTrip;
  #sinceMs = Number.POSITIVE_INFINITY;
  #isProbed = false;
  #probed = NONE;
  #isAnswered = false;
  #allowanceMs = ALLOWANCE_MS;

  constructor(book: InFlight, roundTrip: RoundTrip) {
    this.#book = book;
    this.#roundTrip = roundTrip;
  }

  /** The last chunk that was sent again as a probe. */
  get probed(): number {
    return this.#probed;
  }

  /** The same, until it is acknowledged. */
  get unansweredProbe(): number {
    return this.#isAnswered ? NONE : this.#probed;
  }

  get wakeAtMs(): number {
    return this.#isProbed || !this.#mayProbe() ? this.#timeoutAtMs : this.#probeAtMs;
  }

  /** What is due; `timeout` only once per time-out. */
  due(nowMs: number): TailEvent | undefined {
    if (nowMs < this.wakeAtMs) return undefined;
    return this.#isProbed || !this.#mayProbe() ? "timeout" : "probe";
  }

  /** Data leaves: the timer runs unless it did (RFC 9260 section 6.3.2 R1). */
  onSent(nowMs: number): void {
    if (this.#sinceMs === Number.POSITIVE_INFINITY) this.#sinceMs = nowMs;
  }

  /** Something new was acknowledged (R2 and R3). */
  onProgress(nowMs: number): void {
    this.#isProbed = false;
    this.#sinceMs = this.#book.isEmpty ? Number.POSITIVE_INFINITY : nowMs;
  }

  /** @param ordinal what was sent again; {@link NONE} when the probe was new data. */
  onProbe(nowMs: number, ordinal: number): void {
    this.#isProbed = true;
    this.#probed = ordinal;
    this.#isAnswered = false;
    this.#sinceMs = nowMs;
  }

  onTimeout(nowMs: number): void {
    this.#isProbed = true;
    this.#probed = NONE;
    this.#sinceMs = nowMs;
  }

  /** The other side has the probed chunk twice: nothing had been lost. */
  onNeedlessProbe(): void {
    this.#allowanceMs = Math.min(MOST_ALLOWANCE_MS, this.#allowanceMs * 2);
    this.#probed = NONE;
  }

  onProbeAnswered(): void {
    this.#isAnswered = true;
  }

  get #timeoutAtMs(): number {
    return this.#sinceMs + this.#roundTrip.timeoutMs;
  }

  get #probeAtMs(): number {
    const waitMs = 2 * this.#roundTrip.smoothedMs + this.#allowanceMs;
    return this.#sinceMs + Math.min(waitMs, this.#roundTrip.timeoutMs);
  }

  /** With something lost there is a better thing to send (RFC 8985 section 7.2). */
  #mayProbe(): boolean {
    return this.#roundTrip.hasSample && this.#book.inFlightBytes > 0;
  }
}
