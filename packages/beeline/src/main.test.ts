/** The command as a process. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const FROM_SOURCES = ["--import=tsx", "--conditions=@beeline/source"];
/** Node starts and compiles every package's sources. */
const START_MS = 30_000;

test("a command whose output nobody reads any more goes on to its end", {
  timeout: START_MS,
}, async () => {
  const home = await mkdtemp(join(tmpdir(), "beeline-main-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const args = [...FROM_SOURCES, MAIN, "extension", "status", "--home", home];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdout.destroy();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  expect(errors).toBe("");
  expect(code).toBe(0);
});
