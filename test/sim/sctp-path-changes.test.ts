/** What an association makes of a path that turns worse under it, in virtual time. */
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
