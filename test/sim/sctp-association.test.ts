/** What an association promises its owner, on networks of one kind each, in virtual time. */
import {
  type AssociationEvent,
  type CongestionControl,
  createCubic,
  type SctpAssociation,
} from "@beeline/sctp";
import { describe, expect, test } from "vitest";
import { overhear } from "../support/sctp-forge.ts";
import { type SctpEnd, SctpWorld, type SctpWorldOptions } from "../support/sctp-world.ts";

const MB = 1_000_000;

function connected(options: SctpWorldOptions): SctpWorld {
  const world = new SctpWorld(options);
  world.connect();
  return world;
}

function send(
  world: SctpWorld,
  bytes: number,
  options: Partial<Parameters<SctpAssociation["send"]>[1]> = {},
): void {
  const payload = new Uint8Array(bytes).fill(bytes);
  world.a.association.send(payload, { streamId: 0, protocolId: 53, ...options }, world.clock.nowMs);
  world.a.turn();
}

function messagesOf(end: SctpEnd) {
  return end.events.flatMap((event) => (event.kind === "message" ? [event.message] : []));
}

function eventsOf<K extends AssociationEvent["kind"]>(end: SctpEnd, kind: K) {
  return end.events.filter((event) => event.kind === kind);
}

/** Sends `bytes` in messages of 16 KiB and says how long it took until the last arrived. */
function transfer(world: SctpWorld, bytes: number): number {
  const beganAtMs = world.clock.nowMs;
  const count = Math.ceil(bytes / 16_384);
  const before = world.b.gotMessages;
  for (let index = 0; index < count; index += 1) send(world, 16_384);
  world.clock.run(beganAtMs + 600_000, () => world.b.gotMessages - before === count);
  expect(world.b.gotMessages - before).toBe(count);
  return world.clock.nowMs - beganAtMs;
}

