/** What an association makes of a path that turns worse under it, in virtual time. */
import { createBbr, createCubic } from "@beeline/sctp";
import { describe, expect, test } from "vitest";
import { SctpWorld, type SctpWorldOptions } from "../support/sctp-world.ts";

function connected(options: SctpWorldOptions): SctpWorld {
  const world = new SctpWorld(options);
  world.connect();
  return world;
}

describe("one packet lost", () => {
  test("among tens of thousands of small messages does not stop the others", () => {
    const line = { delayMs: 100, bytesPerMs: 12_500, queueBytes: 4_000_000 };
    const b = { receiveWindowBytes: 2 * 1_048_576 };
    const world = connected({ seed: 9, forth: line, back: line, b });
    const { clock, a } = world;
    const send = (bytes: number, count: number) => {
      const payload = new Uint8Array(bytes);
      for (let index = 0; index < count; index += 1) {
        a.association.send(payload, { streamId: 2, protocolId: 53 }, clock.nowMs);
      }
      a.turn();
    };
    // The window grows until it takes all the small ones at once.
    send(16_384, 1200);
    clock.run(clock.nowMs + 10_000);
    const before = world.b.gotMessages;
    const { out } = a;
    let left = 0;
    a.out = (packet) => {
      left += 1;
      if (left !== 5) out(packet);
    };
    send(20, 60_000);
    clock.run(clock.nowMs + 10_000, () => world.b.gotMessages - before === 60_000);
    expect(world.b.gotMessages - before).toBe(60_000);
    expect(a.association.state).toBe("connected");
  });
});

const MB = 1_000_000;

/** Sends `bytes` in messages of 16 KiB and says how long it took until the last arrived. */
function transfer(world: SctpWorld, bytes: number): number {
  const { clock, a, b } = world;
  const beganAtMs = clock.nowMs;
  const count = Math.ceil(bytes / 16_384);
  const before = b.gotMessages;
  const payload = new Uint8Array(16_384);
  for (let index = 0; index < count; index += 1) {
    a.association.send(payload, { streamId: 0, protocolId: 53 }, clock.nowMs);
  }
  a.turn();
  clock.run(beganAtMs + 600_000, () => b.gotMessages - before === count);
  expect(b.gotMessages - before).toBe(count);
  return clock.nowMs - beganAtMs;
}

function goDark(world: SctpWorld, fromMs: number, darkMs: number): void {
  const { clock } = world;
  const turn = (isDark: boolean) => {
    for (const link of world.links) link.isDark = isDark;
  };
  clock.at(clock.nowMs + fromMs, () => turn(true));
  clock.at(clock.nowMs + fromMs + darkMs, () => turn(false));
}

/** The largest packet that leaves A from now on. */
function largestOf(world: SctpWorld): () => number {
  const { a } = world;
  const { out } = a;
  let largest = 0;
  a.out = (packet) => {
    largest = Math.max(largest, packet.byteLength);
    out(packet);
  };
  return () => largest;
}

