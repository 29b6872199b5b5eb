/** The network under the direct path fails in the middle of a picture, and nobody is told. */

import { expect, test } from "vitest";
import {
  drawLarge,
  expectDelivered,
  expectNothingLeft,
  LARGE_BYTES,
  openScene,
  WINDOW_BYTES,
} from "../scene.ts";

test("when the direct path goes dark half-way through a picture, the relay brings the rest", async () => {
  const { world, page } = await openScene();
  const relayed = async (): Promise<number> => {
    const { paths } = await page.stats();
    return paths.find((path) => path.kind === "relay")?.receivedBytes ?? 0;
  };
  const dark = new Promise<void>((resolve) => {
    world.direct.out.after(LARGE_BYTES / 2, () => {
      world.direct.goDark();
      resolve();
    });
  });
  const id = await drawLarge(page);
  await dark;
  // Half of the datagrams may hold less than half of the picture: some were sent twice.
  const had = await page.received(id, WINDOW_BYTES);
  const relayedBefore = await relayed();
  const story = await expectDelivered(world, page, id);
  expect(story.paths).toEqual(["relay"]);
  // A switch that began anew would bring all of it.
  expect((await relayed()) - relayedBefore).toBeLessThan(LARGE_BYTES - had + WINDOW_BYTES);
  await expectNothingLeft(page);
});
