/** What the model does not take for the path: an application's pauses, and rounds without a measurement. */
import { expect, test } from "vitest";
import { BbrModel } from "./bbr-model.ts";
import type { Ack } from "./congestion-control.ts";

const PACKET = 1200;
const RTT_MS = 50;
/** Bytes per millisecond. */
const RATE = 1_000;

/** Rounds of one acknowledgement each. */
class Feed {
  readonly model = new BbrModel(PACKET);
  #nowMs = 0;
  #deliveredBytes = 0;
  #lostBytes = 0;
  #lossRuns = 0;

  round(given: {
    readonly ms?: number;
    readonly rttMs?: number;
    readonly ackedBytes?: number;
    readonly bytesPerMs?: number | undefined;
    readonly isAppLimited?: boolean;
    readonly lossRuns?: number;
  }): void {
    const { ms = RTT_MS, rttMs = RTT_MS, ackedBytes = RATE * RTT_MS, lossRuns = 0 } = given;
    const bytesPerMs = "bytesPerMs" in given ? given.bytesPerMs : RATE;
    this.#nowMs += ms;
    const priorDeliveredBytes = this.#deliveredBytes;
    this.#deliveredBytes += ackedBytes;
    const lostBytes = lossRuns * PACKET;
    this.#lostBytes += lostBytes;
    this.#lossRuns += lossRuns;
    const ack: Ack = {
      nowMs: this.#nowMs,
      ackedBytes,
      lostBytes,
      priorInFlightBytes: ackedBytes + lostBytes,
      inFlightBytes: 0,
      deliveredBytes: this.#deliveredBytes,
      totalLostBytes: this.#lostBytes,
      totalLossRuns: this.#lossRuns,
      rttMs,
      smoothedRttMs: rttMs,
      isWindowLimited: false,
      rate: {
        bytesPerMs,
        isAppLimited: given.isAppLimited ?? false,
        priorDeliveredBytes,
        sentInFlightBytes: ackedBytes,
        lostBytes,
        lossRuns,
      },
    };
    this.model.learn(ack);
    this.model.adaptShortTerm(ack, RATE * RTT_MS);
    this.model.rtt.update(ack.nowMs, rttMs, false);
    this.model.finish(ack);
  }

  rounds(count: number, given: Parameters<Feed["round"]>[0]): void {
    for (let round = 0; round < count; round += 1) this.round(given);
  }
}

test("a command between two pauses does not make the path slow", () => {
  const feed = new Feed();
  feed.rounds(10, {});
  feed.model.startProbe();
  feed.rounds(3, {});
  feed.model.advanceMaxBw();
  feed.rounds(3, { ms: 400, rttMs: 60, ackedBytes: 3 * PACKET, isAppLimited: true, bytesPerMs: 9 });
  feed.model.lowerMaxBw();
  expect(feed.model.maxBw).toBe(RATE);
  // Nor does the first round after them, whose mean has a pause in it.
  feed.round({ ms: 400, rttMs: 60 });
  feed.model.lowerMaxBw();
  expect(feed.model.maxBw).toBe(RATE);
});

test("a queue of its own lowers the rate by what noise makes at the most", () => {
  const feed = new Feed();
  feed.rounds(10, {});
  feed.model.advanceMaxBw();
  feed.rounds(5, { rttMs: 70, ackedBytes: RATE * RTT_MS * 0.5, bytesPerMs: RATE / 2 });
  feed.model.lowerMaxBw();
  expect(feed.model.maxBw).toBe(0.85 * RATE);
});

test("rounds in which nothing could be measured are no collapse, and bound nothing by it", () => {
  const feed = new Feed();
  feed.rounds(10, {});
  feed.rounds(8, { rttMs: 120, bytesPerMs: undefined, lossRuns: 8 });
  expect(feed.model.maxBw).toBe(RATE);
  expect(feed.model.bwShort).toBeGreaterThanOrEqual(RATE);
});
