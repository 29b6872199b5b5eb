/** Our own peers, over real sockets, against a real server. */

import {
  DIALECT_PART_BYTES,
  type DialectMessage,
  MAX_RELAY_FRAME_BYTES,
  PEER_SOCKET_PATH,
  type Presence,
} from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  ask,
  BeelinePeer,
  Peer,
  pairPeers,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";

const activeIn = ({ peers }: Presence) => peers.filter(({ active }) => active).map(({ id }) => id);

test("pairing answers the join, then tells everybody the new key, then the presence", async () => {
  const server = await startLinkServer();
  const { client, clientId, extension, extensionId, key } = await pairPeers(server, {
    name: "desktop",
    capabilities: ["session/1"],
    installId: "secret-install-id",
  });

  await extension.next("presence");
  expect(key).toMatch(/^[0-9a-f]{128}$/);
  expect(extension.story).toEqual(["ack", "rekey", "presence"]);
  expect(client.story).toEqual(["ack", "presence", "rekey", "presence"]);
  const [, presence] = extension.heard.at(-1) ?? [];
  expect(presence).toEqual({
    peers: [
      { id: clientId, role: "client", kind: "beeline", name: "", capabilities: [], active: false },
      {
        id: extensionId,
        role: "extension",
        kind: "beeline",
        name: "desktop",
        capabilities: ["session/1"],
        active: true,
      },
    ],
  });
});

test("only a definite 'no such key' is final", async () => {
  const server = await startLinkServer();
  const { key, shortKey } = await pairPeers(server);
  const peer = new BeelinePeer(server, "extension");

  expect(await peer.join("0".repeat(128))).toMatchObject({
    ok: false,
    retry: false,
    error: { code: "LINK_KEY_UNKNOWN" },
  });
  expect(await peer.join(shortKey)).toMatchObject({
    retry: false,
    error: { code: "LINK_KEY_UNKNOWN" },
  });
  expect(await peer.join("?")).toMatchObject({
    retry: false,
    error: { code: "LINK_KEY_MALFORMED" },
  });
  expect(await peer.join(key, { version: 2 })).toMatchObject({
    retry: true,
    error: { code: "VERSION_UNSUPPORTED" },
  });
  expect(await peer.join(key, { role: "king" })).toMatchObject({
    retry: true,
    error: { code: "MESSAGE_MALFORMED" },
  });
  expect(await peer.join(key)).toMatchObject({ ok: true });
});

test("records and signals go to the addressed peer of the same room only", async () => {
  const server = await startLinkServer();
  const { client, clientId, extension, extensionId, key } = await pairPeers(server);
  const stranger = await pairPeers(server);
  const other = new BeelinePeer(server, "client");
  const { peerId: otherId } = await other.enter(key);
  const before = server.server.metrics();

  client.socket.emit("relay", extensionId, Uint8Array.of(1, 2, 3));
  const [from, bytes] = (await extension.next("relay")) as [string, Uint8Array];
  expect([from, [...bytes]]).toEqual([clientId, [1, 2, 3]]);
  extension.socket.emit("signal", clientId, { kind: "offer" });
  expect(await client.next("signal")).toEqual([extensionId, { kind: "offer" }]);

  for (const absent of [stranger.extensionId, otherId, "nobody"]) {
    client.socket.emit("relay", absent, Uint8Array.of(4));
    expect(await client.next("undeliverable")).toEqual([absent]);
    client.socket.emit("signal", absent, {});
    expect(await client.next("undeliverable")).toEqual([absent]);
  }
  const after = server.server.metrics();
  expect(after.relayedBytes - before.relayedBytes).toBe(3);
  expect(after.relayedRecords - before.relayedRecords).toBe(1);
  expect(stranger.extension.count("relay") + other.count("relay")).toBe(0);
});

