/** Shipped clients, played by the client library they use, against a real server. */

import { join } from "node:path";
import { SHIPPED_SOCKET_PATH } from "@beeline/protocol";
import Database from "libsql";
import { expect, test } from "vitest";
import { ask, Peer, ShippedPeer, startLinkServer } from "../../../test/support/link-server.ts";

const LASTING = /^[0-9a-f]{128}$/;

/** A site and an extension that have paired, and the lasting key. */
async function pair(server: Awaited<ReturnType<typeof startLinkServer>>) {
  const instance = await server.createInstance();
  const site = new ShippedPeer(server, "client");
  const sd = new ShippedPeer(server, "sd");
  await site.join(instance.key);
  await sd.join(instance.key);
  const [{ key }] = (await site.next("upgradeKey")) as [{ key: string }];
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 1);
  return { ...instance, site, sd, shortKey: instance.key, key };
}

test("pairing answers the join, then tells everybody the new key, then the presence", async () => {
  const server = await startLinkServer();
  const { key: shortKey } = await server.createInstance();
  expect(shortKey).toMatch(/^[0-9a-f]{6}$/);
  const site = new ShippedPeer(server, "client");
  const sd = new ShippedPeer(server, "sd");

  expect(await site.join(shortKey)).toEqual({ success: true, msg: "Joined" });
  await site.next("roomPresence");
  expect(await sd.join(shortKey)).toEqual({ success: true, msg: "Joined" });
  await sd.next("roomPresence");
  await site.next("roomPresence");

  expect(sd.story).toEqual(["ack", "upgradeKey", "roomPresence"]);
  expect(site.story).toEqual(["ack", "roomPresence", "upgradeKey", "roomPresence"]);
  const [{ key }] = (await site.next("upgradeKey")) as [{ key: string }];
  expect(key).toMatch(LASTING);
  expect(await sd.next("upgradeKey")).toEqual([{ key }]);
  expect(sd.heard.at(-1)).toEqual(["roomPresence", { client: 1, sd: 1 }]);
});

test("a join before iam is refused, and iam may be said twice", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const stranger = new Peer(server.url, SHIPPED_SOCKET_PATH);

  expect(await stranger.socket.emitWithAck("join", key)).toEqual({
    success: false,
    msg: "You must identify yourself first",
  });
  stranger.socket.emit("iam", { type: "client" });
  stranger.socket.emit("iam", { type: "client" });
  expect(await stranger.socket.emitWithAck("join", key)).toEqual({ success: true, msg: "Joined" });
  expect(await stranger.next("roomPresence")).toEqual([{ client: 1, sd: 0 }]);
});

test("joining again with the key that replaced the short one changes nothing", async () => {
  const server = await startLinkServer();
  const { site, sd, key } = await pair(server);
  const before = site.count("roomPresence");

  expect(await sd.join(key)).toEqual({ success: true, msg: "Joined" });
  expect(await site.join(key)).toEqual({ success: true, msg: "Joined" });

  sd.socket.emit("commandStatus", { fence: true });
  await site.next("commandStatus");
  expect(site.count("roomPresence")).toBe(before);
});

test("an unknown key is refused and kicked, and the socket stays open", async () => {
  const server = await startLinkServer();
  const sd = new ShippedPeer(server, "sd");

  expect(await sd.join("f".repeat(128))).toMatchObject({ success: false });
  await sd.next("kicked");
  expect(await sd.join("not a key")).toMatchObject({ success: false });
  await sd.next("kicked");

  expect(sd.socket.connected).toBe(true);
});

test("a short key admits one extension", async () => {
  const server = await startLinkServer();
  const { shortKey, site, sd } = await pair(server);
  // The first one has heard the lasting key: it says so before it says this.
  sd.socket.emit("commandStatus", { fence: true });
  await site.next("commandStatus");
  const second = new ShippedPeer(server, "sd");

  expect(await second.join(shortKey)).toMatchObject({ success: false });
  await second.next("kicked");
});

test("a failing store refuses without kicking, and the client comes back by itself", async () => {
  const server = await startLinkServer();
  const { key } = await pair(server);
  const sd = new ShippedPeer(server, "sd", { reconnection: true, reconnectionDelay: 1 });
  await sd.next("connect");
  const db = new Database(join(server.dataDir, "beeline.db"));
  db.exec("ALTER TABLE instances RENAME TO away");

  expect(await sd.join(key)).toMatchObject({ success: false });
  expect(await sd.next("disconnect")).toContain("transport close");
  await sd.next("connect");
  db.exec("ALTER TABLE away RENAME TO instances");
  db.close();

  expect(await sd.join(key)).toEqual({ success: true, msg: "Joined" });
  expect(sd.count("kicked")).toBe(0);
});

