/**
 * A page and the extension with each real backend's stand-in behind it: painted over on the page,
 * drawn by the backend, and outside of the paint untouched; and a model that arrives in pieces.
 */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import sharp from "sharp";
import { expect, onTestFinished } from "vitest";
import { a1111Bench, comfyBench, sdServerBench } from "../contract/benches.ts";
import { newHome, startExtension, startServer } from "../support/beeline.ts";
import { openBrokenHost } from "../support/broken-host.ts";
import { type LinkPage, type Open, test } from "../support/link-page.ts";

const SIDE = 256;
const FORM = { prompt: "a bee", seed: 4242, steps: 6, width: SIDE, height: SIDE };

const BENCHES = [
  { kind: "a1111", make: () => a1111Bench("a1111") },
  { kind: "comfyui", make: comfyBench },
  { kind: "sd-server", make: sdServerBench },
] as const;

/** A page that is linked with an extension in front of that backend. */
async function linked(open: Open, ...args: readonly string[]): Promise<LinkPage> {
  const { url } = await startServer(await newHome());
  const page = await open(url, { form: FORM });
  await page.byId("create-link").click();
  const key = await page.byId("link-key").innerText();
  const extension = startExtension(await newHome(), url, "--key", key, ...args);
  await extension.says(/Linked through/);
  await page.isLinked();
  return page;
}

/** Two colours that change slowly, so that any scaling would show. */
function gradient(): Buffer {
  const pixels = Buffer.alloc(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) pixels.set([x, y, 128], (y * SIDE + x) * 3);
  }
  return pixels;
}

test.for(BENCHES)(
  "what is painted on the page is drawn anew by $kind, and nothing else",
  async ({ kind, make }, { open }) => {
    const bench = await make();
    onTestFinished(() => bench.close());
    const page = await linked(open, "--backend", kind, "--backend-url", bench.fake.url);

    const before = gradient();
    const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
    const buffer = await sharp(before, { raw }).png().toBuffer();
    await page.byId("mode").getByText("From a picture").click();
    const file = { name: "mine.png", mimeType: "image/png", buffer };
    await page.page
      .locator('input[type="file"][aria-label="Picture to draw from"]')
      .setInputFiles(file);
    const canvas = page.byId("mask-canvas");
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    if (box === null) throw new Error("the canvas is not on the screen");
    const { mouse } = page.page;
    await mouse.move(box.x + box.width * 0.45, box.y + box.height * 0.5);
    await mouse.down();
    await mouse.move(box.x + box.width * 0.55, box.y + box.height * 0.5, { steps: 4 });
    await mouse.up();
    await page.draw(1);

    const after = await sharp(await page.newestBytes())
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(after.length).toBe(before.length);
    const changed: [number, number][] = [];
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const at = pixel * 3;
      if (before.compare(after, at, at + 3, at, at + 3) !== 0) {
        changed.push([pixel % SIDE, Math.floor(pixel / SIDE)]);
      }
    }
    // The stroke: a fifth of the picture at most on either side of its middle.
    expect(changed.length).toBeGreaterThan(200);
    for (const [x, y] of changed) {
      expect(Math.abs(x - SIDE / 2), `column ${x}`).toBeLessThan(SIDE / 3);
      expect(Math.abs(y - SIDE / 2), `row ${y}`).toBeLessThan(SIDE / 3);
    }
  },
);

test("a model of 20 MB that is cut twice arrives whole, and the page lists it", async ({
  open,
}) => {
  const model = largeModel(20 * 1024 * 1024);
  const sha256 = createHash("sha256").update(model).digest("hex");
  const host = await openBrokenHost(model, [6_000_000, 13_000_000]);
  const bench = await comfyBench();
  onTestFinished(() => bench.close());
  const page = await linked(
    open,
    ...["--backend", "comfyui", "--backend-url", bench.fake.url],
    ...["--allow-host", "127.0.0.1", "--allow-insecure"],
  );

  await page.byId("tab-resources").click();
  await page.byId("add-resource").click();
  await page.byId("add-url").fill(host.url);
  await page.byId("add-name").fill("meadow-v2.safetensors");
  await page.byId("add-hash").fill(sha256);
  await page.byId("add-submit").click();
  const folder = bench.files.model.path.replace(/\/[^/]+$/, "");
  // Two pauses of the downloader, of one and two seconds.
  await expect.poll(() => readdir(folder), { timeout: 30_000 }).toContain("meadow-v2.safetensors");
  const row = page.page.locator(`[data-testid="resource-row"][data-hash="${sha256}"]`);
  await row.waitFor();
  await row.getByText("on its way").waitFor({ state: "hidden" });

  const [first, ...resumed] = host.asked;
  expect(first).toBe(0);
  expect(resumed).toHaveLength(2);
  expect(Math.min(...resumed), "nothing is fetched twice").toBeGreaterThan(1_000_000);
});

/** One tensor of noise with the header that belongs to it. */
function largeModel(bytes: number): Buffer {
  const tensor = { dtype: "U8", shape: [bytes], data_offsets: [0, bytes] };
  const header = Buffer.from(JSON.stringify({ noise: tensor }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(bytes, "bee")]);
}
