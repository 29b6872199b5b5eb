/** Whoever has the DTLS keys may send anything: it costs us a bounded answer, and never more. */
import {
  type Chunk,
  createAssociation,
  type DataChunk,
  type InitChunk,
  type SackChunk,
  type ShutdownChunk,
} from "@beeline/sctp";
import { describe, expect, test } from "vitest";
import {
  forge,
  type Heard,
  initChunk,
  overhear,
  read,
  tagsOf,
  withChecksum,
} from "../support/sctp-forge.ts";
import { SctpWorld, sctpOptions } from "../support/sctp-world.ts";
import { Random } from "../support/sim-random.ts";

const MESSAGE = new Uint8Array(100_000).fill(5);

function sackChunk(cumulativeTsn: number, rest: Partial<SackChunk> = {}): SackChunk {
  const empty = { receiveWindowBytes: 1_000_000, gaps: [], duplicates: [] };
  return { type: "sack", cumulativeTsn, ...empty, ...rest };
}

function unorderedMessage(tsn: number): DataChunk {
  return {
    type: "data",
    isInterleaved: true,
    tsn,
    streamId: 0,
    messageId: tsn,
    fragment: 0,
    protocolId: 53,
    isFirst: true,
    isLast: true,
    isUnordered: true,
    isImmediate: false,
    payload: Uint8Array.of(1),
  };
}

/** A connected world in which B's half is forged: what A sends is overheard and goes nowhere. */
function againstA(seed: number) {
  const world = new SctpWorld({ seed });
  const { ofA } = tagsOf(world);
  const heard = overhear(world.a, false);
  world.b.out = () => undefined;
  const say = (...chunks: Chunk[]) => world.a.receive(forge(ofA, ...chunks));
  const send = (payload: Uint8Array) => {
    world.a.association.send(payload, { streamId: 0, protocolId: 53 }, world.clock.nowMs);
    world.a.turn();
  };
  return { world, heard, say, send, tag: ofA };
}

function tsnsIn(heard: readonly Heard[]): number[] {
  return heard.flatMap(({ chunks }) =>
    chunks.flatMap((chunk) => (chunk.type === "data" ? [chunk.tsn] : [])),
  );
}

