/** Which path carries what: latency under load, hedging, policies, the handshake and its restarts. */
import { expect, test } from "vitest";
import { commandMs, linkedWorld, nextByteMs, percentile } from "../support/sim-measure.ts";
import type { SimPeer } from "../support/sim-peer.ts";
import { SimWorld } from "../support/sim-world.ts";

const RTT_MS = 50;
const RATE = 2_500_000;
const RELAY = { delayMs: RTT_MS / 4, bytesPerSecond: RATE };
const DIRECT = { delayMs: RTT_MS / 2, bytesPerSecond: RATE };
const BULK = { priority: 2, size: 50_000_000, writeBytes: 262_144 } as const;

function bytesOver(peer: SimPeer, kind: "relay" | "direct"): number {
  const path = peer.session.paths().find(({ id }) => id.kind === kind);
  return path?.receivedBytes ?? 0;
}

function switches(peer: SimPeer, sinceMs: number): string[] {
  return peer.app.events.flatMap(({ atMs, event }) =>
    event.type === "switched" && atMs >= sinceMs ? [`${event.to} ${event.reason}`] : [],
  );
}

test.each([
  ["the only path", false],
  ["the direct path", true],
] as const)(
  "a command passes 50 MB on %s within RTT + 150 ms at the 95th percentile",
  (_name, withDirect) => {
    const world = linkedWorld({ seed: 1, withDirect, relay: RELAY, direct: DIRECT });
    const bulk = world.extension.app.open(BULK) ?? -1;
    const startMs = world.clock.nowMs;
    const times: number[] = [];
    while (world.extension.session.streams.sender(bulk) !== undefined) {
      world.run(50);
      times.push(commandMs(world, "client"));
    }
    expect(times.length).toBeGreaterThan(100);
    expect(percentile(times, 0.95)).toBeLessThanOrEqual(RTT_MS + 150);
    // And the bulk is not starved to achieve that.
    expect(BULK.size / (world.clock.nowMs - startMs)).toBeGreaterThan((0.85 * RATE) / 1000);
  },
);

test("commands are as quick after a minute of bulk as at its beginning", () => {
  const world = linkedWorld({ seed: 3, withDirect: false, relay: { ...RELAY, jitterMs: 2 } });
  // The queue builds where neither end sees it: in the relay.
  world.current.relay?.reshapeHop("extension", 0, { bytesPerSecond: 125_000_000 });
  world.extension.app.open({ ...BULK, size: 200_000_000 });
  world.run(60_000);
  const times = Array.from({ length: 40 }, () => {
    world.run(200);
    return commandMs(world, "client");
  });
  expect(percentile(times, 0.95)).toBeLessThanOrEqual(RTT_MS + 60);
});

test("a first command takes one relay round trip, without waiting for the welcome", () => {
  const world = new SimWorld({ seed: 1, relay: RELAY });
  world.connectRelay();
  expect(commandMs(world, "client")).toBeLessThan(RTT_MS + 5);
});

test("a command is answered at once when direct swallows it", () => {
  const world = linkedWorld({ seed: 1, withDirect: true, relay: RELAY, direct: { delayMs: 5 } });
  world.run(3_000);
  world.current.direct?.cut("drop");
  expect(commandMs(world, "client")).toBeLessThan(RTT_MS + 200);
});