describe("a pause of the path", () => {
  const controllers = [createBbr, createCubic] as const;
  const cases = controllers.flatMap((create) => {
    const { name } = create({ packetBytes: 1200, random: () => 0.5 });
    return [100, 1000, 10_000].map((darkMs) => ({ name, darkMs, create }));
  });

  test.each(cases)("of $darkMs ms ends with it, with $name", ({ darkMs, create }) => {
    const line = { delayMs: 20, bytesPerMs: 1250, queueBytes: 100_000 };
    const a = { createCongestionControl: create };
    const world = connected({ seed: 25, forth: line, a });
    goDark(world, 500, darkMs);
    const usualMs = (4 * MB) / 1250 / 0.75;
    expect(transfer(world, 4 * MB)).toBeLessThan(usualMs + darkMs + 4000);
  });

  test.each(controllers)("leaves a fast path as fast as it was (%#)", (create) => {
    const line = { delayMs: 50, bytesPerMs: 12_500, queueBytes: 1_250_000 };
    const a = { createCongestionControl: create };
    const b = { receiveWindowBytes: 8 * 1_048_576 };
    const world = connected({ seed: 9, forth: line, back: line, a, b });
    transfer(world, 60 * MB);
    const usualMs = transfer(world, 60 * MB);
    goDark(world, 1000, 3000);
    expect(transfer(world, 60 * MB)).toBeLessThan(usualMs + 3000 + 4000);
  });

  test("leaves packets as large as they were", () => {
    const line = { delayMs: 5, bytesPerMs: 1250, queueBytes: 50_000 };
    const world = connected({ seed: 6, forth: line, back: line });
    const { clock } = world;
    clock.run(clock.nowMs + 3000);
    goDark(world, 20, 2000);
    transfer(world, MB);
    clock.run(clock.nowMs + 5000);
    const largest = largestOf(world);
    transfer(world, MB);
    expect(largest()).toBe(1400);
  });
});

describe("a path that takes smaller packets from now on", () => {
  const line = { delayMs: 25, bytesPerMs: 2500, queueBytes: 500_000 };

  /** Shrinks under large messages, and small ones besides each so often. */
  function shrinking(pingEveryMs: number, maxPacketBytes = 1300) {
    const world = connected({ seed: 5, forth: line, back: line });
    const { clock, a, b } = world;
    clock.run(clock.nowMs + 3000);
    const got = { bulk: 0, pings: 0, lastPingMs: 0 };
    b.onEvent = (event) => {
      if (event.kind === "message" && event.message.streamId === 3) {
        got.pings += 1;
        got.lastPingMs = clock.nowMs;
      } else if (event.kind === "message") got.bulk += 1;
    };
    const send = (bytes: number, streamId: number) => {
      const options = { streamId, protocolId: 53, isUnordered: true };
      a.association.send(new Uint8Array(bytes), options, clock.nowMs);
    };
    const bulk = (): void => {
      if (a.association.state !== "connected") return;
      while (a.association.bufferedBytes(1) < 200_000) send(16_384, 1);
      a.turn();
      clock.after(20, bulk);
    };
    const ping = (): void => {
      if (a.association.state !== "connected") return;
      send(60, 3);
      a.turn();
      clock.after(pingEveryMs, ping);
    };
    bulk();
    if (pingEveryMs > 0) ping();
    clock.run(clock.nowMs + 2000);
    const shrank = { atMs: clock.nowMs, pings: got.pings };
    for (const link of world.links) link.traits = { ...link.traits, maxPacketBytes };
    return { world, got, shrank };
  }

  test.each([
    ["and small messages now and then", 500],
    ["and small messages that never let it time out", 50],
    ["and nothing else", 0],
  ])(
    "under bulk %s ends the association within 3 s, so that another can begin",
    (_what, pingMs) => {
      const { world, got, shrank } = shrinking(pingMs);
      const { clock, a } = world;
      clock.run(clock.nowMs + 10_000, () => a.association.state === "closed");
      expect(a.events.at(-1)).toEqual({ kind: "closed", reason: "path-shrank" });
      expect(clock.nowMs - shrank.atMs).toBeLessThan(3000);
      if (pingMs === 0) return;
      // Meanwhile small messages go on.
      const mostPings = (clock.nowMs - shrank.atMs) / pingMs;
      expect(got.pings - shrank.pings).toBeGreaterThan(0.6 * mostPings - 1);
      expect(clock.nowMs - got.lastPingMs).toBeLessThan(pingMs + 100);
    },
  );

  test("and grows again in time loses nothing", () => {
    const { world, got, shrank } = shrinking(500);
    const { clock, a } = world;
    clock.run(shrank.atMs + 1200);
    for (const link of world.links) link.traits = { ...link.traits, maxPacketBytes: 1500 };
    const before = got.bulk;
    clock.run(clock.nowMs + 3000);
    expect(a.association.state).toBe("connected");
    expect(got.bulk).toBeGreaterThan(before + 50);
    const largest = largestOf(world);
    clock.run(clock.nowMs + 1000);
    expect(largest()).toBe(1400);
  });

  /** One large message on its way as the path shrinks, and small ones from then on. */
  test.each([
    [500, 200],
    [500, 1500],
    [500, 4000],
    [800, 700],
    [800, 4000],
  ])(
    "to what the search for its size finds, at %i ms and a message every %i ms, ends",
    (rttMs, everyMs) => {
      const slow = { delayMs: rttMs / 2, bytesPerMs: 2500, queueBytes: 500_000 };
      for (const createCongestionControl of [createBbr, createCubic]) {
        const world = connected({
          seed: 3,
          forth: slow,
          back: slow,
          a: { createCongestionControl },
        });
        const { clock, a } = world;
        clock.run(clock.nowMs + 5000);
        for (const link of world.links) link.traits = { ...link.traits, maxPacketBytes: 1300 };
        a.association.send(new Uint8Array(1340), { streamId: 1, protocolId: 53 }, clock.nowMs);
        const small = (): void => {
          if (a.association.state !== "connected") return;
          a.association.send(new Uint8Array(60), { streamId: 3, protocolId: 53 }, clock.nowMs);
          a.turn();
          clock.after(everyMs, small);
        };
        small();
        clock.run(clock.nowMs + 120_000, () => a.association.state === "closed");
        expect(a.events.at(-1)).toEqual({ kind: "closed", reason: "path-shrank" });
      }
    },
  );

  test("costs nothing when all that is on the way is small", () => {
    const world = connected({ seed: 7, forth: line, back: line });
    const { clock, a, b } = world;
    clock.run(clock.nowMs + 3000);
    const sendMany = () => {
      for (let count = 0; count < 500; count += 1) {
        a.association.send(new Uint8Array(60), { streamId: 2, protocolId: 53 }, clock.nowMs);
      }
      a.turn();
    };
    sendMany();
    clock.run(clock.nowMs + 1000);
    for (const link of world.links) link.traits = { ...link.traits, maxPacketBytes: 1300 };
    sendMany();
    clock.run(clock.nowMs + 3000);
    expect(b.gotMessages).toBe(1000);
    expect(a.association.state).toBe("connected");
  });
});

