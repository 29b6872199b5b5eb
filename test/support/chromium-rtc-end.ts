/**
 * An RTC end inside a real Chromium page, driven from the test by the same calls as one in Node.
 *
 * The page's code is bundled from our sources for each run, so it is never an old build.
 */
import { fileURLToPath } from "node:url";
import type { JSHandle, Page } from "playwright-core";
import { build } from "vite";
import type { RtcEnd } from "./rtc-end.ts";

const ENTRY = fileURLToPath(new URL("rtc-page.ts", import.meta.url));
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
export async function bundleRtcPage(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["@beeline/source", "browser", "module", "import", "default"] },
    define: { "process.env.NODE_ENV": '"production"' },
    build: { write: false, lib: { entry: ENTRY, formats: ["iife"], name: "rtcPage" } },
  });
  const [output] = [built].flat();
  const chunk = output !== undefined && "output" in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error("vite bundled nothing");
  return chunk.code;
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
