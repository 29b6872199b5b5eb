import { expect, test } from "vitest";
import { ControlQueue } from "./control-queue.ts";

test("asking twice for the same thing is asking once, at its old place", () => {
  const queue = new ControlQueue();
  queue.add({ type: "credit", id: 1 });
  queue.add({ type: "credit", id: 2 });
  queue.add({ type: "query", id: 1 });
  queue.add({ type: "credit", id: 1 });
  queue.add({ type: "suspect", path: { kind: "direct", generation: 1 } });
  queue.add({ type: "suspect", path: { kind: "direct", generation: 2 } });
  queue.add({ type: "budget" });
  queue.add({ type: "budget" });
  expect([...queue.values()].map(({ type }) => type)).toEqual([
    "credit",
    "credit",
    "query",
    "suspect",
    "suspect",
    "budget",
  ]);
});

test("of two requests about one stream the newer one stands", () => {
  const queue = new ControlQueue();
  queue.add({ type: "stop", id: 1, code: 2 });
  queue.add({ type: "stop", id: 1, code: 3 });
  expect([...queue.values()]).toEqual([{ type: "stop", id: 1, code: 3 }]);
});

test("what was written is removed, while the queue is being read", () => {
  const queue = new ControlQueue();
  for (let id = 0; id < 5; id += 1) queue.add({ type: "credit", id });
  for (const control of queue.values()) if (control.type === "credit") queue.remove(control);
  expect(queue.isEmpty).toBe(true);
});
