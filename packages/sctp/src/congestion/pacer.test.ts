/** The pace is kept exactly with a coarse, late timer, and a pause does not earn a burst. */
import { describe, expect, test } from "vitest";
import { Pacer } from "./pacer.ts";

const PACKET = 1200;
/** 100 Mbit/s. */
const FAST = { pacingBytesPerMs: 12_500, burstBytes: 2 * PACKET };

/** Sends all the pace allows at `nowMs`; answers how much that was. */
function sendAll(pacer: Pacer, nowMs: number, mostBytes = Number.POSITIVE_INFINITY): number {
  let sentBytes = 0;
  while (sentBytes < mostBytes && pacer.canSend(nowMs, PACKET)) {
    pacer.onSent(nowMs, PACKET);
    sentBytes += PACKET;
  }
  return sentBytes;
}

/** Sends for `forMs`, waking `lateMs(n)` after the moment asked for, on whole milliseconds. */
function run(pacer: Pacer, forMs: number, lateMs: (wake: number) => number): number[] {
  const bursts = [sendAll(pacer, 0)];
  for (let wake = 1; ; wake += 1) {
    const nowMs = Math.ceil(pacer.wakeAtMs) + lateMs(wake);
    if (nowMs > forMs) return bursts;
    bursts.push(sendAll(pacer, nowMs));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

describe("a pacer", () => {
  test.each([
    ["in time", () => 0],
    ["up to 4 ms late", (wake: number) => wake % 5],
    ["always 3 ms late", () => 3],
  ])("keeps the average when woken %s", (_name, lateMs) => {
    const sentBytes = sum(run(new Pacer(FAST), 10_000, lateMs));
    const dueBytes = 10_000 * FAST.pacingBytesPerMs;
    // The last wake is up to 5 ms before the end, and the first burst is ahead of the pace.
    expect(sentBytes).toBeGreaterThan(dueBytes - 6 * FAST.pacingBytesPerMs);
    expect(sentBytes).toBeLessThanOrEqual(dueBytes + FAST.burstBytes);
  });

  test("keeps the average when sealing a packet takes time, turn after late turn", () => {
    const pacer = new Pacer(FAST);
    const SEALING_MS = 0.03;
    let nowMs = 0;
    let sentBytes = 0;
    while (nowMs < 10_000) {
      while (pacer.canSend(nowMs, PACKET)) {
        pacer.onSent(nowMs, PACKET);
        sentBytes += PACKET;
        nowMs += SEALING_MS;
      }
      nowMs = Math.ceil(pacer.wakeAtMs) + 2;
    }
    expect(sentBytes).toBeGreaterThan((10_000 - 6) * FAST.pacingBytesPerMs);
  });

  test("keeps the average of a slow pace, one packet at a time", () => {
    const slow = { pacingBytesPerMs: 62.5, burstBytes: PACKET };
    const bursts = run(new Pacer(slow), 60_000, () => 0);
    expect(Math.max(...bursts)).toBe(PACKET);
    expect(sum(bursts)).toBeGreaterThan(60_000 * 62.5 - 2 * PACKET);
  });

  test("keeps the average of 1 Gbit/s with a 1 ms timer", () => {
    const sentBytes = sum(
      run(new Pacer({ ...FAST, pacingBytesPerMs: 125_000 }), 1_000, (n) => n % 2),
    );
    expect(sentBytes).toBeGreaterThan(998 * 125_000);
  });

  test("makes up for 5 ms of a stalled event loop, not for 40", () => {
    const pacer = new Pacer(FAST);
    sendAll(pacer, 0);
    const sentBytes = sendAll(pacer, 40);
    expect(sentBytes).toBeGreaterThan(5 * FAST.pacingBytesPerMs);
    expect(sentBytes).toBeLessThanOrEqual(5 * FAST.pacingBytesPerMs + FAST.burstBytes + PACKET);
  });

  test("makes up for nothing when what waited was never sent", () => {
    const pacer = new Pacer(FAST);
    sendAll(pacer, 0);
    expect(pacer.wakeAtMs).toBeLessThan(1);
    expect(sendAll(pacer, 10_000)).toBe(FAST.burstBytes);
  });

  test("lets one burst go after a pause for want of data", () => {
    const pacer = new Pacer(FAST);
    sendAll(pacer, 0, PACKET);
    expect(pacer.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
    expect(sendAll(pacer, 10_000)).toBe(FAST.burstBytes);
  });

  test("can send at the moment it asked to be woken", () => {
    const pacer = new Pacer({ pacingBytesPerMs: 1_234.567, burstBytes: PACKET });
    for (let nowMs = 0.1, sent = 0; sent < 500; sent += 1) {
      expect(pacer.canSend(nowMs, PACKET)).toBe(true);
      pacer.onSent(nowMs, PACKET);
      expect(pacer.canSend(nowMs, PACKET)).toBe(false);
      expect(pacer.wakeAtMs).toBeGreaterThan(nowMs);
      nowMs = pacer.wakeAtMs;
    }
  });

  test("follows a pace that changes", () => {
    const pace = { ...FAST };
    const pacer = new Pacer(pace);
    sendAll(pacer, 0);
    const before = pacer.wakeAtMs;
    pace.pacingBytesPerMs /= 10;
    expect(pacer.wakeAtMs).toBeCloseTo(before * 10);
  });

  test("never holds back when there is no pace", () => {
    const pacer = new Pacer({ pacingBytesPerMs: Number.POSITIVE_INFINITY, burstBytes: PACKET });
    expect(sendAll(pacer, 0, 1_000 * PACKET)).toBe(1_000 * PACKET);
    expect(pacer.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("lets a packet larger than the burst go alone", () => {
    const pacer = new Pacer({ pacingBytesPerMs: 10, burstBytes: 100 });
    expect(sendAll(pacer, 0)).toBe(PACKET);
    expect(pacer.wakeAtMs).toBeCloseTo(PACKET / 10);
  });
});
