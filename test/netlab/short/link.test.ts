/** What a link does when it is late, by link.c's own functions and a clock of the test's; and what it refuses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settingsOf } from "../link.ts";
import { run } from "../system.ts";

const SOURCE = join(import.meta.dirname, "../probes/late-link.c");

const folder = mkdtempSync(join(tmpdir(), "late-link-"));
const program = join(folder, "late-link");

beforeAll(() => {
  run("cc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE]);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["keeps a packet that fits into what the queue should hold by now", "fits"],
  ["sends no packet before it has come, behind one that should have left", "not-early"],
  ["takes another delay for what has not left by then, and for nothing else", "settings"],
])("a link that looks late %s", (_what, name) => {
  expect(run(program, [name])).toBe("");
});

test("bursts that would need more lost packets than there are between them are refused", () => {
  expect(settingsOf({ burst: { loss: 0.8, length: 4 } })).toContain("burst=0.8 burstLength=4");
  expect(() => settingsOf({ burst: { loss: 0.81, length: 4 } })).toThrow("at most 0.8");
  expect(() => settingsOf({ burst: { loss: 0.5, length: 1 } })).not.toThrow();
});
