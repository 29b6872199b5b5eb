/** A process that was only slow enters rooms while it is taken for dead, and then dies for good. */

import { randomBytes } from "node:crypto";
import pino from "pino";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { findService } from "../../../scripts/services.mjs";
import { deferred } from "../../../test/support/link-server.ts";
import { redisSays } from "../../../test/support/redis-command.ts";
import { type Service, startRedis } from "../../../test/support/services.ts";
import { createKeyring } from "./keyring.ts";
import { RedisRooms } from "./redis-rooms.ts";
import type { RoomState } from "./room-directory.ts";

/** `npm test` gets Redis or says what to type; with CI set, its absence is a failure. */
const HAS_REDIS = process.env.CI !== undefined || findService("redis-server") !== undefined;
/** A process is missed within eight seconds, and a busy machine is late. */
const GONE_MS = 20_000;

let redis: Service;
beforeAll(async () => {
  if (HAS_REDIS) redis = await startRedis();
}, GONE_MS);
afterAll(() => redis?.stop());

async function openRooms(log: string[] = []): Promise<RedisRooms> {
  const logger = pino({ level: "debug" }, { write: (line: string) => void log.push(line) });
  const keyring = createKeyring(randomBytes(32));
  const rooms = new RedisRooms({ url: redis.url, keyring, log: logger });
  await rooms.start({
    changed: (_id, _change, first) => first(),
    parcel: () => {},
    lost: () => {},
  });
  onTestFinished(() => rooms.close());
  return rooms;
}

/** One that gives no sign of life, but answers and changes rooms. */
async function openSlowRooms(): Promise<RedisRooms> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const rooms = await openRooms();
  vi.useRealTimers();
  return rooms;
}

function enter(rooms: RedisRooms, instanceId: number): Promise<void> {
  const member = {
    id: `peer ${instanceId}`,
    role: "client",
    kind: "beeline",
    name: "",
    capabilities: [],
    installation: undefined,
    active: false,
    process: rooms.processName,
    address: "192.0.2.1",
    isOwner: true,
    sinceMs: 0,
  } as const;
  const common = { keyDigest: "a digest", instanceName: null, userId: "ann", guest: undefined };
  const state: RoomState = { ...common, room: { members: [member] } };
  return rooms.change(instanceId, async () => ({ state, effects: [] }));
}

test.skipIf(!HAS_REDIS)(
  "rooms that a slow process entered while others gave it up, or later, do not keep its members for good",
  { timeout: 3 * GONE_MS },
  async () => {
    const slow = await openSlowRooms();
    const log: string[] = [];
    const living = await openRooms(log);
    const membersOf = async (id: number) => (await living.read(id))?.room.members.length;
    await enter(slow, 1);

    // The living one has read where the slow one is, and waits for its turn in the first of these rooms.
    const gate = deferred<void>();
    const turn = living.change(1, async () => {
      await gate.promise;
      return undefined;
    });
    await redisSays(redis.port, `ZADD beeline:processes 1 ${slow.processName}`);
    await expect
      .poll(() => log.some((line) => line.includes("is gone")), { timeout: GONE_MS })
      .toBe(true);
    // A burial that takes its time does not make its process look dead.
    const since = Date.now() + 1;
    const lively = () => redisSays(redis.port, `ZCOUNT beeline:processes ${since} +inf`);
    await expect.poll(lively, { timeout: GONE_MS }).toBe(":1");
    await enter(slow, 2);
    gate.resolve();
    await turn;
    await expect.poll(() => membersOf(1), { timeout: GONE_MS }).toBe(0);
    await expect.poll(() => membersOf(2), { timeout: GONE_MS }).toBe(0);

    const isListed = async () =>
      (await redisSays(redis.port, `ZSCORE beeline:processes ${slow.processName}`)) !== "$-1";
    await expect.poll(isListed, { timeout: GONE_MS }).toBe(false);
    await enter(slow, 3);
    await expect.poll(() => membersOf(3), { timeout: GONE_MS }).toBe(0);
  },
);

test.skipIf(!HAS_REDIS)(
  "a Redis that stood still for seven seconds buries nobody who lives",
  { timeout: 3 * GONE_MS },
  async () => {
    const log: string[] = [];
    const living = [await openRooms(log), await openRooms(log)];
    for (const [at, rooms] of living.entries()) await enter(rooms, 10 + at);
    await redisSays(redis.port, "CLIENT PAUSE 7000 ALL");
    // Answered when it goes on.
    await living[0]?.read(10);
    // Both have beaten twice again.
    const since = Date.now() + 9_000;
    const lively = () => redisSays(redis.port, `ZCOUNT beeline:processes ${since} +inf`);
    await expect.poll(lively, { timeout: GONE_MS }).toBe(":2");
    const gone = log.filter((line) => line.includes("is gone"));
    for (const [at, rooms] of living.entries()) {
      expect(gone.filter((line) => line.includes(rooms.processName))).toEqual([]);
      expect((await rooms.read(10 + at))?.room.members).toHaveLength(1);
    }
  },
);