describe("a flood", () => {
  test("of INITs leaves nothing behind and is answered one by one", () => {
    const world = new SctpWorld({ seed: 1 });
    const heard = overhear(world.b, false);
    for (let tag = 1; tag <= 2000; tag += 1) world.b.receive(forge(0, initChunk(tag)));
    expect(heard).toHaveLength(2000);
    expect(world.b.association.state).toBe("closed");
    expect(world.b.association.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("of INITs that nobody lets it answer does not pile up", () => {
    const end = createAssociation(sctpOptions(new Random(2)));
    for (let tag = 1; tag <= 1000; tag += 1) end.receive(forge(0, initChunk(tag)), 0);
    let answers = 0;
    while (end.nextPacket(0) !== undefined) answers += 1;
    expect(answers).toBeLessThanOrEqual(4);
  });

  test("of forged cookies is not answered", () => {
    const world = new SctpWorld({ seed: 3 });
    const heard = overhear(world.b, false);
    const random = new Random(3);
    for (let count = 0; count < 500; count += 1) {
      const cookie = random.bytes(random.whole(0, 100));
      world.b.receive(forge(random.whole(1, 0xffff_ffff), { type: "cookie-echo", cookie }));
    }
    expect(heard).toEqual([]);
    expect(world.b.association.state).toBe("closed");
  });

  test("of heartbeats, resets and unknown chunks in one packet is answered in part", () => {
    const { heard, say } = againstA(4);
    const before = heard.length;
    const heartbeat: Chunk = { type: "heartbeat", info: new Uint8Array(100) };
    const whole = Uint8Array.of(0xff, 0, 0, 4);
    say(
      ...Array.from({ length: 200 }, () => heartbeat),
      ...Array.from({ length: 200 }, (): Chunk => ({ type: "unknown", code: 255, whole })),
      ...Array.from({ length: 200 }, (_, request): Chunk => {
        return { type: "reconfig", parameters: [{ kind: "other", parameterType: 17, request }] };
      }),
    );
    expect(heard.length - before).toBeLessThanOrEqual(16);
    expect(heard.slice(before).flatMap(({ chunks }) => chunks).length).toBeLessThanOrEqual(16);
  });
});

describe("a cookie", () => {
  test("is refused after a minute, and the other side is told", () => {
    const world = new SctpWorld({ seed: 5 });
    const heard = overhear(world.b, false);
    world.b.receive(forge(0, initChunk(77)));
    const ack = heard[0]?.chunks[0] as InitChunk;
    const echo = forge(ack.tag, { type: "cookie-echo", cookie: ack.cookie as Uint8Array });
    world.clock.run(61_000);
    world.b.receive(echo);
    expect(heard.at(-1)).toMatchObject({
      header: { tag: 77 },
      chunks: [{ causes: [{ code: 3 }] }],
    });
    expect(world.b.association.state).toBe("closed");
  });

  test("is good for its own tag only", () => {
    const world = new SctpWorld({ seed: 6 });
    const heard = overhear(world.b, false);
    world.b.receive(forge(0, initChunk(77)));
    const ack = heard[0]?.chunks[0] as InitChunk;
    const cookie = ack.cookie as Uint8Array;
    world.b.receive(forge((ack.tag + 1) >>> 0, { type: "cookie-echo", cookie }));
    expect(world.b.association.state).toBe("closed");
    world.b.receive(forge(ack.tag, { type: "cookie-echo", cookie }));
    expect(world.b.association.state).toBe("connected");
  });
});

describe("a handshake", () => {
  test("in which every cookie is called stale comes to an end", () => {
    const world = new SctpWorld({ seed: 16 });
    const { a, clock } = world;
    let sent = 0;
    a.out = (packet) => {
      sent += 1;
      const [chunk] = read(packet.slice()).chunks;
      const answer = (): Chunk | undefined => {
        if (chunk?.type === "init") {
          tag = chunk.tag;
          return { ...initChunk(7), type: "init-ack", cookie: new Uint8Array(8) };
        }
        if (chunk?.type !== "cookie-echo") return undefined;
        return {
          type: "error",
          isTagReflected: false,
          causes: [{ code: 3, value: new Uint8Array(4) }],
        };
      };
      const said = answer();
      if (said !== undefined) clock.after(10, () => a.receive(forge(tag, said)));
    };
    let tag = 0;
    a.association.connect(clock.nowMs);
    a.turn();
    clock.run(120_000);
    expect(a.events).toEqual([{ kind: "closed", reason: "timed-out" }]);
    expect(sent).toBeLessThan(30);
  });
});

describe("an end", () => {
  test("that the other side answers with data for ever comes all the same", () => {
    const { world, heard, say } = againstA(17);
    const { a, clock } = world;
    a.association.shutdown(clock.nowMs);
    a.turn();
    const shutdown = heard.at(-1)?.chunks.find(({ type }) => type === "shutdown");
    let tsn = (shutdown as ShutdownChunk).cumulativeTsn;
    const talk = (): void => {
      if (a.association.state === "closed") return;
      tsn = (tsn + 1) >>> 0;
      say(unorderedMessage(tsn));
      clock.after(100, talk);
    };
    talk();
    clock.run(clock.nowMs + 29_000);
    expect(a.association.state).toBe("shutting-down");
    clock.run(clock.nowMs + 2_000);
    expect(a.events).toContainEqual({ kind: "closed", reason: "timed-out" });
    expect(heard.at(-1)?.chunks[0]?.type).toBe("abort");
  });
});

describe("a tag", () => {
  const ABORT: Chunk = { type: "abort", isTagReflected: false, causes: [] };

  test("that is wrong makes everything be ignored, ABORT included", () => {
    const { world, tag } = againstA(7);
    world.a.receive(forge((tag + 1) >>> 0, ABORT));
    world.a.receive(forge((tag + 1) >>> 0, { ...ABORT, isTagReflected: true }));
    world.a.receive(forge(tag, { ...ABORT, isTagReflected: true }));
    expect(world.a.association.state).toBe("connected");
    world.a.receive(forge(tag, ABORT));
    expect(world.a.association.state).toBe("closed");
    expect(world.a.events).toContainEqual({ kind: "closed", reason: "aborted" });
  });
});

describe("a SACK", () => {
  test("of what was never sent changes nothing", () => {
    const { world, heard, say, send } = againstA(8);
    send(MESSAGE);
    const sent = tsnsIn(heard);
    say(sackChunk((Math.max(...sent) + 1) >>> 0));
    say(sackChunk((Math.max(...sent) + 1_000_000) >>> 0));
    say(sackChunk(((sent[0] as number) - 1) >>> 0, { gaps: [{ start: 5000, end: 60_000 }] }));
    world.clock.run(world.clock.nowMs + 5000);
    expect(tsnsIn(heard).filter((tsn) => tsn === sent[0]).length).toBeGreaterThan(1);
  });

  test("that goes back is old", () => {
    const { heard, say, send } = againstA(9);
    send(MESSAGE);
    const [first = 0] = tsnsIn(heard);
    say(sackChunk((first + 2) >>> 0));
    const before = heard.length;
    say(sackChunk(first));
    say(sackChunk((first - 1) >>> 0));
    const resent = tsnsIn(heard.slice(before)).filter((tsn) => tsn - first <= 2);
    expect(resent).toEqual([]);
  });

  test("with giant lists of nonsense is read in passing", () => {
    const { world, heard, say, send } = againstA(10);
    send(MESSAGE);
    const [first = 0] = tsnsIn(heard);
    const random = new Random(10);
    const wild = Array.from({ length: 15_000 }, () => ({
      start: random.whole(0, 65_535),
      end: random.whole(0, 65_535),
    }));
    const dense = Array.from({ length: 15_000 }, (_, at) => ({
      start: 2 + at * 4,
      end: 3 + at * 4,
    }));
    const many = Array.from({ length: 15_000 }, (_, at) => (first + at) >>> 0);
    for (let count = 0; count < 50; count += 1) {
      say(sackChunk((first - 1) >>> 0, { gaps: wild }));
      say(sackChunk((first - 1) >>> 0, { gaps: dense }));
      say(sackChunk((first - 1) >>> 0, { duplicates: many }));
    }
    expect(world.a.association.state).toBe("connected");
  });

  test("that takes back what it acknowledged has it sent again", () => {
    const { world, heard, say, send } = againstA(11);
    send(MESSAGE);
    const [first = 0] = tsnsIn(heard);
    say(sackChunk((first - 1) >>> 0, { gaps: [{ start: 3, end: 4 }] }));
    // TSN first + 2 was acknowledged by gap; now all before it is, and it is not.
    say(sackChunk((first + 1) >>> 0));
    const before = heard.length;
    world.clock.run(world.clock.nowMs + 3000);
    expect(tsnsIn(heard.slice(before))).toContain((first + 2) >>> 0);
  });
});

describe("a window", () => {
  test("that stays closed is probed ever more slowly, and holds as long as it is answered", () => {
    const { world, heard, say, send } = againstA(12);
    send(MESSAGE);
    const cumulative = Math.max(...tsnsIn(heard));
    const before = heard.length;
    for (let second = 0; second < 120; second += 1) {
      say(sackChunk(cumulative, { receiveWindowBytes: 0 }));
      world.clock.run(world.clock.nowMs + 1000);
    }
    const probes = tsnsIn(heard.slice(before));
    expect(world.a.association.state).toBe("connected");
    expect(new Set(probes).size).toBe(1);
    expect(probes.length).toBeGreaterThan(10);
    expect(probes.length).toBeLessThan(100);
  });

  test("that claims to be endless does not make it send more than the path takes", () => {
    const { heard, say, send } = againstA(13);
    say(sackChunk(0, { receiveWindowBytes: 0xffff_ffff }));
    for (let count = 0; count < 100; count += 1) send(MESSAGE);
    // The first window of the controller, in packets of 1172 bytes.
    expect(tsnsIn(heard).length).toBeLessThan(40);
  });
});

test("a side that is silent for good is given up within a minute", () => {
  const { world, send } = againstA(14);
  send(MESSAGE);
  world.clock.run(world.clock.nowMs + 60_000);
  expect(world.a.events).toContainEqual({ kind: "closed", reason: "timed-out" });
  expect(world.a.association.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
});

test("packets that were changed anywhere never make it throw, spin or stop", () => {
  const random = new Random(15);
  for (let round = 0; round < 25; round += 1) {
    const world = new SctpWorld({ seed: 100 + round, a: CRC, b: CRC });
    const { ofA, ofB } = tagsOf(world);
    for (const end of [world.a, world.b]) {
      const { out } = end;
      end.out = (packet) => {
        out(packet);
        if (!random.chance(0.3)) return;
        const changed = mutate(packet, random);
        const to = end === world.a ? world.b : world.a;
        world.clock.after(random.between(0, 30), () => to.receive(changed));
      };
    }
    for (const end of [world.a, world.b]) {
      for (let count = 0; count < 2; count += 1) {
        if (end.association.state !== "connected") break;
        const streamId = random.whole(0, 5);
        end.association.send(MESSAGE, { streamId, protocolId: 53 }, world.clock.nowMs);
        end.turn();
      }
    }
    world.clock.run(world.clock.nowMs + 20_000);
    expect(ofA).not.toBe(ofB);
  }
});

const CRC = { acceptsZeroChecksum: false };

/** Some bytes after the header differ; the checksum is right again. */
function mutate(packet: Uint8Array, random: Random): Uint8Array {
  const changed = packet.slice();
  const count = random.whole(1, 4);
  for (let index = 0; index < count; index += 1) {
    const at = random.whole(12, Math.min(changed.length - 1, 12 + 60));
    changed[at] = random.whole(0, 255);
  }
  return withChecksum(changed);
}
