/**
 * Stands in for the lab's tests on a machine where it cannot run, so that each is skipped by name
 * with the reason. With CI set they run, and fail with it.
 */
import { readdirSync } from "node:fs";
import { test } from "vitest";
import { whyNot } from "../why-not.ts";

for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test.ts"))) {
  test.skip(`${file}: ${whyNot()}`);
}
