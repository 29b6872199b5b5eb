/**
 * What one flow gets of a link that loses packets: the rate-based controller about all that is not
 * lost, whatever the round trip, with a short queue. Wider tables, printed:
 * test/support/sim-bottleneck-tables.ts.
 */
import { describe, expect, test } from "vitest";
import type { Loss } from "../support/sim-bottleneck.ts";
import { LOSSES, measureAlone } from "../support/sim-bottleneck-scene.ts";

function lossShare(loss: Loss): number {
  return loss.kind === "none" ? 0 : loss.share;
}

describe.each([
  { mbit: 5, rttMs: 10 },
  { mbit: 5, rttMs: 50 },
  { mbit: 5, rttMs: 100 },
  { mbit: 5, rttMs: 200 },
  { mbit: 20, rttMs: 10 },
  { mbit: 20, rttMs: 50 },
  { mbit: 20, rttMs: 100 },
  { mbit: 20, rttMs: 200 },
  { mbit: 100, rttMs: 50 },
])("$mbit Mbit/s, $rttMs ms", ({ mbit, rttMs }) => {
  test.each(LOSSES)("with $name", ({ loss }) => {
    const measured = measureAlone("bbr", { mbit, rttMs, bufferBdp: 1, loss });
    const wasted = loss.kind === "bursty" ? 0.15 : 0.1;
    expect(measured.used).toBeGreaterThan(1 - lossShare(loss) - wasted);
    // A command of the same user waits in this queue.
    expect(measured.queueMeanMs).toBeLessThan(Math.max(10, rttMs / 4));
  });
});

test("3 and 5 % of random loss slow it, but not to a stand", () => {
  const link = { mbit: 20, rttMs: 50, bufferBdp: 1 };
  const at = (share: number) => measureAlone("bbr", { ...link, loss: { kind: "random", share } });
  expect(at(0.03).used).toBeGreaterThan(0.8);
  expect(at(0.05).used).toBeGreaterThan(0.5);
});

test.each([
  { mbit: 5, rttMs: 100 },
  { mbit: 20, rttMs: 50 },
])("CUBIC fills $mbit Mbit/s at $rttMs ms without loss, and not with it", ({ mbit, rttMs }) => {
  const link = { mbit, rttMs, bufferBdp: 1 };
  expect(measureAlone("cubic", link).used).toBeGreaterThan(0.9);
  const lossy = measureAlone("cubic", { ...link, loss: { kind: "random", share: 0.01 } });
  expect(lossy.used).toBeGreaterThan(0.05);
  expect(lossy.used).toBeLessThan(0.5);
});
