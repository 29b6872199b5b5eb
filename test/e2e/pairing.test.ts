/**
 * "First connection" and "Following connections" as the specification has them, with the commands a
 * person types in two terminals, and everything that can become of a key.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { newHome, startExtension, startServer } from "../support/beeline.ts";
import { drawDemoPicture, QUICK_FORM, sha256 } from "../support/demo-picture.ts";
import { type LinkPage, test } from "../support/link-page.ts";
import { BeelinePeer } from "../support/link-server.ts";
import { openLocalDemo } from "../support/local-demo.ts";

/** What Chromium says while the server drains, is away, and comes back. */
const SERVER_AWAY =
  /ERR_CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|ERR_EMPTY_RESPONSE|status of (403|503)|WebSocket connection to/;

interface KeyFile {
  readonly links: readonly { readonly server: string; readonly key: string }[];
}

const keyFileIn = (home: string) => join(home, "config", "links.json");

async function keysIn(home: string): Promise<KeyFile["links"]> {
  return (JSON.parse(await readFile(keyFileIn(home), "utf8")) as KeyFile).links;
}

/** What is stored by now; nothing while there is no file. */
const lastingKeys = (home: string) => keysIn(home).catch(() => []);

/** Creates a link on the page and links an extension with its key. */
async function pair(page: LinkPage, url: string, home: string) {
  await page.byId("create-link").click();
  const key = await page.byId("link-key").innerText();
  const extension = startExtension(home, url, "--key", key);
  await extension.says(/Linked through/);
  await page.isLinked();
  await expect.poll(() => lastingKeys(home)).toHaveLength(1);
  return { key, extension };
}

