/** The extension's process is killed, as by a crash or a power cut, and started again. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import {
  connect,
  drawLarge,
  expectDelivered,
  expectNothingLeft,
  LARGE_BYTES,
  openTab,
  openWorld,
} from "./scene.ts";
import type { ChaosWorld } from "./world.ts";

const PROGRAM = fileURLToPath(new URL("extension-process.ts", import.meta.url));

/** Resolves when the extension serves the room. @param key empty: the one that it keeps. */
async function startExtension(world: ChaosWorld, key = ""): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      "--import=tsx",
      "--conditions=@beeline/source",
      PROGRAM,
      world.toExtension.url,
      key,
      world.folder,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill(child);
  });
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the extension ended with ${code}`)));
    child.stdout?.on("data", (text: Buffer) => {
      if (text.toString().includes("active")) resolve();
    });
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

test("an extension killed after drawing delivers from its disk", async () => {
  const world = await openWorld({ withoutExtension: true });
  const extension = await startExtension(world, world.shortKey);
  const { page } = await openTab(world);
  await connect(world, page, "relayOnly");
  const half = new Promise<void>((resolve) => world.toPage.down.after(LARGE_BYTES / 2, resolve));
  const id = await drawLarge(page);
  await half;
  await kill(extension);
  await startExtension(world);
  await expectDelivered(world, page, id);
  const { paths } = await page.stats();
  const fetchedAnew = paths.reduce((sum, path) => sum + path.receivedBytes, 0);
  expect(fetchedAnew).toBeLessThan(LARGE_BYTES * 0.75);
  await expectNothingLeft(page);
});

test("an extension killed while drawing says so, and never draws it again", async () => {
  const world = await openWorld({ withoutExtension: true });
  const extension = await startExtension(world, world.shortKey);
  const { page } = await openTab(world);
  await connect(world, page);
  const id = randomUUID();
  await page.draw(id, "hold");
  await page.processing(id);
  await kill(extension);
  await startExtension(world);
  expect(await page.story(id)).toMatchObject({ error: "JOB_INTERRUPTED" });
  await page.draw(id, "hold");
  expect(await page.story(id)).toMatchObject({ error: "JOB_INTERRUPTED" });
  expect(world.drawn).toEqual([id]);
  await expectNothingLeft(page);
});
