/** The history of a link, whatever its entries look like. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Activities } from "./activities.ts";

test("a response that is not in shape is kept as what tells it from others, and its end with it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "beeline-activities-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = join(dir, "activities.json");
  const activities = await Activities.open(file);
  const identity = { id: "1", type: "resources:add" };
  activities.update("link", { ...identity, status: "processing", progress: 50 });
  activities.update("link", { ...identity, status: "processing", progress: 10_000 });
  activities.update("link", { ...identity, status: "error", error: "no object" });
  expect(activities.list("link")).toEqual([{ ...identity, status: "error" }]);
  await activities.close();
  expect((await Activities.open(file)).list("link")).toEqual([{ ...identity, status: "error" }]);
});
