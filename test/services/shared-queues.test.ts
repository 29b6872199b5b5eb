/** What waits between two server processes: for a receiver that does not read, and for Redis. */

import { randomBytes } from "node:crypto";
import { MAX_RELAY_FRAME_BYTES, type Presence } from "@beeline/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  BeelinePeer,
  type Peer,
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
const RECORD = new Uint8Array(MAX_RELAY_FRAME_BYTES);

async function openTwo(): Promise<[TestServer, TestServer]> {
  const shared = { databaseUrl: postgres.url, redisUrl: redis.url, secret: SECRET };
  return Promise.all([startLinkServer(shared), startLinkServer(shared)]);
}

/** A client of a new user on one server and an extension on the other, paired. */
async function pairAcross(a: TestServer, b: TestServer) {
  a.browser.cookie = undefined;
  const { key } = await a.createInstance();
  const client = new BeelinePeer(a, "client");
  const extension = new BeelinePeer(b, "extension");
  await client.enter(key);
  const { peerId: extensionId } = await extension.enter(key);
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  return { client, extension, extensionId };
}

/** Resolves once everything that `peer` said before was handled by its server. */
async function handled(peer: Peer): Promise<void> {
  peer.socket.emit("relay", "fence", Uint8Array.of());
  await peer.nextWhere("undeliverable", (to: string) => to === "fence");
}

test("a receiver that does not read on another process costs 2 MiB, and its sender is told", async () => {
  const [a, b] = await openTwo();
  const { client, extension, extensionId } = await pairAcross(a, b);
  const { ws } = extension.socket.io.engine.transport as unknown as {
    ws: { pause(): void; resume(): void };
  };
  ws.pause();
  let sent = 0;
  // The kernel takes some megabytes before anything waits there, and Redis holds some on the way.
  for (; sent < 2_000 && client.count("limited") === 0; sent += 20) {
    for (let i = 0; i < 20; i++) client.socket.emit("relay", extensionId, RECORD);
    await handled(client);
  }
  expect(await client.next("limited")).toEqual([
    { code: "LIMIT_EXCEEDED", message: "the receiver does not keep up", retryAfterMs: 64 },
  ]);
  expect(b.server.metrics().droppedRecords).toBeGreaterThan(0);
  expect(a.server.metrics()).toMatchObject({ relayedRecords: sent, droppedRecords: 0 });

  ws.resume();
  client.socket.emit("relay", extensionId, Uint8Array.of(7));
  for (;;) {
    const [, bytes] = (await extension.next("relay")) as [string, Uint8Array];
    if (bytes.length === 1) break;
  }
});

test("whoever fills what waits for Redis keeps no other user's records from passing", async () => {
  const [a, b] = await openTwo();
  const flooder = await pairAcross(a, b);
  const other = await pairAcross(a, b);
  await redisSays(redis.port, "CLIENT PAUSE 2000 ALL");
  for (let i = 0; i < 300; i++) {
    flooder.client.socket.emit("relay", flooder.extensionId, RECORD);
  }
  await flooder.client.next("limited");
  await handled(flooder.client);
  other.client.socket.emit("relay", other.extensionId, Uint8Array.of(7));
  await handled(other.client);
  expect(other.client.count("limited")).toBe(0);
  expect([...((await other.extension.next("relay"))[1] as Uint8Array)]).toEqual([7]);
});
