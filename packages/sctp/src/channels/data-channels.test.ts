import { describe, expect, test } from "vitest";
import { type ChannelEnd, ChannelPair } from "../../../../test/support/sctp-channel-pair.ts";
import type { ChannelOptions } from "./data-channel-api.ts";

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

describe("a channel", () => {
  test("opens on both sides and carries messages both ways", () => {
    const pair = new ChannelPair().connect();
    const ours = pair.client.channels.open({ label: "é", protocol: "p" }, pair.nowMs);
    expect(ours).toMatchObject({ id: 0, state: "open", isOrdered: true, isNegotiated: false });
    ours.send(text("hello"), "text", pair.nowMs);
    ours.send(new Uint8Array(100_000), "binary", pair.nowMs);
    pair.run(500);
    const theirs = pair.server.accepted;
    expect(theirs).toMatchObject({
      id: 0,
      label: "é",
      protocol: "p",
      priority: 256,
      state: "open",
    });
    theirs.send(text(""), "text", pair.nowMs);
    theirs.send(new Uint8Array(0), "binary", pair.nowMs);
    theirs.send(text("bye"), "text", pair.nowMs);
    pair.run(500);
    expect(pair.client.log).toEqual(["open é 0", 'é 0: ""', "é 0: 0 bytes", 'é 0: "bye"']);
    expect(pair.server.log).toEqual(["channel é 0", 'é 0: "hello"', "é 0: 100000 bytes"]);
  });

  test("that was opened before there was a connection opens with it", () => {
    const pair = new ChannelPair();
    const early = pair.server.channels.open({ label: "early" }, 0);
    expect(early.state).toBe("connecting");
    expect(() => early.send(text("x"), "text", 0)).toThrow(
      expect.objectContaining({ code: "no-such-channel" }),
    );
    pair.connect();
    expect(early).toMatchObject({ id: 1, state: "open" });
    expect(pair.client.log).toEqual(["channel early 1"]);
  });

  test("has an even id of the DTLS client, an odd one of the server, the lowest that is free", () => {
    const pair = new ChannelPair().connect();
    const idOf = (end: ChannelEnd, options?: Partial<ChannelOptions>) =>
      end.channels.open({ label: "", ...options }, pair.nowMs).id;
    expect(idOf(pair.client, { negotiatedId: 2 })).toBe(2);
    expect([idOf(pair.client), idOf(pair.client)]).toEqual([0, 4]);
    expect([idOf(pair.server), idOf(pair.server)]).toEqual([1, 3]);
  });

  test.each<[Partial<ChannelOptions>]>([
    [{ isOrdered: false }],
    [{ maxRetransmissions: 0 }],
    [{ isOrdered: false, lifetimeMs: 500, priority: 1024 }],
  ])("has its terms on the other side too: %j", (terms) => {
    const pair = new ChannelPair().connect();
    pair.client.channels.open({ label: "terms", ...terms }, pair.nowMs);
    pair.run(100);
    expect(pair.server.accepted).toMatchObject(terms);
  });

  test("that was agreed upon beforehand needs no announcement", () => {
    const pair = new ChannelPair().connect();
    const options = { label: "agreed", negotiatedId: 7 };
    const ours = pair.client.channels.open(options, pair.nowMs);
    const theirs = pair.server.channels.open(options, pair.nowMs);
    ours.send(text("to you"), "text", pair.nowMs);
    theirs.send(text("to me"), "text", pair.nowMs);
    pair.run(100);
    expect(pair.client.log).toEqual(["open agreed 7", 'agreed 7: "to me"']);
    expect(pair.server.log).toEqual(["open agreed 7", 'agreed 7: "to you"']);
  });

  test("that is unordered does not overtake its announcement", () => {
    const pair = new ChannelPair().connect();
    const channel = pair.client.channels.open({ label: "u", isOrdered: false }, pair.nowMs);
    // The announcement is the first packet, and is lost.
    pair.isLost = (_from, packet) => packet === 1;
    pair.run(0);
    for (const word of ["one", "two"]) {
      channel.send(text(word), "text", pair.nowMs);
      pair.run(1);
    }
    pair.run(2_000);
    expect(pair.server.log).toEqual(["channel u 0", 'u 0: "one"', 'u 0: "two"']);
  });

  test("that is unordered is, once the other side knows it", () => {
    const pair = new ChannelPair().connect();
    const channel = pair.client.channels.open({ label: "u", isOrdered: false }, pair.nowMs);
    pair.run(100);
    pair.isLost = (_from, packet) => packet === 1;
    for (const word of ["one", "two"]) {
      channel.send(text(word), "text", pair.nowMs);
      pair.run(1);
    }
    pair.run(2_000);
    expect(pair.server.log).toEqual(["channel u 0", 'u 0: "two"', 'u 0: "one"']);
  });

  test("says exactly how much of its messages waits", () => {
    const pair = new ChannelPair().connect();
    const channel = pair.client.channels.open({ label: "count" }, pair.nowMs);
    expect(channel.bufferedBytes).toBe(0);
    channel.send(text(""), "text", pair.nowMs);
    expect(channel.bufferedBytes).toBe(0);
    channel.send(new Uint8Array(1_000), "binary", pair.nowMs);
    channel.send(new Uint8Array(0), "binary", pair.nowMs);
    channel.send(new Uint8Array(200_000), "binary", pair.nowMs);
    expect(channel.bufferedBytes).toBe(201_000);
    channel.setBufferedLowThreshold(50_000);
    pair.run(0);
    expect(channel.bufferedBytes).toBeGreaterThan(50_000);
    expect(pair.client.lowEvents).toBe(0);
    pair.run(2_000);
    expect(channel.bufferedBytes).toBe(0);
    expect(pair.client.lowEvents).toBe(1);
    expect(pair.server.log).toHaveLength(5);
  });

  test("does not say that announcements and empty messages no longer wait", () => {
    const pair = new ChannelPair().connect();
    const channel = pair.client.channels.open({ label: "quiet" }, pair.nowMs);
    channel.send(new Uint8Array(0), "binary", pair.nowMs);
    pair.run(100);
    expect(pair.client.lowEvents).toBe(0);
    channel.send(new Uint8Array(1), "binary", pair.nowMs);
    pair.run(100);
    expect(pair.client.lowEvents).toBe(1);
  });
});