test("what is no record is not passed on: too large, not bytes, no address", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId } = await pairPeers(server);

  client.socket.emit("relay", extensionId, new Uint8Array(MAX_RELAY_FRAME_BYTES + 1));
  client.socket.emit("relay", extensionId, "text");
  client.socket.emit("relay", { toString: "x" }, Uint8Array.of(1));
  client.socket.emit("relay");
  client.socket.emit("signal");
  client.socket.emit("join");
  client.socket.emit("dialect", { event: "kicked" });
  client.socket.emit("relay", extensionId, new Uint8Array(MAX_RELAY_FRAME_BYTES));

  const [, bytes] = (await extension.next("relay")) as [string, Uint8Array];
  expect(bytes.byteLength).toBe(MAX_RELAY_FRAME_BYTES);
  expect(server.server.metrics()).toMatchObject({ relayedRecords: 1, droppedRecords: 1 });
  expect((await client.next("limited"))[0]).toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("a message above the socket's limit costs its sender the connection and nobody else", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId } = await pairPeers(server);
  client.socket.emit("relay", extensionId, new Uint8Array(300_000));
  await client.next("disconnect");
  await extension.nextWhere("presence", ({ peers }: Presence) => peers.length === 1);
  expect(extension.socket.connected).toBe(true);
});

test("a second extension stands by, hears nothing, and takes over when the first leaves", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId, key } = await pairPeers(server, { installId: "one" });
  const second = new BeelinePeer(server, "extension");
  const ack = await second.enter(key, { installId: "two" });
  expect(activeIn(ack.presence)).toEqual([extensionId]);

  client.socket.emit("relay", ack.peerId, Uint8Array.of(1));
  expect(await client.next("undeliverable")).toEqual([ack.peerId]);

  extension.socket.emit("leave");
  const isPromoted = (presence: Presence) => activeIn(presence).includes(ack.peerId);
  await client.nextWhere("presence", isPromoted);
  client.socket.emit("relay", ack.peerId, Uint8Array.of(2));
  expect([...((await second.next("relay"))[1] as Uint8Array)]).toEqual([2]);
});

test("an extension that reconnects takes its own place over at once", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId, key } = await pairPeers(server, { installId: "one" });
  const again = new BeelinePeer(server, "extension");
  const { peerId, presence } = await again.enter(key, { installId: "one" });

  expect(activeIn(presence)).toEqual([peerId]);
  expect(presence.peers.map(({ id }) => id)).not.toContain(extensionId);
  await extension.next("disconnect");
  await client.nextWhere("presence", (seen: Presence) => activeIn(seen)[0] === peerId);
  expect(extension.count("kicked")).toBe(0);
});

test("deleting an instance revokes it in the open room, and nothing passes any more", async () => {
  const server = await startLinkServer();
  const { client, extension, extensionId, id, cookie } = await pairPeers(server);

  await ask(server.url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } });

  expect(await extension.next("kicked")).toEqual([
    { code: "LINK_REVOKED", message: "the link was deleted or given a new key" },
  ]);
  await client.next("kicked");
  client.socket.emit("relay", extensionId, Uint8Array.of(1));
  await client.next("undeliverable");
});

test("a short key expires after ten minutes", async () => {
  let nowMs = 1_000_000;
  const server = await startLinkServer({ now: () => nowMs });
  const { key } = await server.createInstance();
  const peer = new BeelinePeer(server, "client");
  nowMs += 10 * 60 * 1000 - 1;
  expect(await peer.join(key)).toMatchObject({ ok: true });
  nowMs += 1;
  const late = new BeelinePeer(server, "extension");
  expect(await late.join(key)).toMatchObject({ ok: false, error: { code: "LINK_KEY_UNKNOWN" } });
});

test("guessing short keys is stopped, and whoever has a lasting key is not", async () => {
  const server = await startLinkServer({ now: () => 0 });
  const { key } = await pairPeers(server);
  const guesser = new BeelinePeer(server, "client");
  const guesses = Array.from({ length: 12 }, (_, i) => guesser.join(`00000${i.toString(16)}`));
  const codes = (await Promise.all(guesses)).map((ack) => (ack.ok ? "in" : ack.error.code));

  expect(codes.filter((code) => code === "LINK_KEY_UNKNOWN")).toHaveLength(10);
  expect(codes.slice(10)).toEqual(["RATE_LIMITED", "RATE_LIMITED"]);
  expect(await guesser.join(key)).toMatchObject({ ok: true });
});

