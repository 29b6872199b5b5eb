/** Single decisions of the rate-based controller; what they amount to is in test/sim/congestion-*. */
import { describe, expect, test } from "vitest";
import { createBbr } from "./bbr.ts";
import type { Ack, CongestionControl } from "./congestion-control.ts";

const PACKET = 1200;
const RTT_MS = 50;

/** A path of a rate and a bottomless buffer, played round by round: a whole flight leaves and comes back. */
class Path {
  readonly control: CongestionControl = createBbr({ packetBytes: PACKET, random: () => 0.5 });
  bytesPerMs = 1_000;
  nowMs = 0;
  #deliveredBytes = 0;
  #lostBytes = 0;
  #lossRuns = 0;

  /** @param lostShare of the flight; a SACK for each tenth of it. */
  round(lostShare = 0, queueMs = 0, isAppLimited = false): void {
    const packets = isAppLimited ? 4 : Math.floor(this.control.windowBytes / PACKET);
    const flight = packets * PACKET;
    for (let sent = PACKET; sent <= flight; sent += PACKET) {
      const packet = { nowMs: this.nowMs, bytes: PACKET, isRetransmission: false };
      this.control.onSent({ ...packet, inFlightBytes: sent });
    }
    const priorDeliveredBytes = this.#deliveredBytes;
    const priorLost = this.#lostBytes;
    const rate = Math.min(this.bytesPerMs, flight / RTT_MS);
    const roundMs = Math.max(RTT_MS + queueMs, flight / this.bytesPerMs);
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      const lost = (flight * lostShare) / 10;
      this.#lostBytes += lost;
      if (lost > 0) this.#lossRuns += 1;
      this.#deliveredBytes += flight / 10 - lost;
      this.nowMs += roundMs / 10;
      this.control.onAck({
        nowMs: this.nowMs,
        ackedBytes: flight / 10 - lost,
        lostBytes: lost,
        priorInFlightBytes: flight,
        inFlightBytes: (flight * (10 - tenth)) / 10,
        deliveredBytes: this.#deliveredBytes,
        totalLostBytes: this.#lostBytes,
        totalLossRuns: this.#lossRuns,
        rttMs: roundMs,
        smoothedRttMs: roundMs,
        rate: {
          bytesPerMs: rate * (1 - lostShare),
          isAppLimited,
          priorDeliveredBytes,
          sentInFlightBytes: flight,
          lostBytes: this.#lostBytes - priorLost,
          lossRuns: lost === 0 ? 0 : tenth,
        },
        isWindowLimited: true,
      } satisfies Ack);
    }
  }

  rounds(count: number, lostShare = 0, queueMs = 0): void {
    for (let round = 0; round < count; round += 1) this.round(lostShare, queueMs);
  }

  get bdpBytes(): number {
    return this.bytesPerMs * RTT_MS;
  }
}

describe("the rate-based controller", () => {
  test("starts with what a slow router holds", () => {
    expect(new Path().control.windowBytes).toBe(20 * PACKET);
  });

  test("starts as fast after an application with little to send", () => {
    const path = new Path();
    for (let round = 0; round < 5; round += 1) path.round(0, 0, true);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan((2 * 20 * PACKET) / RTT_MS);
  });

  test("doubles until the rate no longer grows, then keeps to it", () => {
    const path = new Path();
    path.rounds(2);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan(2 * 1_000);
    path.rounds(20);
    expect(path.control.pacingBytesPerMs).toBeLessThanOrEqual(1.25 * 1_000);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan(0.85 * 1_000);
    expect(path.control.windowBytes).toBeLessThan(2.5 * path.bdpBytes);
  });

  test("does not end its start for a queue that an application with little to send did not make", () => {
    const path = new Path();
    for (let round = 0; round < 5; round += 1) path.round(0, 0, true);
    for (let round = 0; round < 20; round += 1) path.round(0, 40, true);
    for (let round = 0; round < 5; round += 1) path.round(0, 0, true);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan((2 * 20 * PACKET) / RTT_MS);
  });

  test("does not slow down for samples of a slow application", () => {
    const path = new Path();
    path.rounds(20);
    for (let round = 0; round < 20; round += 1) path.round(0, 0, true);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan(0.85 * 1_000);
  });

  test("takes 2 % of loss without a queue for the path's own", () => {
    const path = new Path();
    path.rounds(30);
    path.rounds(30, 0.02);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan(0.85 * 1_000);
  });

  test("gives way to a tenth with a queue", () => {
    const path = new Path();
    path.rounds(30);
    path.bytesPerMs = 600;
    path.rounds(12, 0.1, 25);
    expect(path.control.pacingBytesPerMs).toBeLessThan(0.8 * 1_000);
  });

  test("takes back what it gave when the loss was none", () => {
    const path = new Path();
    path.rounds(30);
    const before = path.control.windowBytes;
    path.control.onTimeout(path.nowMs, 0);
    expect(path.control.windowBytes).toBe(PACKET);
    path.control.onSpurious(path.nowMs);
    expect(path.control.windowBytes).toBe(before);
  });

  test.each([
    ["the loss was none", (path: Path) => path.control.onSpurious(path.nowMs)],
    ["the recovery ends", (path: Path) => path.control.onRecoveryEnd(path.nowMs, 0)],
  ])("has its window back after several time-outs in a row when %s", (_when, end) => {
    const path = new Path();
    path.rounds(30);
    const before = path.control.windowBytes;
    for (let count = 0; count < 3; count += 1) path.control.onTimeout(path.nowMs, 0);
    expect(path.control.windowBytes).toBe(PACKET);
    end(path);
    expect(path.control.windowBytes).toBe(before);
  });

  test("starts on when the loss that ended the start was none", () => {
    const path = new Path();
    path.rounds(3);
    path.control.onRecoveryStart(path.nowMs, 0);
    // Half of what doubling would bring, and a third of it lost.
    path.bytesPerMs = 700;
    path.rounds(5, 0.3);
    path.bytesPerMs = 1_000;
    const slow = path.control.pacingBytesPerMs;
    path.control.onSpurious(path.nowMs);
    path.rounds(2);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan(1.5 * slow);
  });

  test("goes on after a pause at exactly the rate", () => {
    const path = new Path();
    path.rounds(30);
    path.control.onIdleRestart(path.nowMs + 10_000, path.nowMs);
    expect(path.control.pacingBytesPerMs).toBeLessThanOrEqual(1_000);
    expect(path.control.pacingBytesPerMs).toBeGreaterThan(0.9 * 1_000);
    expect(path.control.burstBytes).toBeLessThanOrEqual(2 * PACKET);
  });

  test("never allows less than four packets", () => {
    const path = new Path();
    path.rounds(10);
    path.bytesPerMs = 20;
    path.rounds(60, 0.3, 30);
    expect(path.control.windowBytes).toBeGreaterThanOrEqual(4 * PACKET);
  });

  test("allows what the ends need on a short path", () => {
    const path = new Path();
    path.rounds(30);
    expect(path.control.burstBytes).toBeGreaterThanOrEqual(2 * PACKET);
    path.control.onPacketSize(100_000);
    expect(path.control.burstBytes).toBeGreaterThanOrEqual(100_000);
    expect(path.control.windowBytes).toBeGreaterThanOrEqual(400_000);
  });
});
