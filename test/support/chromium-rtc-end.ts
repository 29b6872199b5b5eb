/**
 * An RTC end inside a real Chromium page, driven from the test by the same calls as one in Node.
 *
 * The page's code is bundled from our sources for each run, so it is never an old build.
 */
import type { JSHandle, Page } from "playwright-core";
import { bundleForPage } from "./page-bundle.ts";
import type { RtcEnd } from "./rtc-end.ts";

const METHODS = [
  "start",
  "takeSignals",
  "accept",
  "trySend",
  "sendMany",
  "fill",
  "heard",
  "received",
  "story",
  "close",
] as const satisfies readonly (keyof RtcEnd)[];

/** One script that sets `rtcPage` on the page. */
export function bundleRtcPage(): Promise<string> {
  return bundleForPage(new URL("rtc-page.ts", import.meta.url), "rtcPage");
}

/** @param page has run the script of {@link bundleRtcPage}. */
export async function createChromiumEnd(page: Page): Promise<RtcEnd> {
  const handle = await page.evaluateHandle<RtcEnd>("rtcPage.createPageEnd()");
  return remoteEnd(handle);
}

function remoteEnd(handle: JSHandle<RtcEnd>): RtcEnd {
  const call = (method: (typeof METHODS)[number], values: unknown[]): Promise<unknown> =>
    handle.evaluate(
      (end, [name, given]) => (end[name] as (...values: unknown[]) => unknown)(...given),
      [method, values] as const,
    );
  const entries = METHODS.map((name) => [name, (...values: unknown[]) => call(name, values)]);
  return Object.fromEntries(entries) as RtcEnd;
}
