/** Darkness: how soon traffic is on the other path, and what is not to be taken for darkness. */
import { expect, test } from "vitest";
import { commandMs, linkedWorld, nextByteMs, percentile } from "../support/sim-measure.ts";
import type { SimPeer } from "../support/sim-peer.ts";
import type { SimWorld } from "../support/sim-world.ts";

/** 20 Mbit/s and 50 ms of round trip on both paths, as in issue 3. */
const RELAY = { delayMs: 12.5, bytesPerSecond: 2_500_000 };
const DIRECT = { delayMs: 25, bytesPerSecond: 2_500_000 };
const RTT_MS = 50;

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);
const BULK = { priority: 2, size: 30_000_000, writeBytes: 262_144 } as const;

function bothPaths(seed: number): SimWorld {
  return linkedWorld({ seed, withDirect: true, relay: RELAY, direct: DIRECT });
}

function countOf(peer: SimPeer, type: string, sinceMs = 0): number {
  return peer.app.events.filter(({ atMs, event }) => event.type === type && atMs >= sinceMs).length;
}

function link(world: SimWorld, kind: "relay" | "direct") {
  const found = world.current[kind];
  if (found === undefined) throw new Error(`no ${kind} path`);
  return found;
}

test.each(["extension", "client"] as const)(
  "bulk from the %s is on the relay within 2 s when direct goes dark, in 95 of 100 cases",
  (from) => {
    const gaps = SEEDS.map((seed) => {
      const world = bothPaths(seed);
      world.peer(from).app.open(BULK);
      world.run(world.random.between(500, 3_000));
      link(world, "direct").cut("drop");
      return nextByteMs(world, from === "client" ? "extension" : "client", "relay");
    });
    expect(percentile(gaps, 0.95)).toBeLessThanOrEqual(2_000);
  },
);

test.each(["extension", "client"] as const)(
  "a direct path that goes dark only from the %s on is left within 2 s too",
  (from) => {
    const gaps = SEEDS.map((seed) => {
      const world = bothPaths(seed);
      world.extension.app.open(BULK);
      world.run(world.random.between(500, 3_000));
      link(world, "direct").cut("drop", from);
      return nextByteMs(world, "client", "relay");
    });
    expect(percentile(gaps, 0.95)).toBeLessThanOrEqual(2_000);
  },
);

test("a command that an idle direct path swallows is hedged and answered over the relay", () => {
  const times = SEEDS.map((seed) => {
    const world = bothPaths(seed);
    world.run(world.random.between(0, 10_000));
    link(world, "direct").cut("drop");
    return commandMs(world, "client");
  });
  // Two hedges, question and answer, of at most 100 ms each.
  expect(percentile(times, 0.95)).toBeLessThanOrEqual(RTT_MS + 200);
});

test("an idle dark path is suspected by both sides before anything is sent on it", () => {
  for (const seed of SEEDS) {
    const world = bothPaths(seed);
    world.run(world.random.between(0, 5_000));
    const cutMs = world.clock.nowMs;
    link(world, "direct").cut("drop");
    world.run(7_000);
    expect(countOf(world.client, "suspect", cutMs)).toBeGreaterThan(0);
    expect(countOf(world.extension, "suspect", cutMs)).toBeGreaterThan(0);
  }
});

test("an idle client notices by itself that the extension is gone", () => {
  for (const seed of SEEDS) {
    const world = bothPaths(seed);
    world.run(world.random.between(0, 5_000));
    world.extension.stall(60_000);
    const goneMs = world.clock.nowMs;
    world.run(7_000);
    expect(countOf(world.client, "suspect", goneMs)).toBe(2);
  }
});

