/** Limits that two server processes count together: guessing is not twice as quick at two doors. */

import type { Presence } from "@beeline/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster, type ClusterServer, SECRET } from "../support/cluster.ts";
import { ask, BeelinePeer, startLinkServer, type TestServer } from "../support/link-server.ts";
import { type Service, startPostgres, startRedis } from "../support/services.ts";

let postgres: Service;
let redis: Service;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));

const GUESS = "abcdef";
const from = (localAddress: string) => ({ localAddress }) as object;

async function guess({ url }: ClusterServer, address: string): Promise<string> {
  const peer = new BeelinePeer({ url }, "extension", from(address));
  const ack = await peer.join(GUESS);
  peer.socket.disconnect();
  return ack.ok ? "in" : ack.error.code;
}

async function limitedAt({ url }: ClusterServer, limit: string): Promise<number> {
  const { body } = await ask(url, "GET", "/metrics");
  const [, count = "0"] = new RegExp(`limit="${limit}"} (\\d+)`).exec(String(body)) ?? [];
  return Number(count);
}

test("failed short keys and new links are counted by both processes together", async () => {
  const cluster = await Cluster.open(postgres, redis);
  const [a, b] = await Promise.all([cluster.start(), cluster.start()]);

  const answers: string[] = [];
  for (let i = 0; i < 10; i++) answers.push(await guess(i % 2 ? a : b, "127.0.0.2"));
  expect(answers).toEqual(Array(10).fill("LINK_KEY_UNKNOWN"));
  expect([await guess(a, "127.0.0.2"), await guess(b, "127.0.0.2")]).toEqual([
    "RATE_LIMITED",
    "RATE_LIMITED",
  ]);
  // Somebody else may still pair, through either, and a key that opens costs nothing.
  for (let i = 0; i < 9; i++) await guess(b, "127.0.0.3");
  for (const [made, used] of [
    [a, b],
    [b, a],
  ] as const) {
    const { key } = await cluster.createInstance(made);
    await new BeelinePeer({ url: used.url }, "extension", from("127.0.0.3")).enter(key);
  }
  expect([await guess(a, "127.0.0.3"), await guess(a, "127.0.0.3")]).toEqual([
    "LINK_KEY_UNKNOWN",
    "RATE_LIMITED",
  ]);
  expect([
    await limitedAt(a, "short-key-address"),
    await limitedAt(b, "short-key-address"),
  ]).toEqual([2, 1]);

  const posts = Array.from({ length: 80 }, (_, i) =>
    ask((i % 2 ? a : b).url, "POST", "/api/link", { body: {} }),
  );
  const statuses = (await Promise.all(posts)).map(({ status }) => status);
  const created = statuses.filter((status) => status === 200).length;
  // 60 at once, two of them taken above, and one in ten seconds; two processes that counted alone would make all 80.
  expect(created).toBeGreaterThanOrEqual(58);
  expect(created).toBeLessThan(70);
  expect(statuses.filter((status) => status === 429)).toHaveLength(80 - created);
});

const TURN = { urls: ["turn:127.0.0.1:1"], secret: "the secret of a TURN server" };
const DIRECT = { capabilities: ["session/1", "direct/1"] };

/** How many credentials a new pair gets, whose both sides are on `server`. */
async function pairFor(server: TestServer, browser: TestServer["browser"]): Promise<number> {
  server.browser.cookie = browser.cookie;
  const { key, cookie } = await server.createInstance();
  browser.cookie = cookie;
  const client = new BeelinePeer(server, "client");
  const extension = new BeelinePeer(server, "extension");
  await client.enter(key, DIRECT);
  await extension.enter(key, DIRECT);
  await extension.next("presence");
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  return client.count("iceServers") + extension.count("iceServers");
}

test("TURN credentials are counted by both processes together, but for one pair on each", async () => {
  const turn = { ...TURN, perUserHour: 4, perHour: 8 };
  const secret = SECRET;
  const shared = { databaseUrl: postgres.url, redisUrl: `${redis.url}/1`, secret, turn };
  const [a, b] = await Promise.all([startLinkServer(shared), startLinkServer(shared)]);
  const [ann, bob, cat] = [{ cookie: undefined }, { cookie: undefined }, { cookie: undefined }];

  // Four for Ann, and two that the other process gave out before it heard of those.
  const forAnn = [await pairFor(a, ann), await pairFor(a, ann)];
  forAnn.push(await pairFor(b, ann), await pairFor(b, ann), await pairFor(a, ann));
  expect(forAnn).toEqual([2, 2, 2, 0, 0]);
  // The eight of all: six for Ann and two for Bob, and two that the other process did not know of.
  const forOthers = [await pairFor(a, bob), await pairFor(a, bob)];
  forOthers.push(await pairFor(b, cat), await pairFor(b, cat));
  expect(forOthers).toEqual([2, 0, 2, 0]);
});
