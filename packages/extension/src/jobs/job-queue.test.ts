/** The queue is fair between clients and keeps the order within one. */

import { expect, test } from "vitest";
import { JobQueue } from "./job-queue.ts";

let arrivals = 0;

function push(queue: JobQueue, id: string, client: string): void {
  arrivals += 1;
  queue.push({ id, client, arrival: arrivals });
}

function drain(queue: JobQueue): string[] {
  const taken: string[] = [];
  for (let id = queue.next(); id !== undefined; id = queue.next()) taken.push(id);
  return taken;
}

test("one client's jobs come in the order in which they arrived", () => {
  const queue = new JobQueue();
  for (const id of ["a1", "a2", "a3"]) push(queue, id, "a");
  expect(drain(queue)).toEqual(["a1", "a2", "a3"]);
});

test("clients take turns, however many jobs each has", () => {
  const queue = new JobQueue();
  for (const id of ["a1", "a2", "a3"]) push(queue, id, "a");
  for (const id of ["b1", "b2"]) push(queue, id, "b");
  push(queue, "c1", "c");
  expect(queue.order()).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  expect(drain(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("who was just served waits for those who were not, also when they come later", () => {
  const queue = new JobQueue();
  for (const id of ["a1", "a2", "a3"]) push(queue, id, "a");
  expect(queue.next()).toBe("a1");
  push(queue, "b1", "b");
  expect(queue.order()).toEqual(["b1", "a2", "a3"]);
});

test("sending one job after the other is no way past those who wait", () => {
  const queue = new JobQueue();
  for (const id of ["b1", "b2"]) push(queue, id, "b");
  push(queue, "a1", "a");
  expect([queue.next(), queue.next()]).toEqual(["b1", "a1"]);
  push(queue, "a2", "a");
  expect(drain(queue)).toEqual(["b2", "a2"]);
});

test("what is taken out never comes", () => {
  const queue = new JobQueue();
  push(queue, "a1", "a");
  push(queue, "a2", "a");
  expect(queue.remove("a1")).toBe(true);
  expect(queue.remove("a1")).toBe(false);
  expect(drain(queue)).toEqual(["a2"]);
});

test("who came first but needed longer to get ready takes its place before those who came later", () => {
  const queue = new JobQueue();
  queue.push({ id: "a2", client: "a", arrival: 2 });
  queue.push({ id: "a3", client: "a", arrival: 3 });
  queue.push({ id: "a1", client: "a", arrival: 1 });
  expect(drain(queue)).toEqual(["a1", "a2", "a3"]);
});
