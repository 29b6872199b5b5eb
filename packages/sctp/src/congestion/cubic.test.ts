/** CUBIC's arithmetic against the RFC's own numbers; its neighbours are in test/sim/congestion-*. */
import { describe, expect, test } from "vitest";
import type { Ack } from "./congestion-control.ts";
import { createCubic } from "./cubic.ts";

const PACKET = 1000;

function createControl() {
  return createCubic({ packetBytes: PACKET, random: () => 0.5 });
}

type Control = ReturnType<typeof createControl>;

class Driver {
  readonly control: Control = createControl();
  nowMs = 0;
  #deliveredBytes = 0;

  get windowPackets(): number {
    return this.control.windowBytes / PACKET;
  }

  /** A round trip in which the whole window is acknowledged, two packets at a time. */
  round(rttMs = 100, isUsed = true): void {
    const packets = Math.floor(this.windowPackets);
    const priorDeliveredBytes = this.#deliveredBytes;
    for (let index = 0; index < packets; index += 2) {
      const ackedBytes = Math.min(2, packets - index) * PACKET;
      this.#deliveredBytes += ackedBytes;
      this.nowMs += (rttMs * ackedBytes) / PACKET / packets;
      this.control.onAck({
        nowMs: this.nowMs,
        ackedBytes,
        lostBytes: 0,
        priorInFlightBytes: isUsed ? packets * PACKET : PACKET,
        inFlightBytes: isUsed ? packets * PACKET - ackedBytes : 0,
        deliveredBytes: this.#deliveredBytes,
        totalLostBytes: 0,
        totalLossRuns: 0,
        rttMs,
        smoothedRttMs: rttMs,
        rate: {
          bytesPerMs: undefined,
          isAppLimited: false,
          priorDeliveredBytes,
          sentInFlightBytes: packets * PACKET,
          lostBytes: 0,
          lossRuns: 0,
        },
        isWindowLimited: isUsed,
      } satisfies Ack);
    }
  }

  lose(): void {
    this.control.onRecoveryStart(this.nowMs, this.control.windowBytes);
    this.control.onRecoveryEnd(this.nowMs, this.control.windowBytes);
  }

  growTo(packets: number): void {
    while (this.windowPackets < packets) this.round();
  }
}

