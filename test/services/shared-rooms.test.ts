/** Rooms that two servers share over a real Redis and a real PostgreSQL. */

import { randomBytes } from "node:crypto";
import type { Presence } from "@beeline/protocol";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Changes } from "../support/deadline.ts";
import {
  ask,
  BeelinePeer,
  ShippedPeer,
  startLinkServer,
  type TestServer,
} from "../support/link-server.ts";
import { redisSays } from "../support/redis-command.ts";
import { type Service, startPostgres, startRedis } from "../support/services.ts";

let postgres: Service;
let redis: Service;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));

const SECRET = randomBytes(32).toString("hex");
const READY_MS = 10_000;

const ids = ({ peers }: Presence) => peers.map(({ id }) => id);

async function openTwo(): Promise<[TestServer, TestServer]> {
  const shared = { databaseUrl: postgres.url, redisUrl: redis.url, secret: SECRET };
  return Promise.all([startLinkServer(shared), startLinkServer(shared)]);
}

/** A client on one server and an extension on the other, paired by a short key. */
async function pairAcross(a: TestServer, b: TestServer) {
  const { key: shortKey } = await a.createInstance();
  const client = new BeelinePeer(a, "client");
  const extension = new BeelinePeer(b, "extension");
  await client.enter(shortKey);
  await extension.enter(shortKey, { installId: "one" });
  const [{ key }] = (await client.next("rekey")) as [{ key: string }];
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  return { key, client, extension };
}

/** Asks until the server has Redis again. */
async function isReady(url: string): Promise<void> {
  const changes = new Changes();
  let answered: true | undefined;
  const look = async (): Promise<void> => {
    if ((await ask(url, "GET", "/readyz")).status === 200) answered = true;
    else setTimeout(look, 50);
    changes.notify();
  };
  void look();
  await changes.until(READY_MS, "the server to be ready", () => answered);
}

test("shipped peers on two processes exchange lists of any size", async () => {
  const [a, b] = await openTwo();
  const { key } = await b.createInstance();
  const site = new ShippedPeer(a, "client");
  const sd = new ShippedPeer(b, "sd");
  await site.join(key);
  await sd.join(key);
  await site.next("upgradeKey");
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 1);
  const resources = Array.from({ length: 10_000 }, (_, i) => ({
    type: "LORA",
    hash: String(i).padStart(64, "0"),
    name: `model ${i}`,
    path: `/home/somebody/stable-diffusion/models/Lora/some-folder/model-${i}.safetensors`,
  }));
  site.socket.emit("command", { id: "1", type: "resources:list" });
  expect(await sd.next("command")).toEqual([{ id: "1", type: "resources:list" }]);
  sd.socket.emit("commandStatus", { type: "resources:list", resources });
  expect(await site.next("commandStatus")).toEqual([{ type: "resources:list", resources }]);
});

test("a list that is larger than a fifth of what may be on its way reaches ten browsers elsewhere", async () => {
  const [a, b] = await openTwo();
  const { key: shortKey } = await b.createInstance();
  const sd = new ShippedPeer(b, "sd");
  await sd.join(shortKey);
  const [{ key }] = (await sd.next("upgradeKey")) as [{ key: string }];
  const sites = Array.from({ length: 10 }, () => new ShippedPeer(a, "client"));
  for (const site of sites) await site.join(key);
  await sd.nextWhere("roomPresence", ({ client }: { client: number }) => client === sites.length);
  const list = { type: "resources:list", resources: ["x".repeat(4 * 1024 * 1024)] };
  sd.socket.emit("commandStatus", list);
  for (const site of sites) expect(await site.next("commandStatus")).toEqual([list]);
});

test("a new key for a link kicks everybody on both processes, and the old one opens nothing on either", async () => {
  const [a, b] = await openTwo();
  const { id, key: shortKey, cookie } = await a.createInstance();
  const client = new BeelinePeer(a, "client");
  const site = new ShippedPeer(b, "client");
  const extension = new BeelinePeer(b, "extension");
  await client.enter(shortKey);
  await extension.enter(shortKey);
  const [{ key }] = (await client.next("rekey")) as [{ key: string }];
  await site.join(key);

  const headers = { cookie };
  const { body } = await ask(a.url, "POST", "/api/link", { body: { id }, headers });
  for (const peer of [client, extension]) {
    expect((await peer.next("kicked"))[0]).toMatchObject({ code: "LINK_REVOKED" });
  }
  await site.next("kicked");
  for (const peer of [client, extension]) {
    expect(await peer.join(key)).toMatchObject({ ok: false, retry: false });
  }
  const fresh = (body as { key: string }).key;
  expect(fresh).toMatch(/^[0-9a-f]{6}$/);
  expect(await extension.join(fresh)).toMatchObject({ ok: true });
});

test("a deleted link kicks a shipped extension and a shipped page on the other process", async () => {
  const [a, b] = await openTwo();
  const { id, key, cookie } = await a.createInstance();
  const site = new ShippedPeer(b, "client");
  const sd = new ShippedPeer(b, "sd");
  await site.join(key);
  await sd.join(key);
  await sd.nextWhere("roomPresence", ({ client }: { client: number }) => client === 1);
  const headers = { cookie };
  expect((await ask(a.url, "DELETE", `/api/link?id=${id}`, { headers })).status).toBe(200);
  await Promise.all([site.next("kicked"), sd.next("kicked")]);
  // Either library stops reconnecting for good after a disconnection by the server.
  expect(site.count("disconnect") + sd.count("disconnect")).toBe(0);
});

