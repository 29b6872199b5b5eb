/**
 * Models on the linked computer, seen and changed from the page: listed with the hashes of the real
 * files, downloaded from a real server, canceled, refused and removed.
 */
import { once } from "node:events";
import { access, readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { newHome, startDemo } from "../support/beeline.ts";
import { sha256 } from "../support/demo-picture.ts";
import { type LinkPage, type Open, test } from "../support/link-page.ts";

const FILE_BYTES = 2 * 1024 * 1024;
/** Two seconds for half a file: progress is told twice a second. */
const PIECE_BYTES = 64 * 1024;
const PIECE_EVERY_MS = 125;
/** Some way, and not all of it. */
const UNDER_WAY = /^[1-5]\d %/;

/** The smallest safetensors file of that size: one tensor of bytes. */
function modelFile(fill: number): Buffer {
  const header = Buffer.from(
    JSON.stringify({
      weights: { dtype: "U8", shape: [FILE_BYTES], data_offsets: [0, FILE_BYTES] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(FILE_BYTES, fill)]);
}

/** A site with models. Half of each file comes in little pieces, the rest when the test says so. */
async function startSite(files: Readonly<Record<string, Buffer>>) {
  const gates = new Map<string, () => void>();
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((request, response) => {
    const name = (request.url ?? "").slice(1);
    const file = files[name];
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-length": file.length });
    let sent = 0;
    const timer = setInterval(() => {
      const end = Math.min(file.length / 2, sent + PIECE_BYTES);
      response.write(file.subarray(sent, end));
      sent = end;
    }, PIECE_EVERY_MS);
    timers.add(timer);
    gates.set(name, () => {
      clearInterval(timer);
      response.end(file.subarray(sent));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const timer of timers) clearInterval(timer);
    server.closeAllConnections();
    server.close();
  });
  return {
    url: (name: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`,
    sendRest: (name: string) => gates.get(name)?.(),
  };
}

async function openResources(open: Open, ...args: string[]) {
  const home = await newHome();
  const { url } = await startDemo(home, ...args);
  const page = await open(url);
  await page.linkDemo();
  await page.byId("tab-resources").click();
  await page.byId("resource-row").first().waitFor();
  return { page, models: join(home, "data", "demo", "models") };
}

/** Every file in there, half-downloaded ones too. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

const TRUST_LOOPBACK = ["--allow-host", "127.0.0.1", "--allow-insecure"];

async function add(page: LinkPage, url: string, hash: string): Promise<void> {
  await page.byId("add-resource").click();
  await page.byId("add-url").fill(url);
  await page.byId("add-hash").fill(hash);
  await page.byId("add-submit").click();
}

const row = (page: LinkPage, hash: string) =>
  page.page.locator(`[data-testid="resource-row"][data-hash="${hash}"]`);
const download = (page: LinkPage, status: string) =>
  page.page.locator(`[data-testid="download-row"][data-status="${status}"]`);

test("the list shows every model file with the hash of its bytes", async ({ open }) => {
  const { page, models } = await openResources(open);
  const files = await filesIn(models);
  expect(files.length).toBeGreaterThan(3);
  const hashes = await Promise.all(files.map(async (path) => sha256(await readFile(path))));
  const listed = await page
    .byId("resource-row")
    .evaluateAll((rows) => (rows as HTMLElement[]).map(({ dataset }) => dataset.hash));
  expect(listed.toSorted()).toEqual(hashes.toSorted());

  const [hash = ""] = hashes;
  await page.byId("resource-search").fill(hash.slice(0, 10));
  await row(page, hash).waitFor();
  await expect.poll(() => page.byId("resource-row").count()).toBe(1);
});

test("a model is downloaded with progress, used at once, and removed again", async ({ open }) => {
  const file = modelFile(1);
  const hash = sha256(file);
  const site = await startSite({ "new-model.safetensors": file });
  const { page, models } = await openResources(open, ...TRUST_LOOPBACK);

  await add(page, site.url("new-model.safetensors"), hash);
  await download(page, "processing").getByText(UNDER_WAY).waitFor();
  await row(page, hash).getByText("on its way").waitFor();
  site.sendRest("new-model.safetensors");
  await download(page, "success").waitFor();
  await row(page, hash).getByText("on its way").waitFor({ state: "detached" });
  const path = join(models, "checkpoints", "new-model.safetensors");
  expect(sha256(await readFile(path))).toBe(hash);

  await row(page, hash).getByTestId("resource-remove").click();
  await page.byId("confirm").click();
  await row(page, hash).waitFor({ state: "detached" });
  await expect(access(path)).rejects.toThrow("ENOENT");

  await page.byId("tab-activities").click();
  await page.page.locator('[data-testid="activity-row"][data-type="resources:add"]').waitFor();
  await page.page.locator('[data-testid="activity-row"][data-type="resources:remove"]').waitFor();
});

test("a download that was canceled leaves nothing behind", async ({ open }) => {
  const file = modelFile(2);
  const site = await startSite({ "unwanted.safetensors": file });
  const { page, models } = await openResources(open, ...TRUST_LOOPBACK);
  const before = await filesIn(models);
  await add(page, site.url("unwanted.safetensors"), sha256(file));
  await download(page, "processing").getByText(UNDER_WAY).waitFor();
  await page.byId("download-cancel").click();
  await download(page, "canceled").waitFor();
  expect(await page.byId("error").count(), "errors shown").toBe(0);
  await expect.poll(() => filesIn(models)).toEqual(before);
});

test("a file that is not what its hash promises is refused with the reason", async ({ open }) => {
  const file = modelFile(3);
  const wrong = sha256(modelFile(4));
  const site = await startSite({ "swapped.safetensors": file });
  const { page, models } = await openResources(open, ...TRUST_LOOPBACK);
  const before = await filesIn(models);
  await add(page, site.url("swapped.safetensors"), wrong);
  await download(page, "processing").getByText(UNDER_WAY).waitFor();
  site.sendRest("swapped.safetensors");
  const failed = download(page, "error");
  await failed.locator('[data-testid="error"][data-code="HASH_MISMATCH"]').waitFor();
  expect(await filesIn(models)).toEqual(before);
  await row(page, wrong).waitFor({ state: "detached" });
});

test("an address that the owner did not allow is refused with the reason", async ({ open }) => {
  const file = modelFile(5);
  const site = await startSite({ "stranger.safetensors": file });
  const { page } = await openResources(open);
  await add(page, site.url("stranger.safetensors"), sha256(file));
  await download(page, "error").locator('[data-testid="error"][data-code="URL_REFUSED"]').waitFor();
});
