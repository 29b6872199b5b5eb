/**
 * Store, room and sockets change one after another, and what comes in between leaves nobody behind:
 * joins that were given up although they happened, joins that cross the end of a link, and leaves and
 * deletions that the room did not take.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "@beeline/protocol";
import pino from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { Instances } from "./instances.ts";
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

/** As a Redis that is full: what is there can be read, and nothing be written. */
class FullRooms extends LocalRooms {
  isFull = false;

  override async change(...args: Parameters<RoomDirectory["change"]>): Promise<void> {
    const [instanceId, next, first] = args;
    return super.change(
      instanceId,
      async (current) => {
        const change = await next(current);
        if (this.isFull && change !== undefined) throw new Error("OOM");
        return change;
      },
      first,
    );
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
  /** Ends of the pauses that somebody makes now, oldest first. */
  const pauses: (() => void)[] = [];
  const wait = () => new Promise<void>((resolve) => void pauses.push(resolve));
  const board = new Switchboard({ store, rooms, keyring, log, now, wait, meter });
  await board.start();
  const instances = new Instances(store, board, 1, now);
  const key = drawShortKey();
  const draft = { userId: "ann", key, keyExpiresAtMs: now() + 60_000, origin: null };
  const made = await store.create({ ...draft, createdAtMs: now() }, 1);
  if (made === "key-taken" || made.outcome !== "created") throw new Error("not created");

  const heard: string[] = [];
  const line: Line = {
    id: "socket-1",
    kind: "beeline",
    address: "192.0.2.1",
    user: async () => "ann",
    presence: () => {},
    rekeyed: () => {},
    kicked: () => void heard.push("kicked"),
    drop: () => {},
    reconnect: () => {},
    deliver: () => true,
  };
  const profile = { name: "", capabilities: [], installation: undefined };
  const answers: JoinOutcome[] = [];
  const enter = (role: Role = "client", id = line.id) =>
    board.join({ ...line, id }, key, { ...profile, role }, (outcome) => void answers.push(outcome));
  const { id } = made.instance;
  const inRoom = async () => (await board.present(id)).map((member) => member.id);
  return { rooms, board, store, instances, made, id, answers, enter, inRoom, heard, pauses };
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

test("a deletion that the room did not take is repeated until it does, and kicks who is there", async () => {
  const { rooms, instances, id, enter, inRoom, heard, pauses } = await openBoard(
    new FullRooms(Date.now),
  );
  await enter();
  rooms.isFull = true;
  await expect(instances.remove("ann", id)).rejects.toThrow("OOM");
  pauses.shift()?.();
  await expect.poll(() => pauses.length).toBe(1);
  expect(heard).toEqual([]);
  rooms.isFull = false;
  pauses.shift()?.();
  await expect.poll(() => heard).toEqual(["kicked"]);
  expect(await inRoom()).toEqual([]);
  expect(await instances.remove("ann", id)).toBe(false);
});

test("a deletion whose answer the store lost is found out, and one that failed kicks nobody", async () => {
  const { rooms, store, instances, id, enter, inRoom, heard, pauses } = await openBoard(
    new LocalRooms(Date.now),
  );
  await enter();
  const looks = vi.spyOn(store, "list");
  const remove = store.remove.bind(store);
  store.remove = () => Promise.reject(new Error("connection lost before"));
  await expect(instances.remove("ann", id)).rejects.toThrow("before");
  pauses.shift()?.();
  await expect.poll(() => looks.mock.calls.length).toBe(1);
  await rooms.change(id, async () => undefined);
  expect([heard, await inRoom()]).toEqual([[], ["socket-1"]]);

  store.remove = async (...args) => {
    await remove(...args);
    throw new Error("connection lost after");
  };
  await expect(instances.remove("ann", id)).rejects.toThrow("after");
  expect(heard).toEqual([]);
  pauses.shift()?.();
  await expect.poll(() => heard).toEqual(["kicked"]);
});

test("a room that is left over from a deletion ends when its owner, and nobody else, deletes it again", async () => {
  const { store, instances, id, enter, inRoom, heard } = await openBoard(new LocalRooms(Date.now));
  await enter();
  await store.remove("ann", id);
  expect(await instances.remove("bob", id)).toBe(false);
  expect(heard).toEqual([]);
  expect(await instances.remove("ann", id)).toBe(true);
  expect([heard, await inRoom()]).toEqual([["kicked"], []]);
  expect(await instances.remove("ann", id)).toBe(false);
});

test("a leave that the room did not take is repeated until it does, unless the peer is back", async () => {
  const { rooms, board, enter, inRoom, pauses } = await openBoard(new FullRooms(Date.now));
  await enter();
  await enter("client", "socket-2");
  rooms.isFull = true;
  await board.leave("socket-2");
  pauses.shift()?.();
  await expect.poll(() => pauses.length).toBe(1);
  rooms.isFull = false;
  expect(await inRoom()).toEqual(["socket-1", "socket-2"]);
  pauses.shift()?.();
  await expect.poll(inRoom).toEqual(["socket-1"]);

  rooms.isFull = true;
  await board.leave("socket-1");
  rooms.isFull = false;
  await enter();
  pauses.shift()?.();
  await enter();
  expect(await inRoom()).toEqual(["socket-1"]);
});

test("the owner sees who paired although nothing can be written after the new key", async () => {
  const { store, made, enter } = await openBoard(new LocalRooms(Date.now));
  await enter();
  store.recordPairing = () => Promise.reject(new Error("the process is gone"));
  await enter("extension", "socket-2");
  const [paired] = await store.list("ann");
  expect(paired).toMatchObject({ id: made.instance.id, activated: true });
  expect(paired?.pairing?.peers.map(({ role }) => role)).toEqual(["client", "extension"]);
});
