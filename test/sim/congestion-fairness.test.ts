/**
 * Neighbours at a drop-tail bottleneck without random loss: each flow gets between a third and three
 * times its fair share, against TCP CUBIC and against its like, and the queue stays bounded.
 */
import { describe, expect, test } from "vitest";
import { BottleneckScene, measureTogether } from "../support/sim-bottleneck-scene.ts";

/** Two flows: fair is a half, a third of that a sixth. Three times a half is more than there is. */
const LEAST_SHARE = 1 / 6;

const LINKS = [
  { mbit: 5, rttMs: 10 },
  { mbit: 5, rttMs: 100 },
  { mbit: 20, rttMs: 10 },
  { mbit: 20, rttMs: 50 },
  { mbit: 20, rttMs: 100 },
  { mbit: 50, rttMs: 50 },
];

describe.each([
  { name: "bbr", bufferBdp: 1 },
  { name: "bbr", bufferBdp: 4 },
  { name: "cubic", bufferBdp: 1 },
  { name: "cubic", bufferBdp: 4 },
] as const)("$name, a buffer of $bufferBdp BDP", ({ name, bufferBdp }) => {
  test.each(LINKS)("shares $mbit Mbit/s at $rttMs ms with one TCP CUBIC", ({ mbit, rttMs }) => {
    const measured = measureTogether(name, "tcp", { mbit, rttMs, bufferBdp });
    expect(measured.used).toBeGreaterThan(0.9);
    expect(Math.min(...measured.shares) / measured.used).toBeGreaterThan(LEAST_SHARE);
  });

  test.each(LINKS)("shares $mbit Mbit/s at $rttMs ms with its like", ({ mbit, rttMs }) => {
    const measured = measureTogether(name, name, { mbit, rttMs, bufferBdp });
    expect(measured.used).toBeGreaterThan(0.9);
    expect(Math.min(...measured.shares) / measured.used).toBeGreaterThan(LEAST_SHARE);
    if (name === "cubic") return;
    // Both bound their flight by twice what they measure, whatever the buffer would take.
    expect(measured.queueMeanMs).toBeLessThan(rttMs + 15);
    expect(measured.queueMostMs).toBeLessThan(2 * rttMs + 25);
  });
});

test.each([
  { mbit: 20, rttMs: 50, bufferBdp: 1 },
  { mbit: 20, rttMs: 50, bufferBdp: 4 },
  { mbit: 20, rttMs: 100, bufferBdp: 4 },
])("a flow that joins late gets its part: $mbit Mbit/s, $rttMs ms, $bufferBdp BDP", (link) => {
  const scene = new BottleneckScene(link);
  scene.add("bbr");
  scene.add("bbr", { startMs: 10_000 });
  scene.run(40_000);
  const { shares } = scene.measure(15_000);
  expect(shares[1]).toBeGreaterThan(0.25);
});

test("three flows share without one starving", () => {
  // When they begin decides much of one minute, so it is asked of three.
  const shares = [2_000, 2_500, 3_000].map((startMs) => {
    const scene = new BottleneckScene({ mbit: 20, rttMs: 50, bufferBdp: 2 });
    scene.add("bbr");
    scene.add("bbr", { startMs, rttMs: 30 });
    scene.add("tcp", { startMs: 2 * startMs });
    scene.run(15_000);
    return scene.measure(60_000).shares;
  });
  for (const flow of [0, 1, 2]) {
    const sum = shares.reduce((total, each) => total + (each[flow] as number), 0);
    expect(sum / shares.length, `flow ${flow}`).toBeGreaterThan(1 / 9);
  }
});
