/** What an operator sees: health, readiness, metrics, draining, and the budget for big messages. */

import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import Database from "libsql";
import { expect, test } from "vitest";
import {
  ask,
  BeelinePeer,
  Peer,
  ShippedPeer,
  startLinkServer,
  type TestServer,
} from "../../../test/support/link-server.ts";
import { PollingPeer } from "../../../test/support/polling-peer.ts";
import { ByteBudget } from "./byte-budget.ts";

/** Of a WebSocket, masked by zeros: text that goes on, with a length of 64 bits; and an empty ping. */
const FRAME_HEAD = Buffer.from([0x01, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
/** Of each message, besides the budget. */
const FREE_BYTES = 64 * 1024;

const MiB = 1024 * 1024;

/** Says a binary message's header and its attachments; resolves once the server has them. */
type Say = (...parts: (string | Buffer)[]) => Promise<void>;

async function byPolling(server: TestServer, key: string): Promise<Say> {
  const peer = await PollingPeer.open(server.url, "/api/socketio");
  await peer.join(key);
  return async (...parts) => {
    const packets = parts.map((part) =>
      typeof part === "string" ? part : `b${part.toString("base64")}`,
    );
    expect(await peer.say(packets)).toBe(200);
  };
}

async function byWebSocket(server: TestServer, key: string): Promise<Say> {
  const peer = new ShippedPeer(server, "client");
  await peer.join(key);
  const { ws } = peer.socket.io.engine.transport as unknown as {
    ws: NodeJS.EventEmitter & { send(data: string | Buffer): void; ping(): void };
  };
  return async (...parts) => {
    for (const part of parts) ws.send(part);
    ws.ping();
    await once(ws, "pong");
  };
}

const TOKEN = "a token that Prometheus has";

/** A server with a budget of 4 MiB, of which an address may have one, and a shipped extension that is paired. */
async function openBudgetScene(): Promise<{ server: TestServer; sd: ShippedPeer; key: string }> {
  const server = await startLinkServer({ shippedBudgetBytes: 4 * MiB });
  const { key: shortKey } = await server.createInstance();
  const sd = new ShippedPeer(server, "sd");
  await sd.join(shortKey);
  const [{ key }] = (await sd.next("upgradeKey")) as [{ key: string }];
  return { server, sd, key };
}

test("health says that the process runs; readiness, that its database answers", async () => {
  const server = await startLinkServer();
  expect((await ask(server.url, "GET", "/healthz")).body).toEqual({ status: "ok" });
  expect((await ask(server.url, "GET", "/readyz")).body).toEqual({ status: "ready" });
});

test("metrics count joins, limits and relayed bytes, and hold neither keys nor names", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  const extension = new BeelinePeer(server, "extension");
  const { peerId: clientId } = await client.enter(key);
  const { peerId } = await extension.enter(key, { name: "a very private name" });
  await new BeelinePeer(server, "client").join("f".repeat(128));
  client.socket.emit("relay", peerId, new Uint8Array(1000));
  await extension.next("relay");
  const attempt = { outcome: "failed", reason: "ice-failed" };
  for (const what of [{ attempt }, { path: "relay" }, { path: "direct" }]) {
    extension.socket.emit("report", { to: clientId, session: "0123abcd", ...what });
  }
  // Of what is not true nothing is counted.
  extension.socket.emit("report", { to: "nobody", path: "relay" });
  extension.socket.emit("report", { to: clientId, path: "a very private path" });
  extension.socket.emit("relay", "fence", Uint8Array.of());
  await extension.next("undeliverable");

  const { body, headers } = await ask(server.url, "GET", "/metrics");
  expect(headers["content-type"]).toMatch(/^text\/plain/);
  for (const line of [
    'beeline_joins_total{kind="beeline",role="client",outcome="joined"} 1',
    'beeline_joins_total{kind="beeline",role="client",outcome="LINK_KEY_UNKNOWN"} 1',
    "beeline_relayed_bytes_total 1000",
    "beeline_relayed_records_total 1",
    "beeline_rooms 1",
    "beeline_peers 2",
    'beeline_pairs{path="relay"} 0',
    'beeline_pairs{path="direct"} 1',
    'beeline_direct_attempts_total{outcome="failed",reason="ice-failed"} 1',
  ]) {
    expect(body).toContain(line);
  }
  expect(body).toContain("nodejs_eventloop_lag_p99_seconds");
  expect(body).not.toMatch(/private|[0-9a-f]{64}/);

  // Whoever left the room is no pair any more, connected or not.
  client.socket.emit("leave");
  await extension.nextWhere("presence", ({ peers }: { peers: unknown[] }) => peers.length === 1);
  expect((await ask(server.url, "GET", "/metrics")).body).toContain(
    'beeline_pairs{path="direct"} 0',
  );
});

test("metrics are for this machine, or for whoever has the token", async () => {
  const server = await startLinkServer({ metricsToken: TOKEN });
  const elsewhere = { "x-forwarded-for": "192.0.2.1" };
  const asked = async (headers: Record<string, string>) =>
    (await ask(server.url, "GET", "/metrics", { headers })).status;
  expect(await asked({})).toBe(200);
  expect(await asked(elsewhere)).toBe(404);
  expect(await asked({ ...elsewhere, authorization: "Bearer something else" })).toBe(404);
  expect(await asked({ ...elsewhere, authorization: `Bearer ${TOKEN}` })).toBe(200);
});

test("a server that drains lets peers go one by one, takes none in, and says that it is not ready", async () => {
  const server = await startLinkServer({ drainMs: 3_000 });
  const { key } = await server.createInstance();
  const peers = [new BeelinePeer(server, "client"), new ShippedPeer(server, "client")];
  for (const peer of peers) await peer.next("connect");
  const owner = new BeelinePeer(server, "client");
  await owner.enter(key);

  const closing = server.server.close();
  const [reason] = (await peers[1]?.next("disconnect")) ?? [];
  expect(reason).toMatch(/transport (close|error)/);
  const { status, body } = await ask(server.url, "GET", "/readyz");
  expect([status, body]).toEqual([503, { status: "not ready", reason: "draining" }]);
  const late = new Peer(server.url, "/api/beeline");
  await late.next("connect_error");
  await closing;
  for (const peer of [peers[0], owner]) {
    expect((await peer?.next("disconnect"))?.[0]).not.toBe("io server disconnect");
    expect(peer?.count("kicked")).toBe(0);
  }
});

test("a peer that answers nothing does not hold up the end", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const dead = new BeelinePeer(server, "client");
  await dead.enter(key);
  (dead.socket.io.engine.transport as unknown as { ws: { pause(): void } }).ws.pause();
  // The library waits 30 s for the goodbye of such a one; this test has 10 s.
  await server.server.close();
});