describe("what is lost", () => {
  test.each([0, 0.01])(
    "by a start into 60 ms of queue at 200 ms, told of 20 gaps at a time (%d of all besides)",
    (lossRate) => {
      const line = { delayMs: 100, bytesPerMs: 12_000, lossRate };
      const world = connected({
        seed: 3,
        forth: { ...line, queueBytes: 720_000 },
        back: { ...line, mostGaps: 20 },
        b: { receiveWindowBytes: 5 * 1_048_576 },
      });
      const endsAtMs = 6_000;
      const refill = (): void => {
        while (world.a.association.bufferedBytes(0) < 1_000_000) send(world, 16_384);
        if (world.clock.nowMs < endsAtMs) world.clock.at(world.clock.nowMs + 5, refill);
      };
      refill();
      world.clock.run(endsAtMs);
      // Two fifths of what fits into six seconds, in which doubling takes more than one.
      expect(world.b.gotMessages * 16_384).toBeGreaterThan(0.4 * endsAtMs * line.bytesPerMs);
      const { lostPackets, resentBytes, lostDataBytes } = world.forth.figures;
      expect(lostPackets).toBeLessThan(1_200);
      // Where each second packet is lost and not told of, both of two are sent again.
      expect(resentBytes).toBeLessThan(2.6 * lostDataBytes);
    },
  );

  const losses = [
    ["0.5 %", { lossRate: 0.005 }],
    ["2 %", { lossRate: 0.02 }],
    ["10 %", { lossRate: 0.1 }],
    ["bursts of ten", { burstRate: 0.002, burstPackets: 10 }],
  ] as const;

  test.each(losses)("of user data (%s) is sent again once", (_name, loss) => {
    const line = { delayMs: 25, bytesPerMs: 2500, queueBytes: 500_000 };
    // Acknowledgements arrive: when they don't, nobody could know what did.
    const world = connected({ seed: 21, forth: { ...line, ...loss }, back: line });
    transfer(world, 10 * MB);
    const { resentBytes, lostDataBytes } = world.forth.figures;
    expect(lostDataBytes).toBeGreaterThan(20_000);
    expect(resentBytes).toBeLessThanOrEqual(1.3 * lostDataBytes);
  });

  test.each(losses)("of acknowledgements (%s) costs next to nothing", (_name, loss) => {
    const line = { delayMs: 25, bytesPerMs: 2500, queueBytes: 500_000 };
    const world = connected({ seed: 22, forth: line, back: { ...line, ...loss } });
    transfer(world, 10 * MB);
    expect(world.back.figures.lostPackets).toBeGreaterThan(5);
    expect(world.forth.figures.resentBytes).toBeLessThanOrEqual(0.001 * 10 * MB);
  });

  test("at the very end is repaired by a probe, not by a time-out", () => {
    const world = connected({ seed: 23, forth: { delayMs: 50 } });
    transfer(world, MB);
    const { send: pass } = world.forth;
    let dropped = 0;
    world.a.out = (packet) => {
      dropped += 1;
      if (dropped > 1) pass.call(world.forth, packet);
    };
    // A round trip of 100 ms: arrives after 50, or, lost once, after the probe at 2 round trips.
    expect(transfer(world, 1000)).toBeLessThan(300);
    expect(dropped).toBeGreaterThan(1);
  });

  test("and waits for a full window leaves one packet at a time, also when a probe is due", () => {
    const control: CongestionControl & { windowBytes: number } = {
      name: "shut",
      windowBytes: MB,
      pacingBytesPerMs: Number.POSITIVE_INFINITY,
      burstBytes: MB,
      onSent: () => undefined,
      onAck: () => undefined,
      onRecoveryStart: () => {
        control.windowBytes = 1200;
      },
      onRecoveryEnd: () => undefined,
      onTimeout: () => undefined,
      onSpurious: () => undefined,
      onIdleRestart: () => undefined,
      onPacketSize: () => undefined,
    };
    const world = connected({ seed: 25, a: { createCongestionControl: () => control } });
    const { send: pass } = world.forth;
    let left = 0;
    world.a.out = (packet) => {
      left += 1;
      // Of two hundred packets a hundred are lost, and news of those after them come once.
      if (left <= 100) return;
      pass.call(world.forth, packet);
      if (left === 110) world.forth.isDark = true;
    };
    for (let count = 0; count < 15; count += 1) send(world, 16_384);
    const flight = left;
    expect(flight).toBeGreaterThan(200);
    const beganAtMs = world.clock.nowMs;
    // The probe is due after two round trips of 20 ms and what hosts need, the time-out after 200.
    world.clock.run(beganAtMs + 200);
    expect(left).toBeGreaterThan(flight);
    expect(left).toBeLessThanOrEqual(flight + 2);
  });

  test("by reordering alone is hardly anything", () => {
    const line = { delayMs: 25, bytesPerMs: 2500, queueBytes: 500_000 };
    const world = connected({
      seed: 24,
      forth: { ...line, reorderRate: 0.1, reorderMs: 10 },
      back: line,
    });
    transfer(world, 10 * MB);
    // Some are sent again before it is known that this path reorders.
    expect(world.forth.figures.resentBytes).toBeLessThan(0.01 * 10 * MB);
  });
});

