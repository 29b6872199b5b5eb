import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { Outbox, OutboxBudget } from "./outbox.ts";

/** A connection whose transport takes what it is given when the test says so. */
function connection() {
  const transport = Object.assign(new EventEmitter(), { writable: false });
  const conn = Object.assign(new EventEmitter(), { transport });
  const wait = (bytes: number) => conn.emit("packetCreate", { data: Buffer.alloc(bytes) });
  const drain = () => {
    conn.emit("flush");
    transport.writable = true;
    transport.emit("drain");
  };
  return { conn, transport, wait, drain };
}

test("bytes count from the moment they are queued until the kernel took them", () => {
  const { conn, transport, wait } = connection();
  const outbox = new Outbox({ conn }, 50);

  conn.emit("packetCreate", { data: "abc" });
  wait(100);
  conn.emit("packetCreate", {});
  expect(outbox.bytes).toBe(103);

  conn.emit("flush");
  wait(7);
  expect([outbox.bytes, outbox.fits(0), outbox.excess(), outbox.excess(3)]).toEqual([
    110,
    false,
    60,
    63,
  ]);

  transport.writable = true;
  expect([outbox.bytes, outbox.fits(43), outbox.fits(44), outbox.excess()]).toEqual([
    7,
    true,
    false,
    0,
  ]);
});

test("of what is told to one who does not read, only the newest is kept, and sent when there is room", () => {
  const { conn, wait, drain } = connection();
  const outbox = new Outbox({ conn }, 50);
  const told: number[] = [];
  const tell = (what: number) => outbox.sendNewest(() => told.push(what));
  tell(1);
  wait(51);
  for (const what of [2, 3, 4]) tell(what);
  expect([told, conn.transport.listenerCount("drain")]).toEqual([[1], 1]);
  drain();
  expect(told).toEqual([1, 4]);

  conn.transport.writable = false;
  wait(51);
  tell(5);
  outbox.forgetNewest();
  drain();
  tell(6);
  expect(told).toEqual([1, 4, 6]);

  // A transport that is replaced never drains.
  conn.transport.writable = false;
  wait(51);
  tell(7);
  const { transport } = connection();
  conn.transport = transport;
  conn.emit("upgrade", transport);
  conn.emit("flush");
  transport.writable = true;
  transport.emit("drain");
  expect(told).toEqual([1, 4, 6, 7]);
});

test("what waits for all is bounded beyond everybody's comfort, and for one address by a quarter of it", () => {
  const budget = new OutboxBudget(400);
  const [first, second, other] = ["a", "a", "b"].map((address) => {
    const { conn, wait } = connection();
    const outbox = new Outbox({ conn }, 50);
    return { outbox, wait, close: budget.add(outbox, address) };
  });
  if (first === undefined || second === undefined || other === undefined) throw new Error("three");
  const has = (bytes: number, { outbox }: typeof first) => budget.hasRoomFor(bytes, outbox);
  expect([has(150, first), has(151, first)]).toEqual([true, false]);
  first.wait(150);
  expect([has(50, second), has(51, second), has(150, other)]).toEqual([true, false, true]);
  first.close();
  expect(has(150, second)).toBe(true);

  for (const address of ["c", "d", "e", "f"]) {
    const { conn, wait } = connection();
    budget.add(new Outbox({ conn }, 50), address);
    wait(150);
  }
  expect([has(50, other), has(51, other)]).toEqual([true, false]);
});