test("nobody holds more than a quarter of a budget, and all together no more than all of it", () => {
  const budget = new ByteBudget(400);
  expect([budget.take("a", 100), budget.take("a", 1)]).toEqual([true, false]);
  for (const party of ["b", "c", "d"]) expect(budget.take(party, 100)).toBe(true);
  expect(budget.take("e", 1)).toBe(false);
  budget.giveBack("a", 40);
  expect([budget.take("e", 41), budget.take("e", 40), budget.held]).toEqual([false, true, 400]);
});

test("one that goes on top of a budget is followed by none of the same party", () => {
  const budget = new ByteBudget(400);
  expect([budget.take("a", 99), budget.takeOnTop("a", 1_000)]).toEqual([true, true]);
  expect([budget.take("a", 1), budget.takeOnTop("a", 1)]).toEqual([false, false]);
  budget.giveBack("a", 1_000);
  expect([budget.takeOnTop("a", 1), budget.held]).toEqual([true, 100]);
});

test("a message over its address's share of the budget costs its sender a reconnect, and nobody else", async () => {
  const { server, sd, key } = await openBudgetScene();
  const [greedy, modest] = [new ShippedPeer(server, "client"), new ShippedPeer(server, "client")];
  await greedy.join(key);
  await modest.join(key);

  greedy.socket.emit("command", { junk: "x".repeat(2 * MiB) });
  await greedy.next("disconnect");
  modest.socket.emit("command", { fence: "x".repeat(MiB / 2) });
  expect(await sd.next("command")).toEqual([{ fence: "x".repeat(MiB / 2) }]);
  expect((await ask(server.url, "GET", "/metrics")).body).toContain(
    'beeline_limited_total{limit="shipped-bytes"} 1',
  );
});