describe("streams", () => {
  test.each([
    ["interleaved", true],
    ["not interleaved", false],
  ])("let a small message overtake a large queue, %s", (_name, offersInterleaving) => {
    const line = { delayMs: 10, bytesPerMs: 1250, queueBytes: 50_000 };
    const world = connected({ seed: 26, forth: line, a: { offersInterleaving } });
    for (let count = 0; count < 200; count += 1) send(world, 16_384, { streamId: 1 });
    world.clock.run(world.clock.nowMs + 500);
    const before = messagesOf(world.b).length;
    const sentAtMs = world.clock.nowMs;
    send(world, 100, { streamId: 3 });
    world.clock.run(sentAtMs + 10_000, () =>
      messagesOf(world.b).some(({ streamId }) => streamId === 3),
    );
    // 3 MB would take 2.6 s; on the way are a window and a half-sent message.
    expect(world.clock.nowMs - sentAtMs).toBeLessThan(150);
    expect(messagesOf(world.b).length - before).toBeLessThan(20);
  });

  test("share by their weights", () => {
    const world = connected({
      seed: 27,
      forth: { delayMs: 10, bytesPerMs: 1250, queueBytes: 50_000 },
    });
    world.a.association.setPriority(1, 128);
    world.a.association.setPriority(2, 512);
    for (let count = 0; count < 100; count += 1) {
      send(world, 16_384, { streamId: 1 });
      send(world, 16_384, { streamId: 2 });
    }
    const left = (streamId: number) => world.a.association.bufferedBytes(streamId);
    world.clock.run(world.clock.nowMs + 20_000, () => left(2) === 0);
    const sentOfLight = 100 * 16_384 - left(1);
    expect(sentOfLight / (100 * 16_384)).toBeCloseTo(128 / 512, 1);
  });

  test("say exactly what is unsent, and when it is little", () => {
    const world = connected({
      seed: 28,
      forth: { delayMs: 10, bytesPerMs: 1250, queueBytes: 50_000 },
    });
    const { association } = world.a;
    association.setBufferedLowThreshold(5, 20_000);
    let seenAt: number | undefined;
    world.a.onEvent = (event) => {
      world.a.events.push(event);
      if (event.kind === "buffered-low") seenAt = association.bufferedBytes(event.streamId);
    };
    association.send(new Uint8Array(100_000), { streamId: 5, protocolId: 53 }, world.clock.nowMs);
    expect(association.bufferedBytes(5)).toBe(100_000);
    world.a.turn();
    const sentAtOnce = world.forth.figures.dataBytes;
    expect(sentAtOnce).toBeGreaterThan(0);
    expect(association.bufferedBytes(5)).toBe(100_000 - sentAtOnce);
    world.clock.run(world.clock.nowMs + 1000);
    expect(eventsOf(world.a, "buffered-low")).toEqual([{ kind: "buffered-low", streamId: 5 }]);
    expect(seenAt).toBeLessThanOrEqual(20_000);
    expect(association.bufferedBytes(5)).toBe(0);
  });

  test("are reset both ways, and begin anew", () => {
    const world = connected({ seed: 29, forth: { delayMs: 10, lossRate: 0.05 } });
    for (let count = 0; count < 20; count += 1) send(world, 5000, { streamId: 4 });
    world.a.association.resetStreams([4], world.clock.nowMs);
    world.a.turn();
    expect(() => send(world, 5, { streamId: 4 })).toThrow(/being reset/);
    world.clock.run(world.clock.nowMs + 20_000);
    // Everything before the reset arrived before it.
    expect(world.b.events.findIndex(({ kind }) => kind === "incoming-reset")).toBeGreaterThan(
      world.b.events.findLastIndex(({ kind }) => kind === "message"),
    );
    for (const end of [world.a, world.b]) {
      expect(eventsOf(end, "incoming-reset")).toEqual([{ kind: "incoming-reset", streams: [4] }]);
      expect(eventsOf(end, "outgoing-reset")).toEqual([
        { kind: "outgoing-reset", streams: [4], isDone: true },
      ]);
    }
    send(world, 77, { streamId: 4 });
    world.clock.run(world.clock.nowMs + 5000);
    expect(messagesOf(world.b).at(-1)).toMatchObject({ streamId: 4, payload: { length: 77 } });
  });
});

describe("a message that may be given up", () => {
  test("and is half sent does not block those after it", () => {
    const world = connected({
      seed: 30,
      forth: { delayMs: 10, bytesPerMs: 50, queueBytes: 20_000 },
    });
    send(world, 100_000, { lifetimeMs: 200 });
    send(world, 100, {});
    world.clock.run(world.clock.nowMs + 5000);
    expect(messagesOf(world.b).map(({ payload }) => payload.length)).toEqual([100]);
    expect(world.a.association.bufferedBytes(0)).toBe(0);
  });

  test("is missed at most, and those after it come", () => {
    const world = connected({ seed: 31, forth: { delayMs: 10, lossRate: 0.2 } });
    const count = 50;
    for (let index = 0; index < count; index += 1) send(world, 1000, { maxRetransmissions: 0 });
    world.clock.run(world.clock.nowMs + 20_000);
    const got = messagesOf(world.b).length;
    expect(got).toBeLessThan(count);
    expect(got).toBeGreaterThan(count / 3);
  });
});

