/**
 * The test function for everything that drives Beeline's page (page-driver.ts) in a real Chromium.
 *
 * `open` gives a page in a browser context of its own. When the test ends, every page must have
 * reported no error, and must have asked no host but the one it came from: a test that opens a page
 * proves that as well. A test names the console messages that it provokes itself.
 */
import type { Browser } from "playwright-core";
import { test as base, expect } from "vitest";
import { CROSSED_A_CLOSE, launchChromium } from "./chromium.ts";
import { type LinkPage, newLinkPage, type PageOptions } from "./page-driver.ts";

export type { LinkPage } from "./page-driver.ts";

export interface OpenOptions extends PageOptions {
  /** Messages on the console that the test itself provokes. */
  readonly expected?: RegExp;
  /** Instead of the file's own browser. */
  readonly browser?: Browser;
}

export type Open = (url: string, options?: OpenOptions) => Promise<LinkPage>;

interface Fixtures {
  readonly chromium: Browser;
  readonly open: Open;
}

/** Vitest's `test`, with a browser for the file and `open` for each test. */
export const test = base.extend<Fixtures>({
  chromium: [
    // Vitest reads from this pattern that the fixture needs no other.
    // biome-ignore lint/correctness/noEmptyPattern: see above
    async ({}, use) => {
      const browser = await launchChromium();
      await use(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  open: async ({ chromium }, use) => {
    const opened: { page: LinkPage; url: string; expected: RegExp | undefined }[] = [];
    await use(async (url, { browser = chromium, expected, ...options } = {}) => {
      const page = await newLinkPage(browser, options);
      opened.push({ page, url, expected });
      await page.page.goto(url);
      return page;
    });
    for (const { page, url, expected } of opened) {
      await page.page.context().close();
      const isExpected = (error: string) =>
        CROSSED_A_CLOSE.test(error) || expected?.test(error) === true;
      const unexpected = page.errors.filter((error) => !isExpected(error));
      expect(unexpected, "errors in the page").toEqual([]);
      expect([...page.hosts], "hosts that the page asked").toEqual([new URL(url).host]);
    }
  },
});
