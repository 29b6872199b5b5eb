/** Closing: both ends have it all, or are told what is missing. */
import type { BeelineError } from "@beeline/protocol";
import { expect, test } from "vitest";
import type { Side } from "../support/sim-link.ts";
import { linkedWorld } from "../support/sim-measure.ts";
import type { SimWorld } from "../support/sim-world.ts";

const STREAM = { priority: 2, size: 3_000_000, writeBytes: 100_000 } as const;
const SIDES = ["client", "extension"] as const;

function close(world: SimWorld, side: Side, timeoutMs: number): void {
  const peer = world.peer(side);
  peer.session.close(world.clock.nowMs, timeoutMs);
  peer.run();
}

/** undefined: not closed; null: closed well. */
function endOf(world: SimWorld, side: Side): BeelineError | null | undefined {
  for (const { event } of world.peer(side).app.events) {
    if (event.type === "closed") return event.error ?? null;
  }
  return undefined;
}

test.each(SIDES)(
  "close() by the %s delivers everything both ways, then both are closed",
  (side) => {
    const world = linkedWorld({ seed: 1, withDirect: true });
    for (const from of SIDES) world.peer(from).app.open(STREAM);
    close(world, side, 20_000);
    world.run(20_000, () => SIDES.some((end) => endOf(world, end) !== undefined));
    // The other one follows at once: whoever is closed still acknowledges.
    world.run(500);
    for (const end of SIDES) {
      expect(endOf(world, end)).toBeNull();
      expect([...world.peer(end).app.incoming.values()].map(({ consumed }) => consumed)).toEqual([
        STREAM.size,
      ]);
    }
  },
);

test("both may close at the same moment", () => {
  const world = linkedWorld({ seed: 1, withDirect: false });
  for (const side of SIDES) world.peer(side).app.open(STREAM);
  for (const side of SIDES) close(world, side, 20_000);
  world.run(20_000, () => SIDES.every((end) => endOf(world, end) !== undefined));
  for (const end of SIDES) expect(endOf(world, end)).toBeNull();
});

test("the other side may answer a command while it is being closed on", () => {
  const world = linkedWorld({ seed: 1, withDirect: false });
  const { client, extension } = world;
  let answer: number | undefined;
  extension.app.onEnded = () => {
    answer = extension.app.open(STREAM);
  };
  client.app.open({ ...STREAM, priority: 0, size: 100 });
  close(world, "client", 20_000);
  world.run(20_000, () => SIDES.every((end) => endOf(world, end) !== undefined));
  expect(answer).toBeDefined();
  for (const end of SIDES) expect(endOf(world, end)).toBeNull();
  expect(client.app.incoming.get(answer ?? -1)?.isEnded).toBe(true);
});

test("a lost last acknowledgement makes nobody report a loss", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const world = linkedWorld({ seed, withDirect: false, relay: { loss: 0.05 } });
    world.client.app.open({ ...STREAM, size: 1_000 });
    close(world, "client", 20_000);
    // Whoever is done goes away at once, as real drivers do.
    world.run(20_000, () => {
      for (const side of SIDES) {
        if (endOf(world, side) !== undefined) world.peer(side).links.length = 0;
      }
      return SIDES.every((end) => endOf(world, end) !== undefined);
    });
    for (const end of SIDES) expect(endOf(world, end)).toBeNull();
  }
});

test("a close that cannot deliver ends in time and says how much is missing", () => {
  const world = linkedWorld({ seed: 1, withDirect: false });
  world.client.app.open(STREAM);
  world.current.relay?.cut("drop");
  const startMs = world.clock.nowMs;
  close(world, "client", 3_000);
  world.run(30_000, () => endOf(world, "client") !== undefined);
  expect(world.clock.nowMs - startMs).toBeCloseTo(3_000);
  expect(endOf(world, "client")).toMatchObject({
    code: "DELIVERY_INCOMPLETE",
    detail: expect.stringMatching(/^1 streams with \d{6,} bytes/),
  });
});

test("no stream opens once close() was called", () => {
  const world = linkedWorld({ seed: 1, withDirect: false });
  close(world, "client", 3_000);
  expect(() => world.client.session.openStream(0)).toThrow(/^SESSION_CLOSED/);
});

test("an aborted session says nothing more", () => {
  const world = linkedWorld({ seed: 1, withDirect: false });
  world.client.app.open(STREAM);
  world.client.session.abort(undefined);
  world.client.run();
  const { records } = world.ledger;
  world.client.run();
  expect(world.client.session.wakeAtMs(world.clock.nowMs)).toBe(Number.POSITIVE_INFINITY);
  expect(world.ledger.records).toBe(records);
});