test("a link that is deleted while Redis refuses to write ends for all once it writes again", async () => {
  const [a, b] = await openTwo();
  const { id, key: shortKey, cookie } = await a.createInstance();
  const client = new BeelinePeer(a, "client");
  const sd = new ShippedPeer(b, "sd");
  await client.enter(shortKey);
  await sd.join(shortKey);
  await client.next("rekey");
  onTestFinished(() => void redisSays(redis.port, "CONFIG SET maxmemory 0"));
  await redisSays(redis.port, "CONFIG SET maxmemory 1");
  const remove = () => ask(a.url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } });
  expect((await remove()).status).toBe(503);
  expect(client.count("kicked") + sd.count("kicked")).toBe(0);
  await redisSays(redis.port, "CONFIG SET maxmemory 0");
  await Promise.all([client.next("kicked"), sd.next("kicked")]);
});

test("a pair whose client leaves on another process is counted no more", async () => {
  const [a, b] = await openTwo();
  const { client, extension } = await pairAcross(a, b);
  const pairs = async () =>
    /beeline_pairs\{path="relay"\} (\d+)/.exec(
      String((await ask(b.url, "GET", "/metrics")).body),
    )?.[1];
  extension.socket.emit("report", { to: client.socket.id, path: "relay" });
  extension.socket.emit("relay", "fence", Uint8Array.of());
  await extension.next("undeliverable");
  expect(await pairs()).toBe("1");
  client.socket.disconnect();
  await extension.nextWhere("presence", ({ peers }: Presence) => peers.length === 1);
  expect(await pairs()).toBe("0");
});

test("a peer whose name no database takes is in the list that the owner sees", async () => {
  const [a, b] = await openTwo();
  const { id, key, cookie } = await a.createInstance();
  await new BeelinePeer(b, "extension").enter(key, { name: "in\u0000vis\ud800ible" });
  const path = `/api/link/${id}/peers`;
  const seen = async () => {
    const { body } = await ask(a.url, "GET", path, { headers: { cookie } });
    return (body as { pairing: { peers: object[] } | null }).pairing?.peers;
  };
  await expect.poll(seen).toMatchObject([{ role: "extension", name: "invisible" }]);
});

test("nonsense in a process' channel of Redis ends nothing", async () => {
  const [a, b] = await openTwo();
  const { client, extension } = await pairAcross(a, b);
  const [, name = ""] = /"process":"([0-9a-f-]{36})"/.exec(a.logged.join("")) ?? [];
  for (const nonsense of ["\xc1", '"text"', "1"]) {
    await redisSays(redis.port, `PUBLISH beeline:process:${name} ${nonsense}`);
  }
  client.socket.emit("relay", extension.socket.id, Uint8Array.of(1));
  await extension.next("relay");
  extension.socket.emit("relay", client.socket.id, Uint8Array.of(2));
  await client.next("relay");
  expect(a.logged.join("")).toContain("was not understood");
});

test("of two extensions that bring one short key to two processes, one gets it", async () => {
  const [a, b] = await openTwo();
  for (let round = 0; round < 3; round++) {
    const { key, id } = await a.createInstance();
    const joins = [a, b, a, b].map((server) => new BeelinePeer(server, "extension").join(key));
    const acks = await Promise.all(joins);
    expect(acks.filter(({ ok }) => ok)).toHaveLength(1);
    const cookie = a.browser.cookie ?? "";
    await ask(a.url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } });
  }
});

test("many peers that come and go on both processes leave both with the same room", async () => {
  const [a, b] = await openTwo();
  const { key, client } = await pairAcross(a, b);
  const crowd = await Promise.all(
    Array.from({ length: 24 }, async (_, i) => {
      const peer = new BeelinePeer(i % 2 ? a : b, "client");
      return { peer, peerId: (await peer.enter(key)).peerId };
    }),
  );
  const leavers = crowd.slice(0, 12);
  for (const { peer } of leavers) peer.socket.disconnect();
  const stayers = crowd.slice(12).map(({ peer }) => peer);
  const gone = new Set(leavers.map(({ peerId }) => peerId));
  const isSettled = ({ peers }: Presence) =>
    peers.length === 2 + stayers.length && peers.every(({ id }) => !gone.has(id));
  const rooms = await Promise.all(
    [client, ...stayers].map((peer) => peer.nextWhere("presence", isSettled)),
  );
  for (const room of rooms) expect(ids(room as Presence)).toEqual(ids(rooms[0] as Presence));
});

test("Redis that restarts costs everybody a reconnect, and nothing else", async () => {
  const [a, b] = await openTwo();
  const { key, client, extension } = await pairAcross(a, b);
  await redis.kill();
  await Promise.all([client.next("disconnect"), extension.next("disconnect")]);
  expect((await ask(a.url, "GET", "/readyz")).body).toEqual({
    status: "not ready",
    reason: "redis",
  });
  expect(await new BeelinePeer(a, "client").join(key)).toMatchObject({
    ok: false,
    retry: true,
    error: { code: "SERVER_REFUSED" },
  });
  await redis.start();
  for (const { url } of [a, b]) await isReady(url);

  const back = new BeelinePeer(b, "extension");
  const { peerId } = await back.enter(key, { installId: "one" });
  const page = new BeelinePeer(a, "client");
  const ack = await page.enter(key);
  page.socket.emit("relay", peerId, Uint8Array.of(1));
  await back.next("relay");
  expect(ids(ack.presence)).toEqual([peerId, ack.peerId]);
});

test("a Redis that stands still for six seconds makes joins late, and ends no server", async () => {
  const [a, b] = await openTwo();
  const { key } = await pairAcross(a, b);
  await redisSays(redis.port, "CLIENT PAUSE 6000 ALL");
  const late = new BeelinePeer(a, "client");
  const ack = await late.enter(key);
  expect(ack.presence.peers).toHaveLength(3);
  for (const { url } of [a, b]) await isReady(url);
});
