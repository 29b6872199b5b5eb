/** An extension whose connection dies before it hears the lasting key gets it when it comes back. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LinkKey } from "@beeline/protocol";
import { expect, onTestFinished, test } from "vitest";
import {
  ask,
  BeelinePeer,
  type Peer,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";
import { heirsOf } from "./heirs.ts";
import { createKeyring, drawLastingKey, loadSecret } from "./keyring.ts";
import { openSqliteStore } from "./sqlite-store.ts";

/** What the peer is sent from now on stays in the kernel, as on a line that is dead already. */
async function stopHearing(peer: Peer): Promise<{ die(): void }> {
  await peer.next("connect");
  const { ws } = peer.socket.io.engine.transport as unknown as {
    ws: { pause(): void; terminate(): void };
  };
  ws.pause();
  return { die: () => ws.terminate() };
}

/** A page has the lasting key; the extension that replaced the short one was cut off before. */
async function cutOffWhilePairing(kind: "shipped" | "beeline") {
  const clock = { nowMs: Date.UTC(2026, 0, 2) };
  const server = await startLinkServer({ now: () => clock.nowMs });
  const { id, key: shortKey, cookie } = await server.createInstance();
  const page = new BeelinePeer(server, "client");
  await page.enter(shortKey);
  const first =
    kind === "shipped" ? new ShippedPeer(server, "sd") : new BeelinePeer(server, "extension");
  const line = await stopHearing(first);
  const join = { version: 1, role: "extension", key: shortKey, installId: "one of a kind 1" };
  first.socket.emit("join", kind === "shipped" ? shortKey : join, () => {});
  const [{ key }] = (await page.next("rekey")) as [{ key: string }];
  const peersSeen = async () =>
    (await ask(server.url, "GET", `/api/link/${id}/peers`, { headers: { cookie } })).body as {
      pairing: { peers: { role: string }[] };
    };
  return { clock, server, id, shortKey, key, cookie, page, line, peersSeen };
}

test("our extension, cut off at the pairing, comes back by the short key and hears the lasting one", async () => {
  const { server, shortKey, key, page, line, peersSeen } = await cutOffWhilePairing("beeline");
  line.die();
  const thief = new BeelinePeer(server, "extension");
  expect(await thief.join(shortKey, { installId: "another kind 123" })).toMatchObject({
    ok: false,
    error: { code: "LINK_KEY_UNKNOWN" },
  });
  const again = new BeelinePeer(server, "extension");
  await again.enter(shortKey, { installId: "one of a kind 1" });
  expect(await again.next("rekey")).toEqual([{ key }]);
  await again.next("presence");
  expect(again.story).toEqual(["ack", "rekey", "presence"]);
  // The page has the key already.
  expect(page.count("rekey")).toBe(1);
  expect((await peersSeen()).pairing.peers.map(({ role }) => role)).toEqual([
    "client",
    "extension",
    "extension",
  ]);
});

test("an extension that has heard the lasting key cannot use the short one again", async () => {
  const server = await startLinkServer();
  const { key: shortKey } = await server.createInstance();
  const page = new BeelinePeer(server, "client");
  await page.enter(shortKey);
  const first = new BeelinePeer(server, "extension");
  const { peerId } = await first.enter(shortKey, { installId: "one of a kind 1" });
  await first.next("presence");
  // Said after its pong, so that the server has heard that too.
  first.socket.emit("signal", page.socket.id, { fence: true });
  expect(await page.next("signal")).toEqual([peerId, { fence: true }]);
  first.socket.disconnect();
  const again = new BeelinePeer(server, "extension");
  expect(await again.join(shortKey, { installId: "one of a kind 1" })).toMatchObject({
    ok: false,
    retry: false,
  });
  expect(await page.join(shortKey)).toMatchObject({ ok: false });
});

test("the lasting key, once an extension has used it, ends what the short one still opened", async () => {
  const { server, shortKey, key, line } = await cutOffWhilePairing("beeline");
  line.die();
  const other = new BeelinePeer(server, "extension");
  await other.enter(key, { installId: "another kind 123" });
  const again = new BeelinePeer(server, "extension");
  expect(await again.join(shortKey, { installId: "one of a kind 1" })).toMatchObject({ ok: false });
});

test("what a lost pairing leaves open ends with the short key's life, and with a new key", async () => {
  const lost = await cutOffWhilePairing("beeline");
  lost.clock.nowMs += 10 * 60_000;
  const late = new BeelinePeer(lost.server, "extension");
  expect(await late.join(lost.shortKey, { installId: "one of a kind 1" })).toMatchObject({
    ok: false,
  });

  const other = await cutOffWhilePairing("beeline");
  const { server, id, cookie, shortKey } = other;
  await ask(server.url, "POST", "/api/link", { body: { id }, headers: { cookie } });
  const back = new BeelinePeer(server, "extension");
  expect(await back.join(shortKey, { installId: "one of a kind 1" })).toMatchObject({ ok: false });
});

test("a shipped extension that was cut off comes back by itself once the old socket cannot be alive", async () => {
  const { clock, server, shortKey, key, page } = await cutOffWhilePairing("shipped");
  const elsewhere = new ShippedPeer(server, "sd", { localAddress: "127.0.0.2" } as object);
  expect(await elsewhere.join(shortKey)).toMatchObject({ success: false });
  await elsewhere.next("kicked");

  // Ten seconds in which the first one could still answer; then, although its socket is not closed.
  const again = new ShippedPeer(server, "sd", { reconnection: true, reconnectionDelay: 1 });
  expect(await again.join(shortKey)).toMatchObject({ success: false });
  await again.next("disconnect");
  await again.next("connect");
  await again.next("connect");
  clock.nowMs += 10_000;
  expect(await again.join(shortKey)).toEqual({ success: true, msg: "Joined" });
  expect(await again.next("upgradeKey")).toEqual([{ key }]);
  expect(again.count("kicked")).toBe(0);
  const isServed = ({ peers }: { peers: { id: string; active: boolean }[] }) =>
    peers.some(({ id, active }) => active && id === again.socket.id);
  await page.nextWhere("presence", isServed);
});

test("a server that died between the new key and the room lets both sides come back", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "beeline-lost-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const before = await startLinkServer({ dataDir });
  const { key: shortKey, cookie } = await before.createInstance();
  await before.server.close();

  const keyring = createKeyring(loadSecret(dataDir));
  const store = openSqliteStore(dataDir, keyring);
  const found = await store.find(shortKey as LinkKey, Date.now());
  const extension = { role: "extension", kind: "beeline", address: "192.0.2.1" } as const;
  const heir = { ...extension, installation: "one of a kind 1" };
  const heirs = heirsOf(heir, undefined, found?.userId ?? "", keyring);
  const key = drawLastingKey();
  await store.activate(shortKey as LinkKey, key, Date.now(), heirs, { atMs: 0, peers: [] });
  await store.close();

  const server = await startLinkServer({ dataDir });
  const page = new BeelinePeer({ url: server.url, browser: { cookie } }, "client");
  await page.enter(shortKey);
  expect(await page.next("rekey")).toEqual([{ key }]);
  const again = new BeelinePeer(server, "extension");
  await again.enter(shortKey, { installId: "one of a kind 1" });
  expect(await again.next("rekey")).toEqual([{ key }]);
  const stranger = new BeelinePeer({ url: server.url }, "client");
  expect(await stranger.join(shortKey)).toMatchObject({ ok: false });
});