test.each([
  { how: "deleting", method: "DELETE" },
  { how: "re-keying", method: "POST" },
])("$how an instance kicks everybody at once and leaves the sockets open", async ({ method }) => {
  const server = await startLinkServer();
  const { site, sd, id, key, cookie } = await pair(server);
  const path = method === "DELETE" ? `/api/link?id=${id}` : "/api/link";
  const body = method === "DELETE" ? {} : { body: { id } };

  await ask(server.url, method, path, { ...body, headers: { cookie } });
  await site.next("kicked");
  await sd.next("kicked");

  expect(site.socket.connected && sd.socket.connected).toBe(true);
  expect(await sd.join(key)).toMatchObject({ success: false });
  expect(server.server.metrics()).toMatchObject({ rooms: 0, peers: 0 });
});

test("messages pass verbatim: to the extension from one site, to every site from the extension", async () => {
  const server = await startLinkServer();
  const { site, sd, key } = await pair(server);
  const other = new ShippedPeer(server, "client");
  await other.join(key);
  const command = { id: "1", type: "resources:list", createdAt: "2026-01-01", odd: [null, 1.5] };
  const push = { type: "resources:list", resources: [{ hash: "ab", hasPreview: "" }] };

  site.socket.emit("command", command);
  expect(await sd.next("command")).toEqual([command]);
  sd.socket.emit("commandStatus", push);
  expect(await site.next("commandStatus")).toEqual([push]);
  expect(await other.next("commandStatus")).toEqual([push]);

  // Nobody plays another one's part: these two reach nobody.
  sd.socket.emit("command", command);
  site.socket.emit("commandStatus", push);
  site.socket.emit("command", { fence: true });
  expect(await sd.next("command")).toEqual([{ fence: true }]);
  expect(other.count("command") + sd.count("commandStatus")).toBe(0);
});

test("what all links of a user say is one rate, shipped messages too; what is over it is dropped", async () => {
  const server = await startLinkServer({ userRelayBytesPerSecond: 128 * 1024, now: () => 0 });
  const { site, sd } = await pair(server);
  site.socket.emit("command", { id: "1", junk: "x".repeat(100 * 1024) });
  site.socket.emit("command", { id: "2", junk: "x".repeat(100 * 1024) });
  site.socket.emit("command", { id: "3" });
  const heard = [(await sd.next("command"))[0], (await sd.next("command"))[0]];
  expect(heard).toMatchObject([{ id: "1" }, { id: "3" }]);
  expect((await ask(server.url, "GET", "/metrics")).body).toContain(
    'beeline_limited_total{limit="shipped-user"} 1',
  );
  for (const peer of [site, sd]) expect(peer.count("disconnect") + peer.count("error")).toBe(0);
});

test("a message costs its user something, however small it is", async () => {
  const server = await startLinkServer({ userRelayBytesPerSecond: 64 * 1024, now: () => 0 });
  const { site, sd } = await pair(server);
  for (let i = 0; i < 70; i++) site.socket.emit("command", i);
  for (let i = 0; i < 64; i++) expect(await sd.next("command")).toEqual([i]);
  expect(await site.join("not a key")).toMatchObject({ success: false });
  expect((await ask(server.url, "GET", "/metrics")).body).toContain(
    'beeline_limited_total{limit="shipped-user"} 6',
  );
});

test("whoever joins without end is refused, and neither kicked nor cut off", async () => {
  const server = await startLinkServer({ now: () => 0 });
  const { key } = await pair(server);
  const joiner = new ShippedPeer(server, "client");
  const answers = await Promise.all(Array.from({ length: 22 }, () => joiner.join(key)));
  expect(answers.filter(({ success }) => success)).toHaveLength(20);
  expect(joiner.count("kicked") + joiner.count("disconnect")).toBe(0);
});

test("presence follows those who leave and those who are cut off", async () => {
  const server = await startLinkServer();
  const { site, sd, key } = await pair(server);

  sd.socket.emit("leave");
  expect(await site.next("roomPresence")).toEqual([{ client: 1, sd: 0 }]);
  await sd.join(key);
  expect(await site.next("roomPresence")).toEqual([{ client: 1, sd: 1 }]);
  sd.socket.io.engine.close();
  expect(await site.next("roomPresence")).toEqual([{ client: 1, sd: 0 }]);
});

