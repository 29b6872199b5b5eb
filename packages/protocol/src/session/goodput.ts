/**
 * Acknowledged bytes per second of busy time. A path that has nothing to do says nothing about its
 * speed, so idle time does not count and too few bytes give no answer: unknown is not zero.
 */

import { GOODPUT_MIN_BYTES, GOODPUT_SPAN_MS } from "./tuning.ts";

interface Span {
  readonly ms: number;
  readonly bytes: number;
}

export class Goodput {
  #spans: Span[] = [];
  #totalMs = 0;
  #totalBytes = 0;
  #lastAtMs: number | undefined;
  /** When the estimate last had new evidence. */
  measuredAtMs: number | undefined;

  /** @param isBusy records are in flight after this acknowledgement. */
  onAck(ackedBytes: number, nowMs: number, isBusy: boolean): void {
    if (this.#lastAtMs !== undefined) {
      const span = { ms: Math.max(0, nowMs - this.#lastAtMs), bytes: ackedBytes };
      this.#spans.push(span);
      this.#totalMs += span.ms;
      this.#totalBytes += span.bytes;
      while (this.#spans[0] !== undefined && this.#totalMs - this.#spans[0].ms > GOODPUT_SPAN_MS) {
        const old = this.#spans.shift() as Span;
        this.#totalMs -= old.ms;
        this.#totalBytes -= old.bytes;
      }
      if (this.#totalBytes >= GOODPUT_MIN_BYTES) this.measuredAtMs = nowMs;
    }
    this.#lastAtMs = isBusy ? nowMs : undefined;
  }

  /** Busy time starts when something is sent on an idle path. */
  onSend(nowMs: number): void {
    this.#lastAtMs ??= nowMs;
  }

  /** Bytes per second, or undefined while unknown. */
  get bytesPerSecond(): number | undefined {
    if (this.#totalBytes < GOODPUT_MIN_BYTES || this.#totalMs <= 0) return undefined;
    return (this.#totalBytes * 1000) / this.#totalMs;
  }
}