describe("a packet that is lost twice", () => {
  test.each([
    [200, 440],
    [200, 500],
    [200, 560],
    [300, 660],
    [300, 750],
  ])("is repaired at %i ms, though a small message comes every %i ms", (rttMs, everyMs) => {
    const line = { delayMs: rttMs / 2, bytesPerMs: 2500, queueBytes: 500_000 };
    const world = connected({ seed: 4, forth: line, back: line });
    const { clock, a, b } = world;
    clock.run(clock.nowMs + 5000);
    const { out } = a;
    let sendings = 0;
    const send = (bytes: number, streamId: number): void => {
      a.association.send(new Uint8Array(bytes), { streamId, protocolId: 53 }, clock.nowMs);
      a.turn();
    };
    a.out = (packet) => {
      if (packet.byteLength < 800) out(packet);
      else if (++sendings > 2) out(packet);
    };
    let arrivedAtMs = Number.POSITIVE_INFINITY;
    b.onEvent = (event) => {
      if (event.kind === "message" && event.message.streamId === 1) arrivedAtMs = clock.nowMs;
    };
    for (let count = 0; count < 5; count += 1)
      clock.at(clock.nowMs + count * 100, () => send(60, 3));
    clock.run(clock.nowMs + 1000);
    const beganAtMs = clock.nowMs;
    send(1000, 1);
    const small = (): void => {
      send(60, 3);
      clock.after(everyMs, small);
    };
    small();
    clock.run(clock.nowMs + 40_000, () => arrivedAtMs < clock.nowMs);
    expect(arrivedAtMs - beganAtMs).toBeLessThan(5000);
  });
});
