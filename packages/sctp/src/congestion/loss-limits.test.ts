/** Congestion is found loss by loss; a run of losses is a host that stood still. */
import { describe, expect, test } from "vitest";
import { isLossTelling } from "./loss-limits.ts";

const PACKET = 1200;

/** 500 packets: 100 Mbit/s at 50 ms. */
function loss(lostPackets: number, lossRuns: number, flightPackets = 500) {
  return { flightBytes: flightPackets * PACKET, lostBytes: lostPackets * PACKET, lossRuns };
}

describe("loss", () => {
  test("with a queue tells above 2 %, found here and there", () => {
    expect(isLossTelling(loss(10, 10), PACKET, true)).toBe(false);
    expect(isLossTelling(loss(20, 20), PACKET, true)).toBe(true);
  });

  test("without a queue tells only of what chance does not bring", () => {
    expect(isLossTelling(loss(20, 20), PACKET, false)).toBe(false);
    expect(isLossTelling(loss(100, 80), PACKET, false)).toBe(true);
  });

  test("in one run tells nothing, however long it is", () => {
    expect(isLossTelling(loss(200, 1), PACKET, true)).toBe(false);
    expect(isLossTelling(loss(200, 5), PACKET, true)).toBe(false);
    expect(isLossTelling(loss(200, 6), PACKET, true)).toBe(true);
  });

  test("of a small flight tells by a single run", () => {
    expect(isLossTelling(loss(4, 1, 12), PACKET, true)).toBe(true);
  });
});
