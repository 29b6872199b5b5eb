/**
 * How much more than the rate explains is acknowledged at once (draft-ietf-ccwg-bbr section 5.5.9):
 * SACKs for every second packet, Wi-Fi that sends in heaps, an event loop that reads in heaps. The
 * window grows by it, or the sender would fall silent between the heaps.
 */

import type { Ack } from "./congestion-control.ts";
import { WindowedMax } from "./windowed-filter.ts";

/** BBR.ExtraAckedFilterLen, in rounds; while starting one, as the rate is not known yet. */
const MEMORY_ROUNDS = 10;

export class AckAggregation {
  readonly #most = new WindowedMax();
  #sinceMs = 0;
  #ackedBytes = 0;

  get extraBytes(): number {
    return this.#most.value;
  }

  update(ack: Ack, bytesPerMs: number, windowBytes: number, round: number, isStarting: boolean) {
    let expectedBytes = bytesPerMs * (ack.nowMs - this.#sinceMs);
    if (this.#ackedBytes <= expectedBytes) {
      this.restart(ack.nowMs);
      expectedBytes = 0;
    }
    this.#ackedBytes += ack.ackedBytes;
    const extraBytes = Math.min(this.#ackedBytes - expectedBytes, windowBytes);
    this.#most.update(round, extraBytes, isStarting ? 1 : MEMORY_ROUNDS);
  }

  restart(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#ackedBytes = 0;
  }
}