test.each([
  ["sends", "client"],
  ["receives", "extension"],
] as const)(
  "a hidden tab that %s bulk, its timers a minute late, leaves a dark path as soon",
  (_what, from) => {
    const gaps = SEEDS.map((seed) => {
      const world = bothPaths(seed);
      world.client.timerStepMs = 60_000;
      world.peer(from).app.open(BULK);
      world.run(world.random.between(500, 3_000));
      link(world, "direct").cut("drop");
      return nextByteMs(world, from === "client" ? "extension" : "client", "relay");
    });
    expect(percentile(gaps, 0.95)).toBeLessThanOrEqual(2_000);
  },
);

test("two ends that both suspect their only path use it again as soon as it is back", () => {
  for (const seed of SEEDS) {
    const world = linkedWorld({ seed, withDirect: false, relay: RELAY });
    for (const side of ["client", "extension"] as const) {
      world.peer(side).app.open({ ...BULK, size: 1_000_000 });
    }
    world.run(world.random.between(50, 200));
    link(world, "relay").cut("drop");
    world.run(world.random.between(2_000, 4_000));
    expect(countOf(world.client, "suspect") + countOf(world.extension, "suspect")).toBe(2);
    link(world, "relay").cut("none");
    world.run(3_000, () => world.isIdle);
    expect(world.isIdle).toBe(true);
    expect(countOf(world.client, "suspect") + countOf(world.extension, "suspect")).toBe(2);
  }
});

test("a suspect path that answers again carries bulk again", () => {
  const world = bothPaths(1);
  world.extension.app.open(BULK);
  world.run(500);
  link(world, "direct").cut("drop");
  expect(nextByteMs(world, "client", "relay")).toBeLessThan(2_000);
  link(world, "direct").cut("none");
  expect(nextByteMs(world, "client", "direct")).toBeLessThan(1_000);
});

test("a path that stays dark is reported dead after five more seconds, again and again", () => {
  const world = bothPaths(1);
  world.extension.app.open(BULK);
  world.run(500);
  link(world, "direct").cut("drop");
  world.run(6_000);
  expect(countOf(world.extension, "dead")).toBe(0);
  world.run(1_000);
  expect(countOf(world.extension, "dead")).toBe(1);
  world.run(10_000);
  expect(countOf(world.extension, "dead")).toBe(3);
});

test.each(["client", "extension"] as const)(
  "a second in which the %s's event loop stands still makes nobody suspect anything",
  (side) => {
    for (const seed of SEEDS) {
      const world = bothPaths(seed);
      world.peer(side).app.open({ ...BULK, size: 5_000_000 });
      world.run(world.random.between(100, 500));
      world.peer(side).stall(1_000);
      world.run(10_000, () => world.isIdle);
      expect(world.isIdle).toBe(true);
      expect(countOf(world.client, "suspect") + countOf(world.extension, "suspect")).toBe(0);
    }
  },
);

test("a stall of three seconds costs no more than the suspicion of the other side", () => {
  const world = bothPaths(1);
  world.extension.app.open({ ...BULK, size: 5_000_000 });
  world.run(300);
  world.extension.stall(3_000);
  world.run(10_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(world.ledger.totalResentHeldBytes).toBe(0);
});

test("a path that is merely slow is not repeated on, whatever is suspected", () => {
  for (const bytesPerSecond of [20_000, 50_000, 200_000]) {
    const relay = { delayMs: 12.5, bytesPerSecond };
    const world = linkedWorld({ seed: 1, withDirect: false, relay });
    for (const side of ["client", "extension"] as const) {
      world.peer(side).app.open({ ...BULK, size: bytesPerSecond * 20 });
    }
    world.run(60_000, () => world.isIdle);
    expect(world.isIdle).toBe(true);
    expect(world.ledger.totalResentHeldBytes).toBe(0);
  }
});

test("an idle session wakes a few times a minute, not a thousand", () => {
  const world = bothPaths(1);
  const before = world.client.ticks + world.extension.ticks;
  world.run(60_000);
  // Two paths, two sides, a ping every five seconds and an answer's deadline now and then.
  expect(world.client.ticks + world.extension.ticks - before).toBeLessThan(120);
});
