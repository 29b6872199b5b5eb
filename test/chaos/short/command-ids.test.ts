/** A command id names one job of one client for ever. */

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { connect, expectDelivered, expectNothingLeft, openScene, openTab } from "../scene.ts";

test("a known command id with another body is refused, and nothing is drawn", async () => {
  const { world, page } = await openScene();
  const id = randomUUID();
  await page.draw(id, "small");
  await expectDelivered(world, page, id, "small");
  await page.draw(id, "large");
  expect(await page.story(id)).toMatchObject({ error: "COMMAND_CONFLICT" });
  expect(world.drawn).toEqual([id]);
  await expectNothingLeft(page);
});

test("a known command id from another client is refused, and nothing is drawn", async () => {
  const { world, page } = await openScene();
  const id = randomUUID();
  await page.draw(id, "small");
  await expectDelivered(world, page, id, "small");
  const other = await openTab(world);
  await connect(world, other.page);
  await other.page.draw(id, "small");
  expect(await other.page.story(id)).toMatchObject({ error: "COMMAND_CONFLICT" });
  expect(world.drawn).toEqual([id]);
  await expectNothingLeft(page);
  await expectNothingLeft(other.page);
});
