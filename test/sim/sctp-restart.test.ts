/** A side that begins anew while the other still has its association, in virtual time. */
import type { Chunk, InitChunk } from "@beeline/sctp";
import { describe, expect, test } from "vitest";
import { forge, type Heard, initChunk, overhear, tagsOf } from "../support/sctp-forge.ts";
import { SctpWorld } from "../support/sctp-world.ts";

/** A connected world in which B is about to begin anew with this tag. */
function atRestart(seed: number, tag: number) {
  const world = new SctpWorld({ seed });
  const { ofA } = tagsOf(world);
  const heard = overhear(world.a, false);
  world.a.receive(forge(0, initChunk(tag)));
  const ack = heard.at(-1)?.chunks[0] as InitChunk;
  const echo: Chunk = { type: "cookie-echo", cookie: ack.cookie as Uint8Array };
  return { world, heard, tag: ofA, echo: forge(ack.tag, echo), newTag: ack.tag };
}

function typesIn(heard: readonly Heard[]): string[] {
  return heard.flatMap(({ chunks }) => chunks.map(({ type }) => type));
}

describe("a side that begins anew", () => {
  test("is told of after what its old self did", () => {
    const { world, echo } = atRestart(40, 77);
    const { a, b, clock } = world;
    const packets: Uint8Array[] = [];
    b.out = (packet) => packets.push(packet.slice());
    b.association.resetStreams([3], clock.nowMs);
    b.turn();
    a.events.length = 0;
    // Both in one turn of A's owner.
    for (const packet of [...packets, echo]) a.association.receive(packet, clock.nowMs);
    a.turn();
    const kinds = a.events.map(({ kind }) => kind);
    expect(kinds).toEqual(["incoming-reset", "restarted", "connected"]);
  });

  test("is not begun anew once more by the same cookie, which is acknowledged again", () => {
    const { world, heard, echo } = atRestart(41, 77);
    const { a, clock } = world;
    a.receive(echo);
    a.association.send(new Uint8Array(50), { streamId: 0, protocolId: 53 }, clock.nowMs);
    a.turn();
    a.events.length = 0;
    heard.length = 0;
    a.receive(echo);
    expect(a.events).toEqual([]);
    expect(typesIn(heard)).toEqual(["cookie-ack"]);
    expect(heard[0]?.header.tag).toBe(77);
  });

  test("is not undone by the cookie of its first beginning", () => {
    const world = new SctpWorld({ seed: 42 });
    const { a, b } = world;
    // B is asked first, so the cookie is A's.
    const fromB = overhear(b);
    b.association.connect(0);
    b.turn();
    world.clock.run(1000, () => world.isConnected);
    const first = fromB.find(({ chunks }) => chunks[0]?.type === "cookie-echo") as Heard;
    const heard = overhear(a, false);
    a.receive(forge(0, initChunk(77)));
    const ack = heard.at(-1)?.chunks[0] as InitChunk;
    a.receive(forge(ack.tag, { type: "cookie-echo", cookie: ack.cookie as Uint8Array }));
    a.events.length = 0;
    heard.length = 0;
    a.receive(forge(first.header.tag, first.chunks[0] as Chunk));
    expect(a.events).toEqual([]);
    expect(heard).toEqual([]);
    expect(a.association.state).toBe("connected");
  });
});
