/** The page is reloaded in the middle of a picture and asks for the same command again. */

import { expect, test } from "vitest";
import {
  connect,
  drawLarge,
  expectDelivered,
  expectNothingLeft,
  LARGE_BYTES,
  openScene,
} from "../scene.ts";

test("a reloaded page finds its job again and fetches only what is missing", async () => {
  const { world, tab, page } = await openScene();
  const half = new Promise<void>((resolve) => world.direct.out.after(LARGE_BYTES / 2, resolve));
  const id = await drawLarge(page);
  await half;
  await tab.reload();
  await connect(world, page);
  await page.draw(id, "large");
  const story = await expectDelivered(world, page, id);
  expect(story.resumedFrom).toBeGreaterThan(LARGE_BYTES / 4);
  const { paths } = await page.stats();
  const fetched = paths.reduce((sum, path) => sum + path.receivedBytes, 0);
  expect(fetched).toBeLessThan(LARGE_BYTES * 0.75);
  await expectNothingLeft(page);
});
