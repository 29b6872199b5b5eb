/** A Chromium in some place, and pages with our half of a subject in them. */

import type { RtcSignal } from "@beeline/paths";
import { type Browser, chromium, type Page } from "playwright-core";
import { findChromium, installChromium } from "../../scripts/chromium.mjs";
import { bundleForPage } from "../../test/support/page-bundle.ts";
import type * as pageEnd from "../ends/page-end.ts";
import type { Seat } from "./stage.ts";
import { childrenOf } from "./usage.ts";

/**
 * Where pages say that they come from. Nobody listens there: Playwright answers in the browser, so a
 * page is there without a network, and is trusted as one from localhost is.
 */
export const PAGE_ORIGIN = "http://localhost:5299";

let script: Promise<string> | undefined;

export class BenchBrowser {
  readonly #browser: Browser;
  /** Of the browser itself; the others are its children. */
  readonly pids: readonly number[];

  private constructor(browser: Browser, pids: readonly number[]) {
    this.#browser = browser;
    this.pids = pids;
  }

  static async open(seat: Seat): Promise<BenchBrowser> {
    const { executablePath, env } = findChromium() ?? installChromium(console.log);
    const before = new Set(childrenOf(process.pid));
    const browser = await chromium.launch({
      executablePath: await seat.wrap(executablePath),
      env: { ...process.env, ...env },
      // Without a network, each start would look up hosts of its vendor, many at a time.
      args: ["--disable-gpu", "--disable-sync", "--disable-quic"],
    });
    const pids = childrenOf(process.pid).filter((pid) => !before.has(pid));
    return new BenchBrowser(browser, pids);
  }

  async page(onSignal: (signal: RtcSignal) => void): Promise<BenchPage> {
    script ??= bundleForPage(new URL("../ends/page-end.ts", import.meta.url), "benchEnd");
    // A page that no server sent counts as one from the internet, which would have to ask.
    const context = await this.#browser.newContext({ permissions: ["local-network-access"] });
    const page = await context.newPage();
    await page.route(`${PAGE_ORIGIN}/**`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>bench</title>" }),
    );
    await page.goto(PAGE_ORIGIN);
    await page.exposeFunction("sendSignal", onSignal);
    // tsx names functions by a helper of its own, which a function sent to a page would lack.
    await page.addScriptTag({ content: "globalThis.__name = (named) => named" });
    await page.addScriptTag({ content: await script });
    return new BenchPage(page);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

declare const benchEnd: typeof pageEnd;

export class BenchPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Signals may come at any time, also while the page is being closed. */
  accept(signal: RtcSignal): void {
    this.page.evaluate((signal) => benchEnd.accept(signal), signal).catch(() => {});
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
