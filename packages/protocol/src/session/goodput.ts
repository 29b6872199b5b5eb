/**
 * Acknowledged bytes per second while bulk was on its way. A path that has nothing to do says nothing
 * about its speed, so idle time does not count, nor does the round trip before a burst's first
 * acknowledgement; too little evidence gives no answer: unknown is not zero.
 */

import { GOODPUT_MIN_BYTES, GOODPUT_MIN_MS, GOODPUT_SPAN_MS } from "./tuning.ts";

/** Acknowledgements this close together are remembered as one: bounds the list to a hundred. */
const STEP_MS = GOODPUT_SPAN_MS / 100;

interface Span {
  ms: number;
  bytes: number;
}

export class Goodput {
  #spans: Span[] = [];
  #totalMs = 0;
  #totalBytes = 0;
  /** The last acknowledgement of the present burst. */
  #lastAtMs: number | undefined;
  /** When the estimate last had new evidence. */
  measuredAtMs: number | undefined;

  /**
   * @param bulkBytes acknowledged just now, in records that carried bulk.
   * @param isBusy more such records are in flight.
   */
  onAck(bulkBytes: number, nowMs: number, isBusy: boolean): void {
    if (bulkBytes === 0) return;
    if (this.#lastAtMs !== undefined) this.#add(nowMs - this.#lastAtMs, bulkBytes);
    if (this.#isKnown) this.measuredAtMs = nowMs;
    this.#lastAtMs = isBusy ? nowMs : undefined;
  }

  /** The flight was abandoned: the time until its next acknowledgement is not the path's speed. */
  interrupt(): void {
    this.#lastAtMs = undefined;
  }

  /** Bytes per second, or undefined while unknown. */
  get bytesPerSecond(): number | undefined {
    return this.#isKnown ? (this.#totalBytes * 1000) / this.#totalMs : undefined;
  }

  get #isKnown(): boolean {
    const isEnough = this.#totalBytes >= GOODPUT_MIN_BYTES || this.#totalMs >= GOODPUT_MIN_MS;
    return isEnough && this.#totalMs > 0;
  }

  #add(ms: number, bytes: number): void {
    this.#totalMs += ms;
    this.#totalBytes += bytes;
    const last = this.#spans.at(-1);
    if (last !== undefined && last.ms < STEP_MS) {
      last.ms += ms;
      last.bytes += bytes;
    } else {
      this.#spans.push({ ms, bytes });
    }
    // The last span stays however long it is: a path that crawls is known to crawl.
    while (
      this.#spans.length > 1 &&
      this.#totalMs - (this.#spans[0] as Span).ms > GOODPUT_SPAN_MS
    ) {
      const old = this.#spans.shift() as Span;
      this.#totalMs -= old.ms;
      this.#totalBytes -= old.bytes;
    }
  }
}
