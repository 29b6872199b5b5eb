/** What comes from another process and cannot be delivered here. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createKeyring } from "./keyring.ts";
import { type DirectoryEvents, LocalRooms, type Parcel } from "./room-directory.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { Switchboard } from "./switchboard.ts";

/** Rooms whose other processes are this test. */
class HeardRooms extends LocalRooms {
  readonly sent: [process: string, parcel: Parcel][] = [];
  hear: DirectoryEvents["parcel"] = () => {};

  override async start(events: DirectoryEvents): Promise<void> {
    this.hear = (parcel, by) => events.parcel(parcel, by);
    await super.start(events);
  }

  override send(process: string, parcel: Parcel): boolean {
    this.sent.push([process, parcel]);
    return true;
  }
}

async function openRooms(): Promise<HeardRooms> {
  const dir = await mkdtemp(join(tmpdir(), "beeline-parcels-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const keyring = createKeyring(Buffer.alloc(32, 7));
  const store = openSqliteStore(dir, keyring);
  onTestFinished(() => store.close());
  const rooms = new HeardRooms(Date.now);
  const board = new Switchboard({
    store,
    rooms,
    keyring,
    log: pino({ level: "silent" }),
    now: Date.now,
    wait: async () => {},
    meter: { joined: () => {}, limited: () => {}, undelivered: () => {}, left: () => {} },
  });
  await board.start();
  return rooms;
}

test("a record for somebody who has left is answered to the sender's process, and an answer by nothing", async () => {
  const rooms = await openRooms();
  rooms.hear({ kind: "relay", from: "client", to: "left", bytes: Uint8Array.of(1) }, "other");
  const answer = { kind: "refused", from: "left", to: "client", because: "gone" } as const;
  expect(rooms.sent).toEqual([["other", answer]]);

  rooms.hear(answer, "other");
  rooms.hear({ ...answer, because: "full" }, "other");
  expect(rooms.sent).toHaveLength(1);
});