test("a link is made by a key once, and from then on without one", async ({ open }) => {
  const { url } = await startServer(await newHome());
  const home = await newHome();
  const page = await open(url, {
    form: QUICK_FORM,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  expect(await page.byId("link-demo").count()).toBe(0);

  // First connection: the page shows a short key, in every way to carry it over.
  await page.byId("create-link").click();
  const shortKey = await page.byId("link-key").innerText();
  expect(shortKey).toMatch(/^[0-9a-f]{6}$/);
  expect(await page.byId("extension-command").innerText()).toContain(
    `--server ${url} --key ${shortKey}`,
  );
  expect(await page.byId("qr").first().isVisible()).toBe(true);
  await page.copies("copy-key");
  expect(await page.page.evaluate(() => navigator.clipboard.readText())).toBe(shortKey);

  const first = startExtension(home, url, "--key", shortKey);
  await first.says(/built-in demo/);
  await first.says(/Linked through/);

  // The server replaces the key: the page hides the short one, the extension keeps the lasting one.
  await page.isLinked();
  await page.byId("link-key").waitFor({ state: "detached" });
  expect(await page.page.content()).not.toContain(shortKey);
  await expect.poll(() => lastingKeys(home)).toHaveLength(1);
  const [link] = await keysIn(home);
  expect(link).toMatchObject({ server: url, key: expect.stringMatching(/^[0-9a-f]{128}$/) });
  expect((await stat(keyFileIn(home))).mode & 0o777).toBe(0o600);
  expect(first.output).not.toContain(link?.key);
  await page.travels("direct", "open");
  const [picture] = await page.draw(1);
  expect(picture?.sha256).toBe(sha256(await drawDemoPicture(QUICK_FORM)));

  // Following connections: both come back, and nobody types anything.
  await first.stop();
  await page.byId("waiting").waitFor();
  const second = startExtension(home, url);
  await second.says(/Linked through/);
  await page.isLinked();
  await page.page.reload();
  await page.isLinked();
  await page.travels("direct", "open");
  expect(await keysIn(home)).toEqual([link]);

  // The short key is dead.
  const late = startExtension(await newHome(), url, "--key", shortKey);
  await late.says(/Create a new link on the page/);
  expect(await late.exited()).toBe(1);
});

test("an unknown key ends the extension, which says so and keeps nothing", async () => {
  const { url } = await startServer(await newHome());
  const home = await newHome();
  const extension = startExtension(home, url, "--key", "000000");
  await extension.says(/no link has this key\. Create a new link on the page/);
  await extension.says(/No link is left/);
  expect(await extension.exited()).toBe(1);
  await expect(keysIn(home)).rejects.toThrow("ENOENT");
});

test("a key that is no key is refused before anything is asked", async () => {
  const extension = startExtension(await newHome(), "http://127.0.0.1:9", "--key", "hello");
  await extension.says(/Copy the whole link key/);
  expect(await extension.exited()).toBe(1);
});

test("without a key and without a link, the extension says what to do", async () => {
  const extension = startExtension(await newHome(), "http://127.0.0.1:9");
  await extension.says(/Open the page, create a link/);
  expect(await extension.exited()).toBe(1);
});

test("a link deleted on the page is removed from the extension's key file", async ({ open }) => {
  const { url } = await startServer(await newHome());
  const home = await newHome();
  const page = await open(url);
  const { extension } = await pair(page, url, home);

  await page.byId("links").click();
  await page.byId("instance-menu").click();
  await page.byId("remove-instance").click();
  await page.byId("confirm").click();

  await extension.says(/No link is left/);
  expect(await extension.exited()).toBe(1);
  expect(extension.output).toContain("it was removed");
  expect(await keysIn(home)).toEqual([]);
  await page.byId("create-link").waitFor();
});

test("a new key for a link disconnects the extension that held the old one", async ({ open }) => {
  const { url } = await startServer(await newHome());
  const home = await newHome();
  const page = await open(url);
  const { extension, key } = await pair(page, url, home);

  await page.byId("links").click();
  await page.byId("instance-menu").click();
  await page.byId("rekey-instance").click();
  await page.byId("confirm").click();

  const newKey = await page.byId("link-key").innerText();
  expect(newKey).toMatch(/^[0-9a-f]{6}$/);
  expect(newKey).not.toBe(key);
  expect(await extension.exited()).toBe(1);
  expect(await keysIn(home)).toEqual([]);
});

test("the owner of a link sees who is there and who was at its pairing", async ({ open }) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { expected: /status of 500/ });
  await page.linkDemo();
  const key = await page.page.evaluate(async () => {
    const [link] = (await (await fetch("/api/link")).json()) as [{ key: string }];
    return link.key;
  });
  const name = "<img src=x onerror=alert(1)> ".repeat(2).trim();
  await new BeelinePeer(demo, "client").enter(key, { name });

  await page.byId("links").click();
  // The page leaves the room for the list.
  await expect.poll(() => demo.server.metrics().peers).toBe(2);
  await page.byId("instance-menu").click();
  await page.byId("show-peers").click();
  const present = page.byId("peers-now").getByTestId("peer");
  const paired = page.byId("peers-paired").getByTestId("peer");
  await paired.first().waitFor();
  // What somebody calls themselves stays text.
  expect(await present.count()).toBe(2);
  const machine = /^Test machine\s+Computer\s+joined just now from 127\.0\.0\.1/;
  expect(await present.nth(0).innerText()).toMatch(machine);
  expect((await present.nth(1).innerText()).startsWith(name)).toBe(true);
  expect(await paired.count()).toBe(2);
  expect(await paired.nth(0).innerText()).toMatch(/on Linux\s+Page\s+you\s.*gone since$/s);
  expect(await paired.nth(1).innerText()).toMatch(machine);
  expect(await paired.nth(1).innerText()).toMatch(/still here$/);
  const dialog = page.page.getByRole("dialog", { name: "Who was here" });
  await dialog.getByRole("region", { name: "Here now" }).getByRole("list").waitFor();

  // Closed by keyboard, and asked anew when it is opened again; a server that fails is no alarm.
  await page.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await page.page.route("**/peers", (route) => route.fulfill({ status: 500, body: "no" }));
  await page.byId("instance-menu").click();
  await page.byId("show-peers").click();
  expect(await page.byId("peers-error").innerText()).toContain("status 500");
});

test("a server that is away is waited for, and the key is kept", async ({ open }) => {
  const serverHome = await newHome();
  const { process: server, url } = await startServer(serverHome);
  const home = await newHome();
  const page = await open(url, { expected: SERVER_AWAY });
  const { extension } = await pair(page, url, home);
  const keys = await keysIn(home);

  await server.stop();
  await extension.says(/trying again/);
  expect(await keysIn(home)).toEqual(keys);

  await startServer(serverHome, "--port", new URL(url).port);
  await extension.says(/Linked through/);
  await page.isLinked();
  expect(await keysIn(home)).toEqual(keys);
});
