/** The network under the direct path fails in the middle of a picture, and nobody is told. */

import { expect, test } from "vitest";
import { drawLarge, expectDelivered, expectNothingLeft, LARGE_BYTES, openScene } from "../scene.ts";

test("when the direct path goes dark half-way through a picture, the relay brings the rest", async () => {
  const { world, page } = await openScene();
  world.direct.out.after(LARGE_BYTES / 2, () => world.direct.goDark());
  const id = await drawLarge(page);
  const story = await expectDelivered(world, page, id);
  expect(story.paths).toEqual(["relay"]);
  const { paths } = await page.stats();
  const relayed = paths.find((path) => path.kind === "relay")?.receivedBytes ?? 0;
  // Half the picture and what was in flight; a switch that began anew would bring it all.
  expect(relayed).toBeLessThan(LARGE_BYTES * 0.75);
  await expectNothingLeft(page);
});
