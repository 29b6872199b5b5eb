/** What our own peers may send, what is kept for those who do not read, and what is told about it. */

import { DIALECT_PART_BYTES, MAX_RELAY_FRAME_BYTES, type Presence } from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  ask,
  BeelinePeer,
  type Peer,
  pairPeers,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";

test("a receiver that does not read costs 2 MiB, and what is over it is dropped", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId } = await pairPeers(server);
  const tcp = tcpOf(extension);
  tcp.pause();
  const record = new Uint8Array(MAX_RELAY_FRAME_BYTES);
  const sent = 640;
  for (let i = 0; i < sent; i++) client.socket.emit("relay", extensionId, record);
  // An answer to this means that everything before it was handled.
  client.socket.emit("relay", "fence", record);
  await client.next("undeliverable");

  const { relayedRecords, droppedRecords } = server.server.metrics();
  expect(relayedRecords + droppedRecords).toBe(sent);
  expect(droppedRecords).toBeGreaterThan(0);
  tcp.resume();
  for (let i = 0; i < relayedRecords; i++) await extension.next("relay");
  client.socket.emit("relay", extensionId, Uint8Array.of(7));
  expect([...((await extension.next("relay"))[1] as Uint8Array)]).toEqual([7]);
});

test("signals to a receiver that does not read are dropped and told, and its room's news waits", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId, key } = await pairPeers(server);
  const tcp = tcpOf(extension);
  tcp.pause();
  const sdp = "x".repeat(60 * 1024);
  // Records first: the kernel takes many megabytes, and of signals there are 200 at once.
  const record = new Uint8Array(MAX_RELAY_FRAME_BYTES);
  for (let i = 0; i < 640; i++) client.socket.emit("relay", extensionId, record);
  expect((await client.next("limited"))[0]).toMatchObject({ code: "LIMIT_EXCEEDED" });
  for (let i = 0; i < 40; i++) client.socket.emit("signal", extensionId, { sdp });
  client.socket.emit("relay", "fence", Uint8Array.of());
  await client.next("undeliverable");
  expect((await ask(server.url, "GET", "/metrics")).body).toMatch(
    /beeline_limited_total\{limit="signal-receiver"\} \d\d/,
  );

  const before = extension.count("presence");
  for (let i = 0; i < 3; i++) {
    const visitor = new BeelinePeer(server, "client");
    await visitor.enter(key);
    visitor.say("leave");
    await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 3);
    await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  }
  const stays = new BeelinePeer(server, "client");
  await stays.enter(key);
  tcp.resume();
  await extension.nextWhere("presence", ({ peers }: Presence) => peers.length === 3);
  expect(extension.count("presence")).toBe(before + 1);
  client.socket.emit("signal", extensionId, { kind: "offer" });
  await extension.nextWhere("signal", () => true);
});

test("whoever signals or joins without end is told that it is too much, and keeps its connection", async () => {
  const server = await startLinkServer({ now: () => 0 });
  const { client, extension, extensionId, key } = await pairPeers(server);
  for (let i = 0; i < 250; i++) client.socket.emit("signal", extensionId, { i });
  expect(await client.next("limited")).toEqual([
    { code: "RATE_LIMITED", message: "too many events from this socket", retryAfterMs: 100 },
  ]);
  for (let i = 0; i < 200; i++) await extension.next("signal");

  const joiner = new BeelinePeer(server, "client");
  const answers = await Promise.all(Array.from({ length: 25 }, () => joiner.join(key)));
  const refused = answers.flatMap((ack) => (ack.ok ? [] : [ack.error.code]));
  expect(refused).toEqual(Array<string>(5).fill("RATE_LIMITED"));
  for (let i = 0; i < 25; i++) joiner.socket.emit("leave");
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 3);
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  for (const peer of [client, joiner]) expect(peer.socket.connected).toBe(true);
});

