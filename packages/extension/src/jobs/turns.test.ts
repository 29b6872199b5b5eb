/** One turn at a time, places that are told, and leaving the line. */

import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

const never = new AbortController().signal;
let arrival = 0;

test("the next job starts when the one before ends, and each hears its place when it changes", async () => {
  const turns = new Turns();
  const places: string[] = [];
  const take = (id: string, client: string, signal = never) =>
    turns.take({
      arrival: arrival++,
      id,
      client,
      signal,
      onPosition: (position) => places.push(`${id}:${position}`),
    });

  const endA1 = await take("a1", "a");
  const a2 = take("a2", "a");
  const a3 = take("a3", "a");
  const b1 = take("b1", "b");
  expect(places).toEqual(["a2:1", "a3:2", "b1:1", "a2:2", "a3:3"]);
  endA1();
  const endB1 = await b1;
  endB1();
  (await a2)();
  (await a3)();
  expect(places.slice(5)).toEqual(["a2:1", "a3:2", "a3:1"]);
});

test("who leaves the line is out of it, and those behind move up", async () => {
  const turns = new Turns();
  const places: number[] = [];
  const end = await turns.take({
    arrival: arrival++,
    id: "1",
    client: "a",
    signal: never,
    onPosition: () => undefined,
  });
  const leaving = new AbortController();
  const second = turns.take({
    arrival: arrival++,
    id: "2",
    client: "a",
    signal: leaving.signal,
    onPosition: () => undefined,
  });
  const onPosition = (position: number) => void places.push(position);
  const third = turns.take({ arrival: arrival++, id: "3", client: "a", signal: never, onPosition });
  leaving.abort(new Error("no longer"));
  await expect(second).rejects.toThrow("no longer");
  end();
  await third;
  expect(places).toEqual([2, 1]);
});