describe("CUBIC", () => {
  test("doubles each round trip at first", () => {
    const driver = new Driver();
    driver.round();
    driver.round();
    expect(driver.windowPackets).toBe(40);
  });

  test("does not grow a window that is not used", () => {
    const driver = new Driver();
    for (let round = 0; round < 5; round += 1) driver.round(100, false);
    expect(driver.windowPackets).toBe(10);
  });

  test("keeps 0.7 after a loss and is back after K seconds", () => {
    const driver = new Driver();
    driver.growTo(320);
    const before = driver.windowPackets;
    driver.lose();
    expect(driver.windowPackets).toBeCloseTo(0.7 * before);
    const kMs = 1_000 * Math.cbrt((0.3 * before) / 0.4);
    const startMs = driver.nowMs;
    while (driver.nowMs < startMs + kMs) driver.round();
    expect(driver.windowPackets / before).toBeGreaterThan(0.97);
    expect(driver.windowPackets / before).toBeLessThan(1.03);
    // Flat there, then faster and faster.
    const plateau = driver.windowPackets;
    while (driver.nowMs < startMs + 2 * kMs) driver.round();
    expect(driver.windowPackets / plateau).toBeGreaterThan(1.2);
  });

  test("aims lower when it lost below its last maximum", () => {
    const driver = new Driver();
    driver.growTo(320);
    driver.lose();
    const window = driver.windowPackets;
    driver.lose();
    const startMs = driver.nowMs;
    const target = 0.85 * window;
    const kMs = 1_000 * Math.cbrt((target - 0.7 * window) / 0.4);
    while (driver.nowMs < startMs + kMs) driver.round();
    expect(driver.windowPackets / target).toBeLessThan(1.05);
  });

  test("grows as Reno would where the curve is slower", () => {
    const driver = new Driver();
    driver.growTo(20);
    driver.lose();
    const before = driver.windowPackets;
    const rounds = 20;
    // Of 5 ms: in 100 ms the curve does nothing yet.
    for (let round = 0; round < rounds; round += 1) driver.round(5);
    const renoGrowth = (3 * 0.3) / 1.7;
    expect(driver.windowPackets).toBeGreaterThan(before + 0.8 * renoGrowth * rounds);
  });

  test("leaves slow start when the round trip rises, and only then", () => {
    const driver = new Driver();
    for (let round = 0; round < 4; round += 1) driver.round(100);
    const before = driver.windowPackets;
    for (let round = 0; round < 7; round += 1) driver.round(120);
    expect(driver.windowPackets).toBeLessThan(6 * before);
    const after = driver.windowPackets;
    driver.round(120);
    expect(driver.windowPackets).toBeLessThan(1.2 * after);
  });

  test("resumes slow start after a wobble of the round trip", () => {
    const driver = new Driver();
    for (let round = 0; round < 3; round += 1) driver.round(100);
    driver.round(130);
    driver.round(100);
    const before = driver.windowPackets;
    driver.round(100);
    expect(driver.windowPackets).toBeGreaterThan(1.9 * before);
  });

  test("comes down within the round of a loss, by a share of what arrives", () => {
    const driver = new Driver();
    driver.growTo(100);
    const before = driver.windowPackets;
    const { control } = driver;
    let inFlight = before * PACKET - PACKET;
    control.onRecoveryStart(driver.nowMs, inFlight);
    let sent = 0;
    const arriving = Math.floor(before) - 1;
    for (let index = 0; index < arriving; index += 1) {
      inFlight -= PACKET;
      control.onAck({
        nowMs: driver.nowMs,
        ackedBytes: PACKET,
        lostBytes: 0,
        priorInFlightBytes: inFlight + PACKET,
        inFlightBytes: inFlight,
        deliveredBytes: 0,
        totalLostBytes: PACKET,
        totalLossRuns: 0,
        rttMs: 100,
        smoothedRttMs: 100,
        rate: {
          bytesPerMs: undefined,
          isAppLimited: false,
          priorDeliveredBytes: 0,
          sentInFlightBytes: 0,
          lostBytes: 0,
          lossRuns: 0,
        },
        isWindowLimited: true,
      });
      while (inFlight + PACKET <= control.windowBytes) {
        inFlight += PACKET;
        sent += 1;
        const packet = { nowMs: driver.nowMs, bytes: PACKET, isRetransmission: false };
        control.onSent({ ...packet, inFlightBytes: inFlight });
      }
    }
    expect(sent / before).toBeGreaterThan(0.65);
    expect(sent / before).toBeLessThan(0.75);
    expect(inFlight / PACKET / before).toBeGreaterThan(0.65);
    expect(inFlight / PACKET / before).toBeLessThan(0.75);
  });

  test("takes back the cut when the loss was none", () => {
    const driver = new Driver();
    driver.growTo(100);
    const before = driver.windowPackets;
    driver.control.onTimeout(driver.nowMs, 0);
    expect(driver.windowPackets).toBe(1);
    driver.control.onSpurious(driver.nowMs);
    expect(driver.windowPackets).toBe(before);
  });

  test("takes a second time-out in a row for the same loss", () => {
    const driver = new Driver();
    driver.growTo(320);
    driver.control.onTimeout(driver.nowMs, 0);
    driver.control.onTimeout(driver.nowMs, 0);
    driver.control.onRecoveryEnd(driver.nowMs, 0);
    expect(driver.windowPackets).toBe(1);
    // Doubling goes on to where one time-out alone would have let it.
    for (let round = 0; round < 9; round += 1) driver.round();
    expect(driver.windowPackets).toBeGreaterThan(0.6 * 320);
  });

  test("takes back the cut of several time-outs in a row when the loss was none", () => {
    const driver = new Driver();
    driver.growTo(100);
    const before = driver.windowPackets;
    for (let count = 0; count < 3; count += 1) driver.control.onTimeout(driver.nowMs, 0);
    driver.control.onSpurious(driver.nowMs);
    expect(driver.windowPackets).toBe(before);
  });

  test("gives way again at a time-out after something arrived", () => {
    const driver = new Driver();
    driver.growTo(320);
    driver.control.onTimeout(driver.nowMs, 0);
    for (let round = 0; round < 4; round += 1) driver.round();
    driver.control.onTimeout(driver.nowMs, 0);
    for (let round = 0; round < 9; round += 1) driver.round();
    expect(driver.windowPackets).toBeLessThan(0.2 * 320);
  });

  test("stands still while idle, and begins anew after five minutes", () => {
    const driver = new Driver();
    driver.growTo(320);
    driver.lose();
    driver.round();
    const before = driver.windowPackets;
    driver.control.onIdleRestart(driver.nowMs + 60_000, driver.nowMs);
    driver.nowMs += 60_000;
    driver.round();
    expect(driver.windowPackets / before).toBeLessThan(1.1);
    driver.control.onIdleRestart(driver.nowMs + 300_000, driver.nowMs);
    expect(driver.windowPackets).toBe(10);
  });

  test("keeps its bytes when packets become larger", () => {
    const driver = new Driver();
    driver.growTo(100);
    const { windowBytes } = driver.control;
    driver.control.onPacketSize(1400);
    expect(driver.control.windowBytes).toBeCloseTo(windowBytes);
  });
});