test("messages for shipped peers that never end are forgotten before they fill the memory, and others pass", async () => {
  const server = await startLinkServer({ shippedBudgetBytes: 4 * 1024 * 1024 });
  const { key, client } = await pairPeers(server);
  const part = { event: "command", message: 1, last: false, bytes: new Uint8Array(48 * 1024) };
  // Its address has 1 MiB, and each of them begins a message of that size.
  const others = [new BeelinePeer(server, "client"), new BeelinePeer(server, "client")];
  for (const peer of others) {
    await peer.enter(key);
    for (let i = 0; i < 22; i++) peer.socket.emit("dialect", part);
    peer.socket.emit("relay", "fence", Uint8Array.of());
    await peer.next("undeliverable");
  }
  const metrics = async () => String((await ask(server.url, "GET", "/metrics")).body);
  expect(await metrics()).toMatch(/beeline_limited_total\{limit="dialect-bytes"\} \d/);
  expect((await others[1]?.next("limited"))?.[0]).toMatchObject({
    message: "too many unfinished dialect messages from this address",
  });

  // What the first one held is given back when it goes.
  others[0]?.socket.disconnect();
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 3);
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 4);
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 3);
  const before = await metrics();
  for (let i = 0; i < 20; i++) client.socket.emit("dialect", part);
  client.socket.emit("relay", "fence", Uint8Array.of());
  await client.next("undeliverable");
  const count = (text: string) => /limit="dialect-bytes"\} (\d+)/.exec(text)?.[1];
  expect(count(await metrics())).toBe(count(before));
});

test("a sender over its rate is told so once, and loses records, not its connection", async () => {
  const server = await startLinkServer({ relayBytesPerSecond: 128 * 1024, now: () => 0 });
  const { client, extensionId } = await pairPeers(server);
  for (let i = 0; i < 10; i++) {
    client.socket.emit("relay", extensionId, new Uint8Array(MAX_RELAY_FRAME_BYTES));
  }
  client.socket.emit("relay", "fence", Uint8Array.of());
  await client.next("undeliverable");
  expect(server.server.metrics()).toMatchObject({ relayedRecords: 1, droppedRecords: 9 });
  expect(await client.next("limited")).toEqual([
    { code: "RATE_LIMITED", message: "too many bytes for this receiver", retryAfterMs: 508 },
  ]);
  expect(client.count("limited")).toBe(1);
});

test("a session over its rate takes nothing from another one of the same sender", async () => {
  const server = await startLinkServer({ relayBytesPerSecond: 128 * 1024, now: () => 0 });
  const { extension, clientId, key } = await pairPeers(server);
  const other = new BeelinePeer(server, "client");
  const { peerId: otherId } = await other.enter(key);
  const record = new Uint8Array(MAX_RELAY_FRAME_BYTES);
  for (let i = 0; i < 10; i++) extension.socket.emit("relay", clientId, record);
  extension.socket.emit("relay", otherId, record);
  await other.next("relay");
  expect(server.server.metrics()).toMatchObject({ relayedRecords: 2, droppedRecords: 9 });
});

test("all links of one user share one rate, and another user has another one", async () => {
  const server = await startLinkServer({ userRelayBytesPerSecond: 128 * 1024, now: () => 0 });
  const record = new Uint8Array(MAX_RELAY_FRAME_BYTES);
  const mine = [await pairPeers(server), await pairPeers(server)];
  server.browser.cookie = undefined;
  const other = await pairPeers(server);
  for (const { client, extensionId } of [...mine, other]) {
    client.socket.emit("relay", extensionId, record);
  }
  await mine[0]?.extension.next("relay");
  await other.extension.next("relay");
  expect((await mine[1]?.client.next("limited"))?.[0]).toMatchObject({
    code: "RATE_LIMITED",
    message: "too many bytes over this user's links",
  });
});

