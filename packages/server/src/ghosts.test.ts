/**
 * Joins that cross something else: those that were given up although they happened leave nobody in a
 * room without a socket, and those that cross the end of a link open nothing.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createKeyring, drawShortKey } from "./keyring.ts";
import type { JoinOutcome, Line } from "./line.ts";
import { LocalRooms, type RoomDirectory } from "./room-directory.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { Switchboard } from "./switchboard.ts";

/** Changes happen, but whoever asked is told that they did not, as long as `isSlow`. */
class SlowRooms extends LocalRooms {
  isSlow = false;
  /** The last one that happened too late. */
  late: Promise<void> = Promise.resolve();

  override async change(...args: Parameters<RoomDirectory["change"]>): Promise<void> {
    const [instanceId, next, first] = args;
    if (!this.isSlow) return super.change(instanceId, next, first);
    this.isSlow = false;
    const given = await super.read(instanceId);
    const change = await next(given);
    // It is published only after the one who asked has given up.
    this.late = new Promise<void>((resolve) => setImmediate(resolve)).then(() =>
      super.change(instanceId, async () => change),
    );
    throw new Error("redis did not publish a change");
  }
}

/** Of several processes: a change that something came between is tried again on what is there then. */
class RacingRooms extends LocalRooms {
  /** What comes between the reading and the writing of the next change. */
  between: () => Promise<unknown> = async () => {};
  #version = 0;

  override async change(...args: Parameters<RoomDirectory["change"]>): Promise<void> {
    const [instanceId, next, first] = args;
    for (;;) {
      const version = this.#version;
      const change = await next(await super.read(instanceId));
      const { between } = this;
      this.between = async () => {};
      await between();
      if (change === undefined) return;
      if (version !== this.#version) continue;
      this.#version++;
      return super.change(instanceId, async () => change, first);
    }
  }
}

async function openBoard<R extends RoomDirectory>(rooms: R) {
  const dir = await mkdtemp(join(tmpdir(), "beeline-ghost-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const keyring = createKeyring(Buffer.alloc(32, 7));
  const store = openSqliteStore(dir, keyring);
  onTestFinished(() => store.close());
  const now = Date.now;
  const meter = { joined: () => {}, limited: () => {}, undelivered: () => {}, left: () => {} };
  const log = pino({ level: "silent" });
  const board = new Switchboard({ store, rooms, keyring, log, now, wait: async () => {}, meter });
  await board.start();
  const key = drawShortKey();
  const draft = { userId: "ann", key, keyExpiresAtMs: now() + 60_000, origin: null };
  const made = await store.create({ ...draft, createdAtMs: now() }, 1);
  if (made === "key-taken" || made.outcome !== "created") throw new Error("not created");

  const line: Line = {
    id: "socket-1",
    kind: "beeline",
    address: "192.0.2.1",
    user: async () => "ann",
    presence: () => {},
    rekeyed: () => {},
    kicked: () => {},
    drop: () => {},
    reconnect: () => {},
    deliver: () => true,
  };
  const profile = { role: "client", name: "", capabilities: [], installation: undefined } as const;
  const answers: JoinOutcome[] = [];
  const enter = () => board.join(line, key, profile, (outcome) => void answers.push(outcome));
  return { rooms, board, store, made, answers, enter };
}

test("a link that is deleted while somebody enters its empty room lets nobody in", async () => {
  const opened = await openBoard(new RacingRooms(Date.now));
  const { rooms, board, store, made, answers, enter } = opened;
  rooms.between = () =>
    board.revokeAfter(made.instance.id, async () => {
      const result = await store.remove("ann", made.instance.id);
      return { revoked: result, result };
    });
  await enter();
  expect(answers).toMatchObject([{ ok: false, error: { code: "LINK_KEY_UNKNOWN" }, retry: false }]);
  expect(await board.present(made.instance.id)).toEqual([]);
});

test("a join that comes true too late leaves nobody behind, and the same socket can join again", async () => {
  const opened = await openBoard(new SlowRooms(Date.now));
  const { rooms, board, made, answers, enter } = opened;

  rooms.isSlow = true;
  await enter();
  expect(answers.at(-1)).toMatchObject({ ok: false, retry: true });
  await rooms.late;
  await expect.poll(async () => rooms.read(made.instance.id)).toBeUndefined();
  expect(board.roomCount).toBe(0);

  rooms.isSlow = true;
  await enter();
  await enter();
  expect(answers.at(-1)).toMatchObject({ ok: true });
  await rooms.late;
  const members = (await rooms.read(made.instance.id))?.room.members;
  expect(members?.map(({ id }) => id)).toEqual(["socket-1"]);
  await board.leave("socket-1");
  expect(await board.present(made.instance.id)).toEqual([]);
});
