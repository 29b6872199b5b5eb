/** Limits that two server processes count together: guessing is not twice as quick at two doors. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster, type ClusterServer } from "../support/cluster.ts";
import { ask, BeelinePeer } from "../support/link-server.ts";
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