test("signals count by their bytes, like records: too large ones and those over the rate are dropped", async () => {
  const server = await startLinkServer({ relayBytesPerSecond: 128 * 1024, now: () => 0 });
  const { client, extension, extensionId } = await pairPeers(server);
  client.socket.emit("signal", extensionId, { sdp: "x".repeat(100 * 1024) });
  for (let i = 0; i < 3; i++) {
    client.socket.emit("signal", extensionId, { i, sdp: "x".repeat(60 * 1024) });
  }
  client.socket.emit("relay", "fence", Uint8Array.of());
  await client.next("undeliverable");
  const { body } = await ask(server.url, "GET", "/metrics");
  expect(body).toContain('beeline_limited_total{limit="signal-frame"} 1');
  expect(body).toContain('beeline_limited_total{limit="signal-session"} 1');
  const heard = [(await extension.next("signal"))[1], (await extension.next("signal"))[1]];
  expect(heard).toMatchObject([{ i: 0 }, { i: 1 }]);
  expect(await client.next("limited")).toMatchObject([{ code: "LIMIT_EXCEEDED", retryAfterMs: 0 }]);
});

test("messages for names that nobody has make no session's rate be forgotten", async () => {
  const server = await startLinkServer({ relayBytesPerSecond: 128 * 1024, now: () => 0 });
  const { client, extensionId } = await pairPeers(server);
  const relay = () =>
    client.socket.emit("relay", extensionId, new Uint8Array(MAX_RELAY_FRAME_BYTES));
  for (let i = 0; i < 2; i++) relay();
  for (let message = 0; message < 70; message++) {
    const bytes = Uint8Array.of(0x31);
    const part = { event: "command", message, last: true, to: `nobody-${message}`, bytes };
    client.socket.emit("dialect", part);
  }
  relay();
  client.socket.emit("relay", "fence", Uint8Array.of());
  await client.next("undeliverable");
  expect(server.server.metrics()).toMatchObject({ relayedRecords: 1, droppedRecords: 2 });
});

test("whoever sends too large a message to shipped peers is told so", async () => {
  const server = await startLinkServer();
  const { client } = await pairPeers(server);
  const bytes = new Uint8Array(DIALECT_PART_BYTES + 1);
  client.socket.emit("dialect", { event: "command", message: 1, last: true, bytes });
  expect(await client.next("limited")).toMatchObject([
    {
      code: "LIMIT_EXCEEDED",
      message: "a dialect message may have 8388608 bytes",
      retryAfterMs: 0,
    },
  ]);
  expect((await ask(server.url, "GET", "/metrics")).body).toContain('limit="dialect-message"} 1');
});

test("our client is told when a shipped extension does not read what it says", async () => {
  const server = await startLinkServer({ shippedBudgetBytes: 4 * 1024 * 1024 });
  const { key } = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  await client.enter(key);
  const deaf = new ShippedPeer(server, "sd");
  await deaf.join(key);
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  tcpOf(deaf).pause();
  const command = Buffer.from(JSON.stringify({ junk: "x".repeat(480 * 1024) }));
  // The kernel takes some megabytes before anything waits here.
  for (let message = 0; message < 100 && client.count("limited") === 0; message++) {
    for (let at = 0; at < command.length; at += DIALECT_PART_BYTES) {
      const bytes = command.subarray(at, at + DIALECT_PART_BYTES);
      const last = at + DIALECT_PART_BYTES >= command.length;
      client.socket.emit("dialect", { event: "command", message, last, bytes });
    }
    client.socket.emit("relay", "fence", Uint8Array.of());
    await client.next("undeliverable");
  }
  expect((await ask(server.url, "GET", "/metrics")).body).toContain('limit="shipped-queue"');
  expect(client.count("limited")).toBe(1);
  expect(await client.next("limited")).toMatchObject([
    { code: "LIMIT_EXCEEDED", message: "the receiver does not keep up", retryAfterMs: 64 },
  ]);
});

/** The socket under the client library, to stop reading from. */
function tcpOf(peer: Peer): { pause(): void; resume(): void } {
  const { ws } = peer.socket.io.engine.transport as unknown as {
    ws: { pause(): void; resume(): void };
  };
  return ws;
}
