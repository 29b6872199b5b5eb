import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

test("tasks of one name take turns, also after a failure; other names do not wait", async () => {
  const inTurn = createTurns();
  const log: string[] = [];
  let finishFirst: () => void = () => {};
  const first = inTurn("a", async () => {
    log.push("a1 starts");
    await new Promise<void>((resolve) => {
      finishFirst = resolve;
    });
    log.push("a1 fails");
    throw new Error("no");
  });
  const second = inTurn("a", async () => {
    log.push("a2 runs");
    return 2;
  });
  await inTurn("b", async () => void log.push("b runs"));
  finishFirst();

  await expect(first).rejects.toThrow("no");
  await expect(second).resolves.toBe(2);
  expect(log).toEqual(["a1 starts", "b runs", "a1 fails", "a2 runs"]);
});
