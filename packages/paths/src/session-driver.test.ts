import { BeelineError, PRIORITY, type StreamHeader } from "@beeline/protocol";
import { expect, onTestFinished, test } from "vitest";
import type { Clock } from "./clock.ts";
import { collectMessages, openPair, PipePath } from "./testing/session-pair.ts";

const CALL: StreamHeader = {
  kind: "call",
  id: "00000000-0000-4000-8000-000000000001",
  have: [],
};

/** A clock that stands still, and the timers that wait on it. */
class HeldClock implements Clock {
  now = 0;
  readonly timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs = (): number => this.now;

  after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.now + delayMs, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  /** Runs whatever is due until `ms` later. */
  advance(ms: number): void {
    const endMs = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(({ atMs }) => atMs <= endMs);
      const next = due.sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.timers.delete(next);
      this.now = Math.max(this.now, next.atMs);
      next.callback();
    }
    this.now = endMs;
  }
}

test("a session has one timer at a time, and none once it is stopped", () => {
  const clock = new HeldClock();
  const { client, extension } = openPair(clock);
  const stream = client.exchange.openMessages(CALL, PRIORITY.control);
  for (let n = 0; n < 50; n += 1) {
    stream.send(n);
    client.driver.run();
    expect(clock.timers.size).toBeLessThanOrEqual(2);
  }
  client.driver.stop();
  extension.driver.stop();
  expect(clock.timers.size).toBe(0);
});

test("what a silent path lost goes out again when its time has come", async () => {
  const clock = new HeldClock();
  const { client, extension, toExtension, close } = openPair(clock);
  onTestFinished(close);
  const { stream, all } = collectMessages();
  extension.accept = () => stream;
  const deliver = toExtension.onRecord;
  toExtension.onRecord = () => {};
  const sending = client.exchange.openMessages(CALL, PRIORITY.control);
  sending.send("once more");
  sending.end();
  client.driver.run();
  await new Promise(setImmediate);
  await new Promise(setImmediate);

  toExtension.onRecord = deliver;
  for (let round = 0; round < 50; round += 1) {
    clock.advance(100);
    await new Promise(setImmediate);
  }
  expect(await all).toEqual(["once more"]);
});

test("one malformed record ends the session, with the error, and throws at nobody", () => {
  const { client, close } = openPair();
  onTestFinished(close);
  client.driver.receive(new Uint8Array([1, 2, 3]));
  const closed = client.events.find(({ type }) => type === "closed");
  expect(closed).toMatchObject({ error: { code: "RECORD_MALFORMED" } });
});

test("a full path is given nothing until it says that there is room", async () => {
  const { client, extension, toExtension, close } = openPair();
  onTestFinished(close);
  const { stream, all } = collectMessages();
  extension.accept = () => stream;
  toExtension.isBlocked = true;
  const sending = client.exchange.openMessages(CALL, PRIORITY.interactive);
  sending.send("z".repeat(200_000));
  sending.end();
  client.driver.run();
  expect(toExtension.canSend).toBe(false);
  const sent = toExtension.sentBytes;
  for (let round = 0; round < 5; round += 1) client.driver.run();
  expect(toExtension.sentBytes).toBe(sent);
  toExtension.unblock();
  expect((await all)[0]).toHaveLength(200_000);
});

test("a path that was detached gets no more records, and can be found no more", () => {
  const { client, toExtension, close } = openPair();
  onTestFinished(close);
  expect(client.driver.find(toExtension.id)).toBe(toExtension);
  client.driver.detach(toExtension.id);
  expect(client.driver.find(toExtension.id)).toBeUndefined();
  const sent = toExtension.sentBytes;
  client.exchange.openMessages(CALL, PRIORITY.control).send("nobody hears");
  client.driver.run();
  expect(toExtension.sentBytes).toBe(sent);
  client.driver.detach(toExtension.id);
  const next = new PipePath({ kind: "direct", generation: 2 });
  client.driver.attach(next);
  expect(next.sentBytes).toBeGreaterThan(0);
});

test("a path that closed and was not detached yet loses its records, and throws at nobody", async () => {
  const { client, extension, toExtension, close } = openPair();
  onTestFinished(close);
  const { stream, all } = collectMessages();
  extension.accept = () => stream;
  toExtension.send = () => {
    throw new BeelineError("SESSION_CLOSED", "the direct channel is closed");
  };
  const sending = client.exchange.openMessages(CALL, PRIORITY.control);
  sending.send("by another way");
  sending.end();
  expect(() => client.driver.run()).not.toThrow();
  client.driver.detach(toExtension.id);
  const next = new PipePath({ kind: "direct", generation: 2 });
  const back = new PipePath(next.id);
  next.onRecord = (record) => extension.driver.receive(record);
  back.onRecord = (record) => client.driver.receive(record);
  extension.driver.attach(back);
  client.driver.attach(next);
  expect(await all).toEqual(["by another way"]);

  next.send = () => {
    throw new TypeError("a fault of ours");
  };
  client.exchange.openMessages(CALL, PRIORITY.control).send("never hidden");
  expect(() => client.driver.run()).toThrow(TypeError);
});

test("stopping closes every path", () => {
  const { client, extension, toClient, toExtension } = openPair();
  client.driver.stop();
  extension.driver.stop();
  expect([toExtension.isClosed, toClient.isClosed]).toEqual([true, true]);
});