test("what a slow receiver leaves unread stays within the window, in the relay and on it", () => {
  const world = linkedWorld({ seed: 1, withDirect: false, relay: RELAY });
  world.current.relay?.reshapeHop("extension", 0, { bytesPerSecond: 125_000_000 });
  world.client.app.appetite = 100_000;
  world.extension.app.open(BULK);
  world.run(30_000);
  expect(world.client.app.maxUnconsumedBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(world.current.relay?.maxRelayBytes).toBeLessThanOrEqual(1024 * 1024);
  // Full, but not stuck: what was read is granted again.
  const before = bytesOver(world.client, "relay");
  world.run(20_000);
  expect(bytesOver(world.client, "relay") - before).toBeGreaterThan(1_000_000);
});

test("a receiver with a slow line behind a fast relay keeps the relay below 1 MiB", () => {
  const world = linkedWorld({
    seed: 1,
    withDirect: false,
    relay: { ...RELAY, bytesPerSecond: 125_000_000 },
  });
  world.current.relay?.reshapeHop("extension", 1, { bytesPerSecond: RATE });
  world.extension.app.open(BULK);
  world.run(60_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(world.current.relay?.maxRelayBytes).toBeLessThanOrEqual(1024 * 1024);
});

test("a restarted extension welcomes a known client as one it does not know", () => {
  const world = linkedWorld({ seed: 1, withDirect: true, relay: RELAY });
  const restartMs = world.clock.nowMs;
  world.restartExtension();
  world.connectRelay();
  world.run(2_000);
  const welcomes = world.client.app.events.filter(({ event }) => event.type === "welcomed");
  expect(welcomes.at(-1)?.atMs).toBeGreaterThan(restartMs);
  expect(welcomes.map(({ event }) => event)).toEqual([
    { type: "welcomed", isResumed: false },
    { type: "welcomed", isResumed: false },
  ]);
});

test("a client whose relay socket came back is welcomed as known, and nothing is lost or repeated", () => {
  const world = linkedWorld({ seed: 1, withDirect: false, relay: RELAY });
  world.extension.app.open({ ...BULK, size: 10_000_000 });
  for (let reconnect = 0; reconnect < 5; reconnect += 1) {
    world.run(400);
    world.close("relay", 100);
    world.run(300);
    world.connectRelay();
  }
  world.run(20_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(world.ledger.totalResentHeldBytes).toBe(0);
  const last = world.client.app.events.findLast(({ event }) => event.type === "welcomed");
  expect(last?.event).toEqual({ type: "welcomed", isResumed: true });
});

test("of megabytes that arrived but were not acknowledged before a cut, next to nothing comes twice", () => {
  const fat = { bytesPerSecond: 25_000_000 };
  const world = linkedWorld({
    seed: 1,
    withDirect: true,
    relay: { ...fat, delayMs: 50 },
    direct: { ...fat, delayMs: 100 },
  });
  world.extension.app.open(BULK);
  world.run(3_000);
  // Pictures keep arriving, their acknowledgements do not.
  world.current.direct?.cut("drop", "client");
  world.ledger.onCut();
  world.run(1_000);
  const direct = world.extension.session.paths().find(({ id }) => id.kind === "direct");
  expect(direct?.flight.bytes).toBeGreaterThan(1024 * 1024);
  world.run(60_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(world.ledger.maxResentHeldBytes).toBeLessThanOrEqual(512 * 1024);
});

test("a path that jitters and reorders is not taken for one that loses", () => {
  const relay = { delayMs: 12.5, jitterMs: 40, reordering: 0.2, bytesPerSecond: RATE };
  const world = linkedWorld({ seed: 1, withDirect: false, relay });
  world.extension.app.open({ ...BULK, size: 5_000_000 });
  world.run(60_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(world.ledger.totalResentHeldBytes).toBeLessThan(0.02 * 5_000_000);
});

test("a flood of commands that nobody acknowledges stays within the path's ceiling", () => {
  const world = linkedWorld({ seed: 1, withDirect: false, relay: { bytesPerSecond: 125_000_000 } });
  world.current.relay?.cut("drop", "extension");
  for (let count = 0; count < 200; count += 1) {
    world.client.app.open({ priority: 0, size: 60_000, writeBytes: 60_000 });
  }
  world.run(1_000);
  expect(world.client.maxInFlightBytes.relay).toBeGreaterThan(900 * 1024);
  expect(world.client.maxInFlightBytes.relay).toBeLessThanOrEqual((1024 + 16) * 1024);
});

test("streams given up half-way give their share of the budget back, read or not", () => {
  const world = linkedWorld({ seed: 1, withDirect: false, relay: RELAY });
  const { client, extension } = world;
  client.app.appetite = 100_000;
  // Of each about 400 KB are on the way or unread: together they are twice the budget.
  for (let count = 0; count < 20; count += 1) {
    const id = extension.app.open(BULK) ?? -1;
    world.run(200);
    extension.app.giveUp(id);
  }
  client.app.appetite = Number.POSITIVE_INFINITY;
  extension.app.open({ ...BULK, size: 5_000_000 });
  world.run(20_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
});

test("an older generation of a path is not opened again, so no packet number comes twice", () => {
  const world = linkedWorld({ seed: 1, withDirect: true, relay: RELAY, direct: DIRECT });
  const { session } = world.client;
  const nowMs = world.clock.nowMs;
  session.openPath({ kind: "direct", generation: 5 }, nowMs);
  session.openPath({ kind: "direct", generation: 4 }, nowMs);
  expect(session.paths().map(({ id }) => `${id.kind} ${id.generation}`)).toEqual([
    "relay 1",
    "direct 5",
  ]);
});

test("under fastest, bulk moves once to a relay that is measurably faster, and the reason says so", () => {
  const world = linkedWorld({
    seed: 1,
    withDirect: true,
    relay: { delayMs: 12.5, bytesPerSecond: 5_000_000 },
    direct: { delayMs: 25, bytesPerSecond: 500_000 },
  });
  world.client.session.setPolicy("fastest", world.clock.nowMs);
  world.client.run();
  world.run(1_000);
  const startMs = world.clock.nowMs;
  world.extension.app.open(BULK);
  expect(nextByteMs(world, "client", "relay")).toBeLessThan(8_000);
  world.run(60_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(switches(world.extension, startMs)).toEqual(["relay slower-than-relay"]);
});

test("under fastest, bulk does not flap between paths of about the same speed", () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const shape = { bytesPerSecond: 2_000_000, jitterMs: 10 };
    const world = linkedWorld({
      seed,
      withDirect: true,
      relay: { ...shape, delayMs: 12.5, bytesPerSecond: 2_200_000 },
      direct: { ...shape, delayMs: 25 },
    });
    world.client.session.setPolicy("fastest", world.clock.nowMs);
    world.client.run();
    const startMs = world.clock.nowMs;
    world.extension.app.open(BULK);
    world.run(60_000, () => world.isIdle);
    expect(world.isIdle).toBe(true);
    expect(switches(world.extension, startMs).length).toBeLessThanOrEqual(1);
  }
});

test("under preferDirect, bulk stays on a direct path that serves the job, though the relay is faster", () => {
  const world = linkedWorld({
    seed: 1,
    withDirect: true,
    relay: { delayMs: 12.5, bytesPerSecond: 12_500_000 },
    direct: { delayMs: 25, bytesPerSecond: 1_000_000 },
  });
  const startMs = world.clock.nowMs;
  world.extension.app.open({ ...BULK, size: 10_000_000 });
  world.run(60_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(switches(world.extension, startMs)).toEqual([]);
});

test("under preferDirect, bulk leaves a direct path that would try a person's patience", () => {
  const world = linkedWorld({
    seed: 1,
    withDirect: true,
    relay: { delayMs: 12.5, bytesPerSecond: 5_000_000 },
    direct: { delayMs: 25, bytesPerSecond: 60_000 },
  });
  const startMs = world.clock.nowMs;
  world.extension.app.open({ ...BULK, size: 10_000_000 });
  world.run(60_000, () => world.isIdle);
  expect(world.isIdle).toBe(true);
  expect(switches(world.extension, startMs)[0]).toBe("relay slower-than-relay");
});

test.each([
  ["saveRelay", "direct"],
  ["relayOnly", "relay"],
] as const)("under %s, bulk travels on the %s path", (policy, kind) => {
  const world = linkedWorld({
    seed: 1,
    withDirect: true,
    relay: { delayMs: 12.5, bytesPerSecond: 1_000_000 },
    direct: { delayMs: 25, bytesPerSecond: 1_000_000 },
  });
  world.client.session.setPolicy(policy, world.clock.nowMs);
  world.client.run();
  world.run(1_000);
  const before = bytesOver(world.client, kind);
  world.extension.app.open({ ...BULK, size: 5_000_000 });
  world.run(30_000, () => world.isIdle);
  expect(bytesOver(world.client, kind) - before).toBeGreaterThan(5_000_000);
});
