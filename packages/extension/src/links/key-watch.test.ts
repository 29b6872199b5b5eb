/** The folder of the stored links, watched and not. */

import { EventEmitter } from "node:events";
import type { FSWatcher, watch } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { watchKeys } from "./key-watch.ts";

test("a change of the file is told, and one of another file is not", async () => {
  const dir = await mkdtemp(join(tmpdir(), "beeline-keys-"));
  const changed = new Promise<void>((resolve) => {
    const stop = watchKeys(dir, "links.json", resolve, () => {});
    onTestFinished(async () => {
      stop();
      await rm(dir, { recursive: true });
    });
  });
  let isTold = false;
  void changed.then(() => {
    isTold = true;
  });
  await writeFile(join(dir, "other.json"), "{}");
  expect(isTold).toBe(false);
  await writeFile(join(dir, "links.json"), "{}");
  await changed;
});

test("a folder that cannot be watched is said to be one, and nothing is thrown", () => {
  const reasons: string[] = [];
  const throwing = (() => {
    throw new Error("EMFILE: too many open files, watch");
  }) as unknown as typeof watch;
  const stop = watchKeys(
    "/",
    "links.json",
    () => {},
    (reason) => reasons.push(reason),
    throwing,
  );
  expect(reasons).toEqual(["EMFILE: too many open files, watch"]);
  stop();
});

test("a watch that fails later is closed and said to have failed, once", () => {
  const reasons: string[] = [];
  let closed = 0;
  const watcher = Object.assign(new EventEmitter(), { close: () => void closed++ });
  const failing = (() => watcher as unknown as FSWatcher) as unknown as typeof watch;
  watchKeys(
    "/",
    "links.json",
    () => {},
    (reason) => reasons.push(reason),
    failing,
  );
  watcher.emit("error", new Error("EPERM: operation not permitted, watch"));
  watcher.emit("error", new Error("again"));
  expect(reasons).toEqual(["EPERM: operation not permitted, watch"]);
  expect(closed).toBe(1);
});
