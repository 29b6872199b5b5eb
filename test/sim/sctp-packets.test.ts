/** Which packets have a checksum, and what answers those that belong to no association. */
import type { Chunk } from "@beeline/sctp";
import { describe, expect, test } from "vitest";
import { forge, overhear, read, tagsOf, withChecksum } from "../support/sctp-forge.ts";
import { SctpWorld } from "../support/sctp-world.ts";

/** RFC 9653 section 5.2: what may meet a side that does not know us yet. */
const ALWAYS_SUMMED = new Set(["init", "init-ack", "cookie-echo"]);

describe("a checksum", () => {
  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])("is left out after the handshake where both sides say so (%s, %s)", (ofA, ofB) => {
    const a = { acceptsZeroChecksum: ofA };
    const b = { acceptsZeroChecksum: ofB };
    const world = new SctpWorld({ seed: 50, a, b });
    const packets: Uint8Array[] = [];
    for (const end of [world.a, world.b]) {
      const { out } = end;
      end.out = (packet) => {
        packets.push(packet.slice());
        out(packet);
      };
    }
    world.connect();
    const { clock } = world;
    for (const end of [world.a, world.b]) {
      end.association.send(new Uint8Array(5000), { streamId: 0, protocolId: 53 }, clock.nowMs);
      end.association.resetStreams([0], clock.nowMs);
      end.turn();
    }
    clock.run(clock.nowMs + 60_000);
    world.a.association.shutdown(clock.nowMs);
    world.a.turn();
    clock.run(clock.nowMs + 5000);
    const kinds = new Map<string, Set<boolean>>();
    for (const packet of packets) {
      const isZero = packet.slice(8, 12).every((byte) => byte === 0);
      if (!isZero) expect(packet).toEqual(withChecksum(packet.slice()));
      for (const { type } of read(packet).chunks) {
        kinds.set(type, (kinds.get(type) ?? new Set()).add(isZero));
      }
    }
    const bulk = ["data", "sack", "heartbeat", "heartbeat-ack", "reconfig", "shutdown"];
    for (const kind of [...ALWAYS_SUMMED, ...bulk]) {
      const isZero = ofA && ofB && !ALWAYS_SUMMED.has(kind);
      expect([kind, kinds.get(kind)]).toEqual([kind, new Set([isZero])]);
    }
  });
});

describe("a packet that belongs to no association", () => {
  const DATA: Chunk = {
    type: "data",
    isInterleaved: true,
    tsn: 1,
    streamId: 0,
    messageId: 0,
    fragment: 0,
    protocolId: 53,
    isFirst: true,
    isLast: true,
    isUnordered: false,
    isImmediate: false,
    payload: Uint8Array.of(1),
  };

  test("but ends one is told that it did, also while another is being made", () => {
    const world = new SctpWorld({ seed: 51 });
    const heard = overhear(world.a, false);
    world.a.association.connect(0);
    world.a.turn();
    heard.length = 0;
    world.a.receive(forge(99, { type: "shutdown-ack", cumulativeTsn: 0, isTagReflected: false }));
    expect(heard).toMatchObject([
      { header: { tag: 99 }, chunks: [{ type: "shutdown-complete", isTagReflected: true }] },
    ]);
    expect(world.a.association.state).toBe("connecting");
  });

  test("is answered by an ABORT with its own tag when the association is over", () => {
    const world = new SctpWorld({ seed: 52 });
    const { ofA } = tagsOf(world);
    const heard = overhear(world.a, false);
    world.a.association.abort(world.clock.nowMs);
    world.a.turn();
    heard.length = 0;
    world.a.receive(forge(ofA, DATA));
    expect(heard).toMatchObject([
      { header: { tag: ofA }, chunks: [{ type: "abort", isTagReflected: true }] },
    ]);
    heard.length = 0;
    for (const type of ["abort", "error"] as const) {
      world.a.receive(forge(ofA, { type, isTagReflected: false, causes: [] }));
    }
    expect(heard).toEqual([]);
  });
});
