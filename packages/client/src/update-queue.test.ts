import { expect, test } from "vitest";
import { UpdateQueue } from "./update-queue.ts";

interface Update {
  readonly kind: string;
  readonly n: number;
}

const queue = (): UpdateQueue<Update> =>
  new UpdateQueue((older, newer) => older.kind === newer.kind && newer.kind !== "image");

test("a loop reads what was pushed before and after it began, and ends", async () => {
  const updates = queue();
  updates.push({ kind: "image", n: 1 });
  const read: number[] = [];
  const reading = (async () => {
    for await (const { n } of updates) {
      read.push(n);
      if (n === 1) updates.push({ kind: "image", n: 2 });
      if (n === 2) updates.end();
    }
  })();
  await reading;
  expect(read).toEqual([1, 2]);
});

test("nobody reading: updates that are overtaken are dropped, the others kept in order", async () => {
  const updates = queue();
  for (let n = 0; n < 1_000; n += 1) {
    updates.push({ kind: "progress", n });
    updates.push({ kind: "preview", n });
    if (n % 500 === 0) updates.push({ kind: "image", n });
  }
  updates.end();
  const left: Update[] = [];
  for await (const update of updates) left.push(update);
  expect(left).toEqual([
    { kind: "image", n: 0 },
    { kind: "image", n: 500 },
    { kind: "progress", n: 999 },
    { kind: "preview", n: 999 },
  ]);
});

test("what comes after the end is not heard", async () => {
  const updates = queue();
  updates.end();
  updates.push({ kind: "image", n: 1 });
  for await (const update of updates) expect.unreachable(JSON.stringify(update));
});