test("an extension that comes back before its dead socket is noticed gets the commands", async () => {
  const server = await startLinkServer();
  const { site, sd, key } = await pair(server);
  const again = new ShippedPeer(server, "sd");
  await again.join(key);

  site.socket.emit("command", { id: "1" });
  expect(await again.next("command")).toEqual([{ id: "1" }]);
  expect(sd.count("command")).toBe(0);

  again.socket.emit("leave");
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 1);
  site.socket.emit("command", { id: "2" });
  expect(await sd.next("command")).toEqual([{ id: "2" }]);
});

test.each([["websocket"], ["polling"], ["polling", "websocket"]])(
  "10,000 models in one push pass (%s %s)",
  async (...transports) => {
    const server = await startLinkServer();
    const { site, key, sd: first } = await pair(server);
    first.socket.disconnect();
    const sd = new ShippedPeer(server, "sd", { transports });
    await settled(sd, transports);
    await sd.join(key);
    const resources = Array.from({ length: 10_000 }, (_, i) => ({
      type: "LORA",
      hash: String(i).padStart(64, "0"),
      name: `model ${i}`,
      path: `/home/somebody/stable-diffusion/models/Lora/some-folder/model-${i}.safetensors`,
      hasPreview: `https://images.example/${i}/preview.png`,
    }));

    sd.socket.emit("commandStatus", { type: "resources:list", resources });

    const [push] = (await site.next("commandStatus")) as [{ resources: unknown[] }];
    expect(push.resources).toEqual(resources);
    expect(sd.count("disconnect")).toBe(0);
  },
);

test.each([["websocket"], ["polling"], ["polling", "websocket"]])(
  "who has not joined may not say much (%s %s)",
  async (...transports) => {
    const server = await startLinkServer();
    const stranger = new ShippedPeer(server, "client", { transports });
    await settled(stranger, transports);
    stranger.socket.emit("command", { junk: "x".repeat(100_000) });
    await stranger.next("disconnect");
  },
);

test("an extension that finds the room full, or guessed too often, comes back by itself until it is in", async () => {
  const server = await startLinkServer({ socketsPerAddress: 200 });
  const { site, key } = await pair(server);
  const crowd = Array.from({ length: 62 }, () => new ShippedPeer(server, "client"));
  await Promise.all(crowd.map((peer) => peer.join(key)));
  const late = new ShippedPeer(server, "sd", { reconnection: true, reconnectionDelay: 1 });
  await late.next("connect");
  expect(await late.join(key)).toMatchObject({ success: false });
  expect(await late.next("disconnect")).toContain("transport close");
  await late.next("connect");
  const isCount = (count: number) => (presence: { client: number }) => presence.client === count;
  await crowd[0]?.nextWhere("roomPresence", isCount(63));
  site.socket.emit("leave");
  await crowd[0]?.nextWhere("roomPresence", isCount(62));
  expect(await late.join(key)).toEqual({ success: true, msg: "Joined" });

  const guesser = new ShippedPeer(server, "sd");
  for (let i = 0; i < 10; i++) await guesser.join("abcdef");
  expect(guesser.count("disconnect")).toBe(0);
  expect(await guesser.join("abcdef")).toMatchObject({ success: false });
  expect(await guesser.next("disconnect")).toContain("transport close");
  expect(late.count("kicked")).toBe(0);
});

test("sixty-four more peers than a room holds are refused without harm", async () => {
  const server = await startLinkServer({ socketsPerAddress: 200 });
  const { site, key } = await pair(server);
  const crowd = Array.from({ length: 64 }, () => new ShippedPeer(server, "client"));
  const answers = await Promise.all(crowd.map((peer) => peer.join(key)));

  expect(answers.filter(({ success }) => success)).toHaveLength(62);
  expect(crowd.reduce((kicked, peer) => kicked + peer.count("kicked"), 0)).toBe(0);
  expect(site.socket.connected).toBe(true);
});

/** Connected, and on the last of its transports. */
async function settled(peer: Peer, transports: readonly string[]): Promise<void> {
  await peer.next("connect");
  const { engine } = peer.socket.io;
  if (engine.transport.name === transports.at(-1)) return;
  await new Promise((resolve) => engine.once("upgrade", resolve));
}
