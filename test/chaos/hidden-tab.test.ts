/** The tab is in the background, where Chromium runs timers once a second at best. */

import { expect, onTestFinished, test } from "vitest";
import { ClientPage, type PageDriver } from "../support/client-page.ts";
import { TwoTabs } from "../support/hidden-tab.ts";
import {
  connect,
  drawLarge,
  expectDelivered,
  expectNothingLeft,
  LARGE_BYTES,
  openWorld,
} from "./scene.ts";

const TIMER_MS = 10;
const TIMERS = 4;

/** What a chain of 10 ms timers really takes, each. */
function timerMs(driver: PageDriver): Promise<number> {
  return driver.evaluate(
    async ({ timerMs, timers }) => {
      const startedAtMs = performance.now();
      for (let count = 0; count < timers; count += 1) {
        await new Promise((resolve) => setTimeout(resolve, timerMs));
      }
      return (performance.now() - startedAtMs) / timers;
    },
    { timerMs: TIMER_MS, timers: TIMERS },
  );
}

test("in a hidden, throttled tab the direct path dies and the picture arrives nevertheless", async () => {
  const world = await openWorld();
  const tabs = await TwoTabs.open(world.pages.origin);
  onTestFinished(() => tabs.close());
  const page = new ClientPage(tabs.first);
  await connect(world, page);
  expect(await timerMs(tabs.first)).toBeLessThan(TIMER_MS * 10);

  await tabs.hide();
  expect(await tabs.first.evaluate(() => document.visibilityState, undefined)).toBe("hidden");
  expect(await timerMs(tabs.first)).toBeGreaterThan(TIMER_MS * 30);

  let darkAtMs = 0;
  let relayedAtMs = 0;
  world.direct.out.after(LARGE_BYTES / 2, () => {
    world.direct.goDark();
    darkAtMs = performance.now();
    world.toPage.down.after(256 * 1024, () => {
      relayedAtMs = performance.now();
    });
  });
  const id = await drawLarge(page);
  const story = await expectDelivered(world, page, id);
  expect(story.paths).toEqual(["relay"]);
  expect(relayedAtMs).toBeGreaterThan(darkAtMs);
  expect(await tabs.first.evaluate(() => document.visibilityState, undefined)).toBe("hidden");
  expect(await timerMs(tabs.first)).toBeGreaterThan(TIMER_MS * 30);
  await expectNothingLeft(page);
});