test("whoever fills the budget with messages that never end keeps nobody from sending commands", async () => {
  const { server, sd, key } = await openBudgetScene();
  const [hog, other] = [new ShippedPeer(server, "client"), new ShippedPeer(server, "client")];
  for (const peer of [hog, other]) await peer.join(key);
  const { ws } = hog.socket.io.engine.transport as unknown as {
    ws: NodeJS.EventEmitter & { _socket: Socket };
  };
  // The first frame of a message, as large as the share of its address, and a ping behind it.
  const bytes = MiB + FREE_BYTES - FRAME_HEAD.length - PING.length;
  FRAME_HEAD.writeUInt32BE(bytes, 6);
  ws._socket.write(Buffer.concat([FRAME_HEAD, Buffer.alloc(bytes, "x"), PING]));
  await once(ws, "pong");

  other.socket.emit("command", { list: "x".repeat(MiB / 2) });
  await other.next("disconnect");
  const modest = new ShippedPeer(server, "client");
  await modest.join(key);
  modest.socket.emit("command", { id: "modest" });
  expect(await sd.next("command")).toEqual([{ id: "modest" }]);
  expect(hog.count("disconnect") + modest.count("disconnect")).toBe(0);
});

test.each(["websocket", "polling"])(
  "what came of a message fills the budget until its last attachment is there (%s)",
  async (transport) => {
    const { server, sd, key } = await openBudgetScene();
    const header = `459-["command",${JSON.stringify({ _placeholder: true, num: 0 })}]`;
    const large = Buffer.alloc((3 / 4) * 0.9 * MiB);
    const rest = Array<Buffer>(8).fill(Buffer.of(1));
    const say = await (transport === "polling" ? byPolling : byWebSocket)(server, key);
    await say(header, large);

    const other = new ShippedPeer(server, "client");
    await other.join(key);
    other.socket.emit("command", { list: "x".repeat(MiB / 2) });
    const heard = sd.next("command");
    const cut = other.next("disconnect").then(() => "cut");
    expect(await Promise.race([cut, heard])).toBe("cut");

    await say(...rest);
    expect((await heard)[0]).toHaveLength(large.length);
    const modest = new ShippedPeer(server, "client");
    await modest.join(key);
    modest.socket.emit("command", { list: "x".repeat(MiB / 2) });
    expect(await sd.next("command")).toEqual([{ list: "x".repeat(MiB / 2) }]);
    expect(modest.count("disconnect")).toBe(0);
  },
);

test("a request that names another connection too counts for the one that gets it", async () => {
  const { server, key } = await openBudgetScene();
  const peer = await PollingPeer.open(server.url, "/api/socketio");
  await peer.join(key);
  expect(await peer.say([`42["command","${"x".repeat(2 * MiB)}"]`], "&sid=x")).toBe(0);
  expect((await ask(server.url, "GET", "/metrics")).body).toContain(
    'beeline_limited_total{limit="shipped-bytes"} 1',
  );
});