describe("closing a channel", () => {
  test("still sends what was handed over, and frees the id", () => {
    const pair = new ChannelPair().connect();
    const channel = pair.client.channels.open({ label: "first" }, pair.nowMs);
    pair.run(100);
    channel.send(new Uint8Array(200_000), "binary", pair.nowMs);
    channel.send(text("last"), "text", pair.nowMs);
    channel.close(pair.nowMs);
    expect(channel.state).toBe("closing");
    expect(() => channel.send(text("x"), "text", pair.nowMs)).toThrow(
      expect.objectContaining({ code: "no-such-channel" }),
    );
    expect(() => pair.client.channels.open({ label: "x", negotiatedId: 0 }, pair.nowMs)).toThrow(
      expect.objectContaining({ code: "id-in-use" }),
    );
    pair.run(3_000);
    expect(pair.server.log).toEqual([
      "channel first 0",
      "first 0: 200000 bytes",
      'first 0: "last"',
      "closing first 0",
      "closed first 0",
    ]);
    expect(pair.client.log).toEqual(["open first 0", "closing first 0", "closed first 0"]);

    const again = pair.client.channels.open({ label: "second" }, pair.nowMs);
    expect(again.id).toBe(0);
    again.send(text("again"), "text", pair.nowMs);
    pair.run(500);
    expect(pair.server.log.slice(5)).toEqual(["channel second 0", 'second 0: "again"']);
  });

  test("by the other side sends what is handed over here as well", () => {
    const pair = new ChannelPair().connect();
    const ours = pair.client.channels.open({ label: "c" }, pair.nowMs);
    pair.run(100);
    pair.server.accepted.close(pair.nowMs);
    ours.send(new Uint8Array(200_000), "binary", pair.nowMs);
    pair.run(3_000);
    expect(pair.client.log).toEqual(["open c 0", "closing c 0", "closed c 0"]);
    expect(ours.state).toBe("closed");
    expect(pair.server.log).toEqual(["channel c 0", "closing c 0", "closed c 0"]);
  });

  test("from both sides at once ends once", () => {
    const pair = new ChannelPair().connect();
    const ours = pair.client.channels.open({ label: "c" }, pair.nowMs);
    pair.run(100);
    ours.close(pair.nowMs);
    ours.close(pair.nowMs);
    pair.server.accepted.close(pair.nowMs);
    pair.run(3_000);
    expect(pair.client.log).toEqual(["open c 0", "closing c 0", "closed c 0"]);
    expect(pair.server.log).toEqual(["channel c 0", "closing c 0", "closed c 0"]);
  });

  test("and opening it again goes on, fifty times, with a packet in five lost", () => {
    const pair = new ChannelPair().connect();
    pair.isLost = (_from, packet) => packet % 5 === 0;
    for (let count = 0; count < 50; count += 1) {
      const channel = pair.client.channels.open({ label: `${count}` }, pair.nowMs);
      channel.send(text("in it"), "text", pair.nowMs);
      channel.close(pair.nowMs);
      pair.run(5_000);
      expect(channel.state).toBe("closed");
      expect(pair.server.log.splice(0)).toEqual([
        `channel ${count} 0`,
        `${count} 0: "in it"`,
        `closing ${count} 0`,
        `closed ${count} 0`,
      ]);
    }
  });

  test("before there was a connection leaves nothing", () => {
    const pair = new ChannelPair();
    const early = pair.client.channels.open({ label: "early" }, 0);
    early.close(0);
    expect(early.state).toBe("closed");
    pair.connect();
    expect(pair.server.log).toEqual([]);
    expect(pair.client.log).toEqual(["closed early 0"]);
  });
});

