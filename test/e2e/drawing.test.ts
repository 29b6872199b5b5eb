/** What a person does with a link: watch pictures come, stop one, and repaint a part of another. */
import sharp from "sharp";
import { expect } from "vitest";
import { type DemoForm, pixelsOf, QUICK_FORM } from "../support/demo-picture.ts";
import { type LinkPage, test } from "../support/link-page.ts";
import { openLocalDemo } from "../support/local-demo.ts";

/** Slow enough to be watched, in the ways a person watches, also on a busy machine. */
const SLOW_STEP_MS = 300;
const SLOW_FORM: DemoForm = { ...QUICK_FORM, steps: 15 };

async function progressOf(page: LinkPage): Promise<number> {
  return Number(await page.byId("progress").getAttribute("data-progress"));
}

test("while a picture is drawn, a bar moves and previews appear; both go when it has come", async ({
  open,
}) => {
  const demo = await openLocalDemo({ stepMs: SLOW_STEP_MS });
  const page = await open(demo.url, { form: SLOW_FORM });
  await page.linkDemo();
  await page.byId("generate").click();
  await page.page.waitForFunction(() => {
    const preview = document.querySelector<HTMLImageElement>('[data-testid="preview"]');
    return preview?.complete === true && preview.naturalWidth > 0;
  });
  const early = await progressOf(page);
  expect(early).toBeLessThan(100);
  await page.page.waitForFunction(
    (seen) =>
      Number(document.querySelector<HTMLElement>('[data-testid="progress"]')?.dataset.progress) >
      seen,
    early,
  );
  await page.pictures(1);
  await page.byId("progress").waitFor({ state: "detached" });
  await page.byId("preview").waitFor({ state: "detached" });
});

test("three pictures come one by one, each with the next seed", async ({ open }) => {
  // Nearly four seconds each: whoever looks late still sees one, and then two.
  const demo = await openLocalDemo({ stepMs: 250 });
  const page = await open(demo.url, { form: SLOW_FORM });
  await page.linkDemo();
  await page.byId("quantity").fill("3");
  await page.byId("generate").click();
  for (const count of [1, 2]) {
    await page.pictures(count);
    expect(await page.byId("progress").count(), "still drawing").toBe(1);
  }
  const pictures = await page.pictures(3);
  expect(pictures.map(({ seed }) => seed)).toEqual([4244, 4243, 4242]);
  expect(new Set(pictures.map(({ sha256 }) => sha256)).size).toBe(3);
  expect(demo.jobs).toHaveLength(1);
});

test("a picture that was canceled does not come, and the next one does", async ({ open }) => {
  const demo = await openLocalDemo({ stepMs: SLOW_STEP_MS });
  const page = await open(demo.url, { form: { ...SLOW_FORM, steps: 150 } });
  await page.linkDemo();
  await page.byId("generate").click();
  await page.reachesStep(2);
  await page.byId("cancel").click();
  await page.byId("generate").waitFor();
  expect(await page.byId("error").count(), "errors shown").toBe(0);
  expect(await page.byId("gallery-image").count()).toBe(0);

  await page.byId("tab-activities").click();
  await page.page.locator('[data-testid="activity-row"][data-status="canceled"]').waitFor();
  await page.byId("tab-draw").click();
  await page.byId("generate").click();
  await page.reachesStep(1);
  expect(demo.jobs).toHaveLength(2);
  await page.byId("cancel").click();
  await page.byId("generate").waitFor();
});

/** A picture whose every pixel is known: two slow gradients. */
async function gradient(side: number): Promise<Buffer> {
  const pixels = Buffer.alloc(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      pixels.set([(x * 255) / side, (y * 255) / side, 128], (y * side + x) * 3);
    }
  }
  return await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

test("only what was painted over by hand is drawn anew", async ({ open }) => {
  const side = QUICK_FORM.width;
  const source = await gradient(side);
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: QUICK_FORM });
  await page.linkDemo();
  await page.page.getByText("From a picture").click();
  await page.page
    .getByLabel("Picture to draw from")
    .setInputFiles({ name: "gradient.png", mimeType: "image/png", buffer: source });

  // One stroke across the middle, as a mouse draws it.
  const canvas = page.byId("mask-canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  if (box === null) throw new Error("the canvas is not on the screen");
  const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.page.mouse.move(...at(0.3, 0.5));
  await page.page.mouse.down();
  await page.page.mouse.move(...at(0.7, 0.5), { steps: 10 });
  await page.page.mouse.up();
  await page.draw(1);

  const before = await pixelsOf(source);
  const after = await pixelsOf(await page.newestBytes());
  expect([after.width, after.height]).toEqual([side, side]);
  const changed = changedPixels(before.data, after.data, side);
  // The brush's radius is a twentieth of the width; its edge is soft.
  const band = { left: 0.24, right: 0.76, top: 0.44, bottom: 0.56 };
  const outside = changed.filter(
    ({ x, y }) => x < band.left || x > band.right || y < band.top || y > band.bottom,
  );
  expect(outside, "pixels changed outside of the mask").toEqual([]);
  // 0.4 by 0.1 of the picture, and its round ends.
  expect(changed.length / (side * side)).toBeGreaterThan(0.04);
  expect(changed.length / (side * side)).toBeLessThan(0.06);
});

/** Where two pictures differ, in fractions of their side. */
function changedPixels(a: Uint8Array, b: Uint8Array, side: number): { x: number; y: number }[] {
  const changed: { x: number; y: number }[] = [];
  for (let pixel = 0; pixel < side * side; pixel++) {
    const differs = [0, 1, 2].some((channel) => a[pixel * 3 + channel] !== b[pixel * 3 + channel]);
    if (differs) changed.push({ x: (pixel % side) / side, y: Math.floor(pixel / side) / side });
  }
  return changed;
}

test("a picture can be downloaded, drawn from, and tells how it was made", async ({ open }) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: QUICK_FORM });
  await page.linkDemo();
  await page.draw(1);

  const downloading = page.page.waitForEvent("download");
  await page.byId("download").click();
  expect((await downloading).suggestedFilename()).toBe(`beeline-${QUICK_FORM.seed}.png`);

  await page.byId("metadata-toggle").click();
  const metadata = await page.byId("metadata").innerText();
  for (const fact of [QUICK_FORM.prompt, String(QUICK_FORM.seed), "256 × 256"]) {
    expect(metadata).toContain(fact);
  }

  await page.byId("use-as-init").click();
  await page.byId("mask-canvas").waitFor();
  await page.draw(2);
  expect(demo.jobs.at(-1)?.init).toBeDefined();
});