test.each([
  ["left", (site: ShippedPeer) => void site.socket.emit("leave")],
  [
    "was kicked out of",
    (_: ShippedPeer, { id, cookie, url }: { id: number; cookie: string; url: string }) =>
      ask(url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } }),
  ],
])("whoever %s a room may not say more than before it joined", async (_how, goes) => {
  const server = await startLinkServer();
  const { key, id, cookie } = await server.createInstance();
  const site = new ShippedPeer(server, "client");
  await site.join(key);
  site.socket.emit("command", { junk: "x".repeat(100_000) });
  await goes(site, { id, cookie, url: server.url });
  // An answer means that what was said before was handled.
  expect(await site.join("not a key")).toMatchObject({ success: false });
  expect(site.count("disconnect")).toBe(0);
  site.socket.emit("command", { junk: "x".repeat(100_000) });
  site.say("join", key);
  expect(await Promise.race([site.next("disconnect").then(() => "cut"), site.next("ack")])).toBe(
    "cut",
  );
});

test.each([
  ["shipped", (server: TestServer) => new ShippedPeer(server, "client")],
  ["our own", (server: TestServer) => new BeelinePeer(server, "client")],
])(
  "what waits to go out to %s clients has a budget; what is over it is dropped, small things are not",
  async (_kind, makeClient) => {
    const { server, sd, key } = await openBudgetScene();
    const deaf = [0, 1, 2, 3].map(() => makeClient(server));
    for (const peer of deaf) {
      await peer.join(key);
      (peer.socket.io.engine.transport as unknown as { ws: { pause(): void } }).ws.pause();
    }
    const listener = new ShippedPeer(server, "client");
    await listener.join(key);

    const dropped = async () =>
      String((await ask(server.url, "GET", "/metrics")).body).includes('limit="shipped-queue"');
    const list = { type: "resources:list", junk: "x".repeat(MiB / 2) };
    // The kernel takes a few megabytes for each of the deaf before anything waits here.
    for (let sent = 0; sent < 100 && !(await dropped()); sent++) {
      sd.socket.emit("commandStatus", list);
      await sd.join(key);
    }
    expect(await dropped()).toBe(true);
    sd.socket.emit("commandStatus", { type: "resources:add", status: "success" });
    await listener.nextWhere(
      "commandStatus",
      ({ type }: { type: string }) => type === "resources:add",
    );
    for (const peer of [...deaf, listener, sd]) expect(peer.count("disconnect")).toBe(0);
  },
);

test("a store that fails costs peers another try, never their key", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const db = new Database(join(server.dataDir, "beeline.db"));
  db.exec("ALTER TABLE instances RENAME TO away");
  const peer = new BeelinePeer(server, "extension");
  expect(await peer.join(key)).toMatchObject({ ok: false, retry: true });
  db.exec("ALTER TABLE away RENAME TO instances");
  db.close();
  expect(await peer.join(key)).toMatchObject({ ok: true });
});

test("behind a proxy that is trusted, visitors count by their own addresses, and cookies are for https", async () => {
  const server = await startLinkServer({ trustedProxies: ["127.0.0.1"], socketsPerAddress: 1 });
  const from = (address: string) => ({
    extraHeaders: { "x-forwarded-for": address, "x-forwarded-proto": "https" },
  });
  const [one, two] = ["192.0.2.1", "192.0.2.2"].map(
    (address) => new Peer(server.url, "/api/beeline", from(address)),
  );
  await Promise.all([one?.next("connect"), two?.next("connect")]);
  await new Peer(server.url, "/api/beeline", from("192.0.2.1")).next("connect_error");
  const headers = from("192.0.2.3").extraHeaders;
  const created = await ask(server.url, "POST", "/api/link", { body: {}, headers });
  expect(String(created.headers["set-cookie"])).toMatch(/Secure/);

  const plain = await startLinkServer({ socketsPerAddress: 1 });
  await new Peer(plain.url, "/api/beeline", from("192.0.2.1")).next("connect");
  await new Peer(plain.url, "/api/beeline", from("192.0.2.2")).next("connect_error");
});
