/**
 * The client as a site without a bundler uses it: one file, imported by a page as it is. What the
 * client then does is tested elsewhere, from its sources.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectPageErrors, launchChromium } from "../support/chromium.ts";

const MODULE = new URL("../../packages/client/dist/beeline-client.js", import.meta.url);

/** The empty icon keeps the browser from asking for one. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/site.js"></script>`;
const SITE = `import { connect } from "/beeline-client.js"; document.title = typeof connect;`;

/** As strict as a site can be: neither inline scripts nor eval. */
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  const scripts = new Map<string, string | Buffer>([
    ["/beeline-client.js", readFileSync(MODULE)],
    ["/site.js", SITE],
  ]);
  server = createServer(({ url = "/" }, response) => {
    const script = scripts.get(url);
    response.setHeader("content-type", script === undefined ? "text/html" : "text/javascript");
    response.setHeader("content-security-policy", POLICY);
    response.end(script ?? PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

test("a page with a strict policy imports the client as one module and can call connect", async () => {
  const page = await browser.newPage();
  const errors = collectPageErrors(page);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForLoadState("load");
  expect(errors).toEqual([]);
  expect(await page.title()).toBe("function");
});
