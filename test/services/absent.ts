/**
 * Stands in for this folder's tests on a machine that lacks the servers they run against, so that
 * each is skipped by name. `npm test` has said what to type; with CI set it fails instead.
 */

import { readdirSync } from "node:fs";
import { test } from "vitest";
import { absentServices } from "../../scripts/services.mjs";

for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test.ts"))) {
  test.skip(`${file}: this machine lacks ${absentServices().join(", ")}`);
}