describe("the end of the association", () => {
  test("closes all channels on both sides", () => {
    const pair = new ChannelPair().connect();
    pair.client.channels.open({ label: "a" }, pair.nowMs);
    pair.server.channels.open({ label: "b" }, pair.nowMs);
    pair.run(100);
    pair.client.association.shutdown(pair.nowMs);
    pair.run(1_000);
    for (const { log, channels } of [pair.client, pair.server]) {
      expect(log.slice(2)).toEqual(
        expect.arrayContaining(["closed a 0", "closed b 1", "ended shutdown"]),
      );
      expect(log.at(-1)).toBe("ended shutdown");
      expect(() => channels.open({ label: "c" }, pair.nowMs)).toThrow(
        expect.objectContaining({ code: "not-connected" }),
      );
    }
  });
});

describe("opening is refused", () => {
  test.each<[string, ChannelOptions]>([
    ["label-too-long", { label: "é".repeat(32_768) }],
    ["label-too-long", { label: "", protocol: "x".repeat(65_536) }],
    ["no-such-stream", { label: "", negotiatedId: 65_535 }],
    ["no-such-stream", { label: "", negotiatedId: 1.5 }],
    ["no-such-stream", { label: "", negotiatedId: -1 }],
  ])("with %s", (code, options) => {
    const pair = new ChannelPair().connect();
    expect(() => pair.client.channels.open(options, pair.nowMs)).toThrow(
      expect.objectContaining({ code }),
    );
    expect(pair.client.channels.open({ label: "é".repeat(32_767) }, pair.nowMs).id).toBe(0);
  });

  test("of more channels than are allowed, of either side", () => {
    const pair = new ChannelPair(3).connect();
    for (const label of ["a", "b"]) pair.client.channels.open({ label }, pair.nowMs);
    pair.run(100);
    pair.server.channels.open({ label: "c" }, pair.nowMs);
    expect(() => pair.server.channels.open({ label: "d" }, pair.nowMs)).toThrow(
      expect.objectContaining({ code: "too-many-channels" }),
    );
    // The client does not know of c yet: the server refuses what comes of that by a reset.
    const refused = pair.client.channels.open({ label: "e" }, pair.nowMs);
    expect(refused.state).toBe("open");
    pair.run(3_000);
    expect(refused.state).toBe("closed");
    expect(pair.server.log.join()).not.toContain("channel e");
  });
});