describe("packets", () => {
  test.each([1172, 1300, 1350, 1400, 1500])(
    "find that the path takes %i bytes",
    (maxPacketBytes) => {
      const world = connected({ seed: 32, forth: { maxPacketBytes } });
      world.clock.run(world.clock.nowMs + 60_000);
      const heard = overhear(world.a);
      let largest = 0;
      const { out } = world.a;
      world.a.out = (packet) => {
        largest = Math.max(largest, packet.byteLength);
        out(packet);
      };
      const before = world.forth.figures.lostPackets;
      transfer(world, MB);
      expect(world.forth.figures.lostPackets).toBe(before);
      expect(largest).toBeLessThanOrEqual(maxPacketBytes);
      expect(largest).toBeGreaterThan(Math.min(maxPacketBytes, 1400) - 20);
      expect(heard.length).toBeGreaterThan(0);
    },
  );

  test("leave at the pace of the line, not in heaps", () => {
    const line = { delayMs: 25, bytesPerMs: 2500, queueBytes: 1_000_000 };
    const world = connected({ seed: 33, forth: line });
    transfer(world, 20 * MB);
    // Two round trips of the line: less than what loss-based senders fill.
    expect(world.forth.figures.maxQueueMs).toBeLessThan(150);
  });
});

describe("when nothing is to be done", () => {
  test("it wakes for heartbeats only", () => {
    const world = connected({ seed: 34 });
    transfer(world, MB);
    world.clock.run(world.clock.nowMs + 60_000);
    const before = world.a.wakeUps + world.b.wakeUps;
    world.clock.run(world.clock.nowMs + 600_000);
    expect(world.a.wakeUps + world.b.wakeUps - before).toBeLessThan(200);
    expect(world.isConnected).toBe(true);
  });

  test("a dead path is noticed all the same", () => {
    const world = connected({ seed: 35 });
    for (const link of world.links) link.isDark = true;
    world.clock.run(world.clock.nowMs + 120_000);
    for (const end of [world.a, world.b]) {
      expect(eventsOf(end, "closed")).toEqual([{ kind: "closed", reason: "timed-out" }]);
    }
  });
});

test("a side that begins anew is heard, and its old state forgotten", () => {
  const world = connected({ seed: 36 });
  send(world, 1000);
  world.clock.run(world.clock.nowMs + 1000);
  const reborn = new SctpWorld({ seed: 37 });
  const { a: newcomer } = reborn;
  newcomer.out = (packet) => {
    const copy = packet.slice();
    world.clock.after(10, () => world.b.receive(copy));
  };
  world.b.out = (packet) => {
    const copy = packet.slice();
    world.clock.after(10, () => {
      newcomer.association.receive(copy, world.clock.nowMs);
      turn();
    });
  };
  const turn = () => {
    for (;;) {
      const packet = newcomer.association.nextPacket(world.clock.nowMs);
      if (packet === undefined) return;
      newcomer.out(packet);
    }
  };
  newcomer.association.connect(world.clock.nowMs);
  turn();
  world.clock.run(world.clock.nowMs + 1000);
  expect(world.b.events.map(({ kind }) => kind)).toEqual([
    "connected",
    "message",
    "restarted",
    "connected",
  ]);
  newcomer.association.send(new Uint8Array(50), { streamId: 0, protocolId: 53 }, world.clock.nowMs);
  turn();
  world.clock.run(world.clock.nowMs + 1000);
  expect(messagesOf(world.b).at(-1)?.payload.length).toBe(50);
});

test("it can be told to use another controller", () => {
  const line = { delayMs: 10, bytesPerMs: 1250, queueBytes: 50_000 };
  const world = connected({ seed: 38, forth: line, a: { createCongestionControl: createCubic } });
  expect(transfer(world, 5 * MB)).toBeLessThan((5 * MB) / 1250 / 0.7);
});