test("our own client drives a shipped extension, with messages of any size", async () => {
  const server = await startLinkServer();
  const { key: shortKey } = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  const sd = new ShippedPeer(server, "sd");
  await client.enter(shortKey);
  await sd.join(shortKey);
  const command = { id: "1", type: "image:img2img", initImage: "ü".repeat(1_000_000) };

  sayInParts(client, "command", command);
  expect(await sd.next("command")).toEqual([command]);

  const status = { id: "1", status: "success", images: ["a".repeat(1_000_000)] };
  sd.socket.emit("commandStatus", status);
  const [, message] = (await client.next("dialect")) as [string, DialectMessage];
  expect(message).toEqual({ event: "commandStatus", payload: status });
});

test("our own extension answers shipped sites, and a standby one is not heard", async () => {
  const server = await startLinkServer();
  const { extension, extensionId, key } = await pairPeers(server, { installId: "one" });
  const standby = new BeelinePeer(server, "extension");
  await standby.enter(key, { installId: "two" });
  const [near, far] = [new ShippedPeer(server, "client"), new ShippedPeer(server, "client")];
  await near.join(key);
  await far.join(key);

  near.socket.emit("command", { id: "1" });
  const [from] = (await extension.next("dialect")) as [string, DialectMessage];
  expect(from).toBe(near.socket.id);
  sayInParts(standby, "commandStatus", { id: "wrong" });
  sayInParts(extension, "commandStatus", { id: "1" }, from);
  sayInParts(extension, "commandStatus", { id: "all" });

  expect(await far.next("commandStatus")).toEqual([{ id: "all" }]);
  expect(await near.next("commandStatus")).toEqual([{ id: "1" }]);
  expect(await near.next("commandStatus")).toEqual([{ id: "all" }]);
  expect(standby.count("dialect") + extension.count("relay")).toBe(0);
  expect(extensionId).not.toBe(from);
});

test.each([
  { where: "from a foreign page", extraHeaders: { origin: "https://evil.example" } as Headers },
  { where: "under a rebound name", extraHeaders: { host: "evil.example" } },
  { where: "from a sandboxed frame", extraHeaders: { origin: "null" } },
])("no socket of either kind opens $where", async ({ extraHeaders }) => {
  const server = await startLinkServer();
  for (const path of [PEER_SOCKET_PATH, "/api/socketio"]) {
    const peer = new Peer(server.url, path, { extraHeaders });
    await peer.next("connect_error");
    const polling = `${path}/?EIO=4&transport=polling`;
    expect((await ask(server.url, "GET", polling, { headers: extraHeaders })).status).toBe(403);
    expect((await ask(server.url, "GET", polling)).status).toBe(200);
  }
});

test("sockets open for the server's own page and for allowed origins", async () => {
  const server = await startLinkServer({ allowedOrigins: ["https://site.example"] });
  for (const origin of [server.url, "https://site.example"]) {
    for (const path of [PEER_SOCKET_PATH, "/api/socketio"]) {
      const peer = new Peer(server.url, path, { extraHeaders: { origin } });
      await peer.next("connect");
    }
  }
});

test("one address opens so many sockets and no more, and closing one makes room", async () => {
  const server = await startLinkServer({ socketsPerAddress: 2 });
  const first = new Peer(server.url, PEER_SOCKET_PATH);
  const second = new Peer(server.url, "/api/socketio");
  await first.next("connect");
  await second.next("connect");
  const third = new Peer(server.url, PEER_SOCKET_PATH);
  await third.next("connect_error");

  first.socket.disconnect();
  const patient = new Peer(server.url, PEER_SOCKET_PATH, {
    reconnection: true,
    reconnectionDelay: 5,
  });
  await patient.next("connect");
});

type Headers = Record<string, string>;

function sayInParts(peer: BeelinePeer, event: string, payload: unknown, to?: string): void {
  const text = Buffer.from(JSON.stringify(payload));
  for (let at = 0; at < text.length; at += DIALECT_PART_BYTES) {
    const bytes = text.subarray(at, at + DIALECT_PART_BYTES);
    const last = at + DIALECT_PART_BYTES >= text.length;
    peer.socket.emit("dialect", { event, message: 1, last, bytes, ...(to && { to }) });
  }
}
