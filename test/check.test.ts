/**
 * What `npm run check` says of the whole tree, so that `npm test` alone tells whether a change is
 * done: format, lint and types, of the tests and scripts as well.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A first type-check of everything takes about ten seconds on two busy cores. */
const CHECK_TIMEOUT_MS = 120_000;

test.each([
  ["format and lint", "node_modules/@biomejs/biome/bin/biome", ["check", "--colors=off", "."]],
  ["types", "node_modules/typescript/bin/tsc", ["-b"]],
])(
  "%s: nothing to complain of",
  (_what, program, args) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
  },
  CHECK_TIMEOUT_MS,
);
