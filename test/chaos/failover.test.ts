/** A 32 MiB picture is on its way from a real extension to a real Chromium when the network fails. */

import { describe, expect, test } from "vitest";
import {
  drawLarge,
  expectDelivered,
  expectNothingLeft,
  LARGE_BYTES,
  openScene,
  outage,
} from "./scene.ts";

describe("the direct path", () => {
  // Half-way is in short/direct-dark.test.ts.
  test.each([0.1, 0.9])(
    "goes dark at %d of the picture: the relay brings the rest",
    async (point) => {
      const { world, page } = await openScene();
      world.direct.out.after(LARGE_BYTES * point, () => world.direct.goDark());
      const id = await drawLarge(page);
      const story = await expectDelivered(world, page, id);
      expect(story.paths).toEqual(["relay"]);
      await expectNothingLeft(page);
    },
  );

  test.each([0.1, 0.5, 0.9])("is closed at %d of the picture: nothing is lost", async (point) => {
    const { world, page } = await openScene();
    const relayed = world.metrics.relayedBytes;
    world.direct.out.after(LARGE_BYTES * point, () => world.direct.hangUp());
    const id = await drawLarge(page);
    await expectDelivered(world, page, id);
    expect(world.metrics.relayedBytes).toBeGreaterThan(relayed);
    const { attempts } = await page.stats();
    expect(attempts.length).toBeGreaterThan(1);
    await expectNothingLeft(page);
  });
});

describe("the relay", () => {
  test("is restarted while the direct path carries the picture: the page stays linked", async () => {
    const { world, page } = await openScene();
    let restarted = Promise.resolve();
    world.direct.out.after(LARGE_BYTES / 2, () => {
      restarted = world.restartServer();
    });
    const id = await drawLarge(page);
    const story = await expectDelivered(world, page, id);
    expect(story.paths).toEqual(["direct"]);
    await restarted;
    await page.describe();
    expect(await page.states()).not.toContain("joining");
    await expectNothingLeft(page);
  });

  test("is restarted while it carries the picture: the rest follows", async () => {
    const { world, page } = await openScene("relayOnly");
    let restarted = Promise.resolve();
    world.toPage.down.after(LARGE_BYTES / 2, () => {
      restarted = world.restartServer();
    });
    const id = await drawLarge(page);
    const story = await expectDelivered(world, page, id);
    expect(story.paths).toEqual(["relay"]);
    await restarted;
    expect(world.toPage.connections).toBeGreaterThan(1);
    await expectNothingLeft(page);
  });
});

describe("both paths", () => {
  test("go dark for 5 s without closing: the picture waits and arrives", async () => {
    const { world, page } = await openScene();
    const dark = new Promise<void>((resolve) => {
      world.direct.out.after(LARGE_BYTES / 2, () => {
        world.direct.goDark();
        world.toPage.stall();
        world.toExtension.stall();
        resolve();
      });
    });
    const id = await drawLarge(page);
    await dark;
    await outage(5_000);
    world.direct.light();
    world.toPage.mend();
    world.toExtension.mend();
    const story = await expectDelivered(world, page, id);
    expect(story.elapsedMs).toBeGreaterThan(5_000);
    await expectNothingLeft(page);
  });

  test("break and come back after 5 s: the picture goes on from where it was", async () => {
    const { world, page } = await openScene();
    const gone = new Promise<void>((resolve) => {
      world.direct.out.after(LARGE_BYTES / 2, () => {
        world.direct.goDark();
        world.direct.hangUp();
        world.toPage.cut();
        world.toExtension.cut();
        resolve();
      });
    });
    const id = await drawLarge(page);
    await gone;
    await outage(5_000);
    world.direct.light();
    world.toPage.mend();
    world.toExtension.mend();
    await expectDelivered(world, page, id);
    await expectNothingLeft(page);
  });
});
