/** Work runs a few at a time, in order, and leaves the line when it is no longer wanted. */

import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

const never = new AbortController().signal;

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test("no more than the given number run at once, and the rest follow in order", async () => {
  const slots = new Slots(2);
  const gates = [deferred(), deferred(), deferred(), deferred()];
  const started: number[] = [];
  const runs = gates.map((gate, n) =>
    slots.use(never, async () => {
      started.push(n);
      await gate.promise;
    }),
  );
  await Promise.resolve();
  expect(started).toEqual([0, 1]);
  gates[1]?.resolve();
  await runs[1];
  expect(started).toEqual([0, 1, 2]);
  for (const gate of gates) gate.resolve();
  await Promise.all(runs);
  expect(started).toEqual([0, 1, 2, 3]);
});

test("a slot is given back when the work fails", async () => {
  const slots = new Slots(1);
  await expect(slots.use(never, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(slots.use(never, () => Promise.resolve("yes"))).resolves.toBe("yes");
});

test("work that is called off while it waits never starts and holds nobody up", async () => {
  const slots = new Slots(1);
  const gate = deferred();
  const first = slots.use(never, () => gate.promise);
  const second = new AbortController();
  const canceled = slots.use(second.signal, () => Promise.reject(new Error("must not run")));
  const third = slots.use(never, () => Promise.resolve("third"));
  second.abort(new Error("called off"));
  await expect(canceled).rejects.toThrow("called off");
  gate.resolve();
  await first;
  await expect(third).resolves.toBe("third");
});
