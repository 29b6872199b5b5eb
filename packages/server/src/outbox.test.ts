import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { watchOutbox } from "./outbox.ts";

test("bytes count from the moment they are queued until the kernel took them", () => {
  const transport = { writable: false };
  const conn = Object.assign(new EventEmitter(), { transport });
  const queuedBytes = watchOutbox({ conn });

  conn.emit("packetCreate", { data: "abc" });
  conn.emit("packetCreate", { data: Buffer.alloc(100) });
  conn.emit("packetCreate", {});
  expect(queuedBytes()).toBe(103);

  conn.emit("flush");
  conn.emit("packetCreate", { data: Buffer.alloc(7) });
  expect(queuedBytes()).toBe(110);

  transport.writable = true;
  expect(queuedBytes()).toBe(7);
});
