/** 100 MB for a page behind 20 Mbit/s: nothing piles up at the relay, and nobody is dropped. */

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { expectDelivered, expectNothingLeft, LARGE_BYTES, openScene } from "./scene.ts";

const BYTES_PER_SECOND = 20_000_000 / 8;
/** Three of 32 MiB are 100.7 MB. */
const PICTURES = 3;
/** Issue 3: what the relay may hold for one session. */
const MOST_QUEUED_BYTES = 2 * 1024 * 1024;

test("a slow page gets its pictures while the relay holds next to nothing", async () => {
  const { world, page } = await openScene("relayOnly");
  world.toPage.shape({ delayMs: 0, bytesPerSecond: BYTES_PER_SECOND });
  const id = randomUUID();
  // What the server passed on and the page's wire has not taken: all that lies in the server, and in
  // the kernel below it, for this page.
  let mostQueued = 0;
  const relayedBefore = world.metrics.relayedBytes;
  const takenBefore = world.toPage.down.total;
  const watch = setInterval(() => {
    const relayed = world.metrics.relayedBytes - relayedBefore;
    mostQueued = Math.max(mostQueued, relayed - (world.toPage.down.total - takenBefore));
  }, 50);
  await page.draw(id, "large", PICTURES);
  const pings: number[] = [];
  for (let count = 0; count < 5; count += 1) pings.push(await page.describe());
  const story = await expectDelivered(world, page, id, "large", PICTURES);
  clearInterval(watch);

  const seconds = story.elapsedMs / 1000;
  expect((PICTURES * LARGE_BYTES) / seconds).toBeLessThan(BYTES_PER_SECOND);
  expect(mostQueued).toBeGreaterThan(0);
  expect(mostQueued).toBeLessThanOrEqual(MOST_QUEUED_BYTES);
  expect(world.metrics.droppedRecords).toBe(0);
  expect(Math.max(...pings)).toBeLessThan(story.elapsedMs / 2);
  expect([world.toPage.connections, world.toExtension.connections]).toEqual([1, 1]);
  expect(await page.states()).toEqual(["linked"]);
  await expectNothingLeft(page);
});
