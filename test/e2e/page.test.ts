/** The page on a phone, by keyboard alone, in several tabs at once, and across a reload. */
import { expect } from "vitest";
import { type DemoForm, drawDemoPicture, QUICK_FORM, sha256 } from "../support/demo-picture.ts";
import { drawUntil } from "../support/draw-until.ts";
import { type LinkPage, test } from "../support/link-page.ts";
import { openLocalDemo } from "../support/local-demo.ts";

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

async function fitsItsWidth(page: LinkPage, screen: string): Promise<void> {
  const { content, window } = await page.page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: innerWidth,
  }));
  expect(content, `${screen} is wider than the screen`).toBeLessThanOrEqual(window);
}

/** Whether a tap at its middle would reach it, without scrolling. */
async function isWithinReach(page: LinkPage, testId: string): Promise<boolean> {
  return await page.byId(testId).evaluate((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return left >= 0 && right <= innerWidth && element.contains(hit);
  });
}

test("everything fits a phone, and its main controls are within reach", async ({ open }) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { ...PHONE, form: QUICK_FORM });
  await page.byId("link-demo").waitFor();
  await fitsItsWidth(page, "the first screen");
  expect(await isWithinReach(page, "link-demo")).toBe(true);

  await page.byId("create-link").tap();
  await page.byId("link-key").waitFor();
  await fitsItsWidth(page, "the pairing screen");
  await page.byId("link-demo").tap();
  await page.isLinked();

  await fitsItsWidth(page, "the drawing tab");
  for (const control of ["prompt", "generate", "path-badge", "tab-resources"]) {
    expect(await isWithinReach(page, control), control).toBe(true);
  }
  await page.byId("generate").tap();
  await page.pictures(1);
  await fitsItsWidth(page, "the drawing tab with a picture");
  await page.byId("stage-image").scrollIntoViewIfNeeded();
  expect(await isWithinReach(page, "generate"), "drawing again").toBe(true);

  await page.byId("path-badge").tap();
  await page.byId("path-panel").waitFor();
  await fitsItsWidth(page, "the path panel");
  await page.page.keyboard.press("Escape");
  for (const tab of ["resources", "activities"]) {
    await page.byId(`tab-${tab}`).tap();
    await page
      .byId(tab === "resources" ? "resource-row" : "activity-row")
      .first()
      .waitFor();
    await fitsItsWidth(page, `the tab ${tab}`);
  }
});

/** Presses Tab until that element has the focus, as somebody without a mouse would. */
async function tabTo(page: LinkPage, testId: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.page.keyboard.press("Tab");
    const isThere = await page
      .byId(testId)
      .evaluate((element) => element.contains(document.activeElement));
    if (isThere) return;
  }
  throw new Error(`40 presses of Tab do not lead to ${testId}`);
}

test("the keyboard alone links, draws and cancels", async ({ open }) => {
  // Slow enough that a loaded machine still sees a step, and cancels, before the job is over.
  const demo = await openLocalDemo({ stepMs: 1_000 });
  const page = await open(demo.url, { form: QUICK_FORM });
  const { keyboard } = page.page;
  await page.byId("link-demo").waitFor();
  await tabTo(page, "link-demo");
  await keyboard.press("Enter");
  await page.isLinked();

  await tabTo(page, "prompt");
  await keyboard.press("Control+A");
  await keyboard.type("a lighthouse by night");
  await keyboard.press("Control+Enter");
  await page.pictures(1);
  expect(demo.jobs[0]?.prompt).toBe("a lighthouse by night");

  await keyboard.press("Control+Enter");
  await page.reachesStep(1);
  await keyboard.press("Escape");
  await page.byId("generate").waitFor();
  expect(await page.byId("gallery-image").count()).toBe(1);

  await tabTo(page, "path-badge");
  await keyboard.press("Enter");
  await page.byId("path-panel").waitFor();
  await keyboard.press("Escape");
  await page.byId("path-panel").waitFor({ state: "detached" });
});

test("two devices on one link each have a direct path, and each its own pictures", async ({
  open,
}) => {
  const demo = await openLocalDemo();
  const desk = await open(demo.url, { form: QUICK_FORM });
  await desk.linkDemo();
  // The same person elsewhere: the same cookie, and nothing else.
  const { cookies } = await desk.page.context().storageState();
  const phone = await open(demo.url, {
    ...PHONE,
    form: { ...QUICK_FORM, seed: 77 },
    storageState: { cookies, origins: [] },
  });
  await phone.isLinked();
  const both = [desk, phone];
  const { last, rounds } = await drawUntil(
    async (round) => {
      await Promise.all(both.map((page) => page.travels("direct", "open")));
      const { relayedBytes } = demo.server.metrics();
      const drawn = await Promise.all(both.map((page) => page.draw(round)));
      const relayed = demo.server.metrics().relayedBytes - relayedBytes;
      const newest = drawn.map(([picture]) => picture);
      return {
        paths: newest.map((picture) => picture?.path),
        seeds: newest.map((picture) => picture?.seed),
        share: relayed / (await desk.newestBytes()).length,
      };
    },
    ({ paths, share }) => paths.every((path) => path === "direct") && share < 0.1,
  );

  expect(last.paths).toEqual(["direct", "direct"]);
  expect(last.seeds).toEqual([QUICK_FORM.seed, 77]);
  expect(last.share).toBeLessThan(0.1);
  for (const page of both) {
    await page.travels("direct", "open");
    expect((await page.connections()).open).toBe(1);
  }
  expect(demo.jobs).toHaveLength(2 * rounds);
});

test("a page reloaded in the middle of a job shows its picture, drawn once", async ({ open }) => {
  const form: DemoForm = { ...QUICK_FORM, steps: 12 };
  // More than five seconds are left after the third step, for a reload on a busy machine.
  const demo = await openLocalDemo({ stepMs: 600 });
  const page = await open(demo.url, { form });
  await page.linkDemo();
  await page.byId("generate").click();
  await page.reachesStep(3);

  await page.page.reload();

  await page.byId("progress").waitFor();
  const [picture] = await page.pictures(1);
  expect(picture?.sha256).toBe(sha256(await drawDemoPicture(form)));
  expect(demo.jobs, "jobs drawn").toHaveLength(1);
  await page.byId("tab-activities").click();
  await page.byId("activity-row").first().waitFor();
  const drawn = page.page.locator('[data-testid="activity-row"][data-type="image:txt2img"]');
  expect(await drawn.count()).toBe(1);
});

test("a page closed in the middle of a job does not keep the next visit from drawing", async ({
  open,
}) => {
  const demo = await openLocalDemo({ stepMs: 300 });
  const page = await open(demo.url, { form: QUICK_FORM });
  await page.linkDemo();
  await page.travels("direct", "open");
  await page.byId("generate").click();
  await page.byId("progress").waitFor();
  const storageState = await page.page.context().storageState();
  await page.page.close();

  const next = await open(demo.url, { form: QUICK_FORM, storageState });
  await next.isLinked();
  await next.travels("direct", "open");
  const pictures = await next.draw(1);
  expect(pictures).toHaveLength(1);
});
