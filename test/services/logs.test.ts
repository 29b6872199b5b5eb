/** What servers that share Redis and PostgreSQL log when these fail them. */

import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { ask, BeelinePeer, startLinkServer } from "../support/link-server.ts";
import { redisSays } from "../support/redis-command.ts";
import { startPostgres, startRedis } from "../support/services.ts";

test("errors of Redis and PostgreSQL are logged without the commands and rows that failed", async () => {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  onTestFinished(async () => void (await Promise.all([postgres.stop(), redis.stop()])));
  const secret = randomBytes(32).toString("hex");
  const shared = { databaseUrl: postgres.url, redisUrl: redis.url, secret };
  const [a, b] = await Promise.all([startLinkServer(shared), startLinkServer(shared)]);
  const { key: shortKey, cookie } = await a.createInstance();
  const client = new BeelinePeer(a, "client");
  await client.enter(shortKey);
  const extension = new BeelinePeer(b, "extension");
  await extension.enter(shortKey, { installId: "installation-0123456789", name: "a-telling-name" });
  const [{ key }] = (await client.next("rekey")) as [{ key: string }];

  // Redis answers every write with an error that carries the whole command.
  await redisSays(redis.port, "CONFIG SET maxmemory 1");
  const late = new BeelinePeer(b, "client");
  expect(await late.join(key, { name: "a-telling-name" })).toMatchObject({
    ok: false,
    retry: true,
  });
  extension.socket.disconnect();
  await redisSays(redis.port, "CONFIG SET maxmemory 0");
  expect(await late.join(key, { name: "a-telling-name" })).toMatchObject({ ok: true });
  await postgres.kill();
  expect(await new BeelinePeer(a, "extension").join("abcdef")).toMatchObject({ retry: true });
  await ask(a.url, "GET", "/api/link", { headers: { cookie } });

  const log = [...a.logged, ...b.logged].join("");
  expect(log).toContain("OOM");
  expect(log).toContain("join failed");
  expect(log).toContain("request failed");
  const secrets = [secret, key, cookie.split("=")[1] ?? "?", "installation-0123456789"];
  for (const text of [...secrets, "a-telling-name", '"args"', '"Buffer"', "Failing row"]) {
    for (const bytes of [text, Buffer.from(text).toString("hex"), [...Buffer.from(text)].join()]) {
      expect(log).not.toContain(bytes);
    }
  }
});
