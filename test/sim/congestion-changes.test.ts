/** How the rate-based controller starts, follows a link that changes, pauses, and bears rough timing. */
import { expect, test } from "vitest";
import { PACKET_BYTES } from "../support/sim-bottleneck-flow.ts";
import { BottleneckScene } from "../support/sim-bottleneck-scene.ts";

test.each([
  { mbit: 5, rttMs: 50 },
  { mbit: 20, rttMs: 50 },
  { mbit: 20, rttMs: 200 },
  { mbit: 100, rttMs: 10 },
  { mbit: 100, rttMs: 50 },
])("reaches 90 % of $mbit Mbit/s at $rttMs ms within 11 round trips", (link) => {
  const scene = new BottleneckScene({ ...link, bufferBdp: 1 });
  const flow = scene.add("bbr");
  let rounds = 0;
  for (let used = 0; used < 0.9; rounds += 1) {
    expect(rounds).toBeLessThan(11);
    used = scene.measure(link.rttMs).used;
  }
  // Doubling cannot end before it went too far, but it ends there.
  scene.run(2_000);
  expect(flow.lostBytes).toBeLessThan(scene.bdpBytes);
});

test.each([1, 4])(
  "a rate that falls to a quarter and comes back, a buffer of %d BDP of the old",
  (bufferBdp) => {
    const scene = new BottleneckScene({ mbit: 40, rttMs: 50, bufferBdp });
    scene.add("bbr");
    scene.run(10_000);
    scene.bottleneck.setRate(scene.bytesPerMs / 4);
    scene.run(5_000);
    const fallen = scene.measure(5_000);
    expect(fallen.used).toBeGreaterThan(0.9 / 4);
    // In what is left of the old flight nobody would want to send a command.
    expect(fallen.queueMeanMs).toBeLessThan(25);
    scene.bottleneck.setRate(scene.bytesPerMs);
    scene.run(5_000);
    expect(scene.measure(2_000).used).toBeGreaterThan(0.9);
  },
);

test("after 10 s of silence it goes on at the rate it knew, without a burst", () => {
  const pauseMs = { from: 5_000, to: 15_000 };
  const scene = new BottleneckScene({ mbit: 20, rttMs: 50, bufferBdp: 1 });
  const flow = scene.add("bbr", {
    hasData: (nowMs) => nowMs < pauseMs.from || nowMs >= pauseMs.to,
  });
  const sentAtMs: number[] = [];
  flow.onSent = (nowMs) => {
    if (nowMs >= pauseMs.to) sentAtMs.push(nowMs);
  };
  scene.timeline.at(pauseMs.to, () => flow.poke());
  scene.run(15_000);
  scene.run(50);
  // A timer up to 2 ms late and a quantum, beside the pace.
  const mostBytes = (ms: number) => scene.bytesPerMs * (ms + 2) + 2 * PACKET_BYTES;
  for (const [index, fromMs] of sentAtMs.entries()) {
    const within = sentAtMs.slice(index).filter((atMs) => atMs < fromMs + 10).length;
    expect(within * PACKET_BYTES).toBeLessThanOrEqual(mostBytes(10));
  }
  expect(sentAtMs.length * PACKET_BYTES).toBeGreaterThan(0.8 * scene.bdpBytes);
  const measured = scene.measure(1_000);
  expect(measured.used).toBeGreaterThan(0.9);
  // A probe: a quarter more for the round in which its queue is seen and the one after it.
  expect(measured.queueMostMs).toBeLessThan(0.625 * 50);
});

test.each([
  { name: "jitter of 5 ms", options: { jitterMs: 5 } },
  { name: "a timer up to 5 ms late", options: { timerLateMs: 5 } },
  { name: "acknowledgements in heaps, every 10 ms", options: { ackHeapMs: 10 } },
])("bears $name", ({ options }) => {
  for (const rttMs of [10, 50]) {
    const scene = new BottleneckScene({ mbit: 20, rttMs, bufferBdp: 2 });
    const flow = scene.add("bbr", options);
    scene.run(2_000);
    const lostBytes = flow.lostBytes;
    expect(scene.measure(8_000).used).toBeGreaterThan(0.9);
    expect(flow.lostBytes - lostBytes).toBeLessThan(0.01 * flow.sentBytes);
  }
});

test("a short round trip does not bound the rate by the timers of the hosts", () => {
  const scene = new BottleneckScene({ mbit: 400, rttMs: 0.3, bufferBdp: 30 });
  scene.add("bbr", { timerLateMs: 2 });
  scene.run(500);
  expect(scene.measure(1_000).used).toBeGreaterThan(0.9);
});
