/** The owner's record on a real disk. */

import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ActivityLog } from "./activity-log.ts";
import { observeCommands } from "./observe-commands.ts";
import { command, Desk, txt2img } from "./testing/service-harness.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "beeline-log-"));
});
afterEach(() => rm(dir, { recursive: true }));

const event = {
  id: "1",
  type: "image:txt2img",
  linkId: "l",
  client: "page",
  status: "success",
  progress: 100,
  code: undefined,
  isFinal: true,
};

test("holds every command and how it ended, reads included, across restarts, and no prompt", async () => {
  const path = join(dir, "activity.log");
  const desk = await Desk.make();
  for (const run of [1, 2]) {
    const log = new ActivityLog(path, () => 0);
    const service = observeCommands(desk.service, log.note);
    const own = desk.service;
    desk.service = service;
    await desk.ask(txt2img(run, {}, { prompt: "my secret garden" }));
    await desk.ask(command(run + 10, "resources:list"));
    await desk.ask({ nonsense: true });
    desk.service = own;
    await log.settled();
  }
  await desk.remove();
  const text = await readFile(path, "utf8");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const once = [
    ["image:txt2img", "success", undefined],
    ["resources:list", "success", undefined],
    ["", "error", "COMMAND_INVALID"],
  ];
  expect(lines.map(({ type, status, code }) => [type, status, code])).toEqual([...once, ...once]);
  expect(text).not.toContain("secret");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("begins a new file when the one is full, and keeps the one before", async () => {
  const path = join(dir, "activity.log");
  const log = new ActivityLog(path, () => 0);
  const client = "x".repeat(200_000);
  for (let n = 0; n < 13; n++) log.note({ ...event, client });
  await log.settled();
  expect((await stat(path)).size).toBeLessThan(1024 * 1024);
  expect((await stat(`${path}.1`)).size).toBeLessThan(1024 * 1024);
});

test("a disk that takes nothing disturbs nobody", async () => {
  const log = new ActivityLog(join(dir, "missing", "activity.log"), () => 0);
  log.note(event);
  await expect(log.settled()).resolves.toBeUndefined();
});
