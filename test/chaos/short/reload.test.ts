/** The page is reloaded in the middle of a picture and asks for the same command again. */

import { expect, test } from "vitest";
import {
  connect,
  drawLarge,
  expectDelivered,
  expectNothingLeft,
  LARGE_BYTES,
  openScene,
  WINDOW_BYTES,
} from "../scene.ts";

/** Pieces of half a megabyte are put away when they are full (image-job.ts). */
const UNSAVED_BYTES = 1024 * 1024;

test("a reloaded page finds its job again and fetches only what is missing", async () => {
  const { world, tab, page } = await openScene();
  const id = await drawLarge(page);
  // A quarter, so that much is missing still when a busy machine gets to the reload.
  const had = await page.received(id, LARGE_BYTES / 4);
  await page.saved();
  await tab.reload();
  await connect(world, page);
  await page.draw(id, "large");
  const story = await expectDelivered(world, page, id);
  expect(story.resumedFrom).toBeGreaterThan(had - UNSAVED_BYTES);
  const { paths } = await page.stats();
  const fetched = paths.reduce((sum, path) => sum + path.receivedBytes, 0);
  expect(fetched).toBeLessThan(LARGE_BYTES - story.resumedFrom + WINDOW_BYTES);
  await expectNothingLeft(page);
});
