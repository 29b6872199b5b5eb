import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PEER_SOCKET_PATH } from "@beeline/protocol";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import {
  ask,
  BeelinePeer,
  Peer,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";
import { createLinkServer } from "./index.ts";

test("bad options are refused, each by its name", () => {
  const options = {
    dataDir: tmpdir(),
    port: 70_000,
    allowedOrigins: ["not an origin"],
    publicHosts: ["https://x"],
    logger: pino({ level: "silent" }),
  };
  expect(() => createLinkServer(options)).toThrow(/port[\s\S]*allowedOrigins[\s\S]*publicHosts/);
});

test("close is quick, idempotent, and leaves peers free to reconnect by themselves", async () => {
  const { server, createInstance, ...at } = await startLinkServer();
  const { key } = await createInstance();
  const client = new BeelinePeer(at, "client");
  const site = new ShippedPeer(at, "client");
  const polling = new Peer(at.url, PEER_SOCKET_PATH, { transports: ["polling"] });
  await client.enter(key);
  await site.join(key);
  await polling.next("connect");

  await Promise.all([server.close(), server.close()]);

  for (const peer of [client, site, polling]) {
    // "io server disconnect" is the reason after which socket.io clients stay away for good.
    expect((await peer.next("disconnect"))[0]).not.toBe("io server disconnect");
  }
  await expect(ask(at.url, "GET", "/healthz")).rejects.toThrow("ECONNREFUSED");
});

test("a server that never listened closes too", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "beeline-server-"));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  await createLinkServer({ dataDir, port: 0, logger: pino({ level: "silent" }) }).close();
});

test("a server that starts again knows the links of before", async () => {
  const first = await startLinkServer();
  const { key } = await first.createInstance();
  const extension = new BeelinePeer(first, "extension");
  await extension.enter(key);
  const [{ key: lasting }] = (await extension.next("rekey")) as [{ key: string }];
  await first.server.close();

  const second = await startLinkServer({ dataDir: first.dataDir });
  expect(await new BeelinePeer(second, "extension").join(lasting)).toMatchObject({ ok: true });
});

test("peers are told the server's own STUN under the name they reached it by", async () => {
  const turn = { urls: "turn:turn.example", username: "u", credential: "c" };
  const server = await startLinkServer({
    host: "0.0.0.0",
    publicHosts: ["link.example"],
    iceServers: [turn],
  });
  const { key } = await server.createInstance();
  const heardBy = async (host: string) => {
    const peer = new BeelinePeer(server, "client", { extraHeaders: { host } });
    return (await peer.enter(key)).iceServers;
  };

  expect(await heardBy("link.example")).toEqual([
    turn,
    { urls: `stun:link.example:${server.stunPort}` },
  ]);
  expect(await heardBy("192.0.2.7:1234")).toEqual([
    turn,
    { urls: `stun:192.0.2.7:${server.stunPort}` },
  ]);
  expect(await heardBy("localhost")).toEqual([turn]);
  expect(server.stunPort).toBe(server.port);
});

test("a server bound to loopback, or with STUN off, advertises none", async () => {
  for (const options of [
    { publicHosts: ["link.example"] },
    { host: "0.0.0.0", stunPort: false } as const,
  ]) {
    const server = await startLinkServer(options);
    const { key } = await server.createInstance();
    const host = "publicHosts" in options ? "link.example" : "192.0.2.7";
    const peer = new BeelinePeer(server, "client", { extraHeaders: { host } });
    expect((await peer.enter(key)).iceServers).toEqual([]);
  }
});
