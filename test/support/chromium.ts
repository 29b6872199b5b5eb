/**
 * A real Chromium for the tests that need one, and what went wrong inside it.
 *
 * It throws, with what to type, when the machine has no browser: a browser test is never skipped.
 * WebRTC keeps Chromium's defaults (host addresses hidden behind mDNS names), because that is what
 * a person's browser does. It serves no pages.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import { findChromium, installChromium } from "../../scripts/chromium.mjs";

/**
 * Starts a headless Chromium; the caller closes it. Playwright turns Chromium's sandbox off, which
 * root could not use; the tests show it their own pages only.
 * @param wrap gives the program to start instead: one that starts it somewhere else.
 */
export async function launchChromium(wrap = (program: string) => program): Promise<Browser> {
  const { executablePath, env } = findChromium() ?? installChromium(console.log);
  return await chromium.launch({
    executablePath: wrap(executablePath),
    env: { ...process.env, ...env },
    args: [
      // The picture is the test's evidence, so it must not depend on the machine's graphics card.
      "--disable-gpu",
      // Without a network, each start would look up hosts of its vendor, many at a time.
      "--disable-sync",
      "--disable-quic",
    ],
  });
}

/**
 * What Chromium says when something is sent between a server's close frame and its event, which
 * engine.io-client knows of and cannot prevent (transports/websocket.ts, `write`). Whatever a server
 * closes, for a kick or for good, can meet it.
 */
export const CROSSED_A_CLOSE = /WebSocket is already in CLOSING or CLOSED state/;

/**
 * Collects what a page reports as wrong from now on: uncaught errors, `console.error`, and
 * requests that failed. A test asserts that the list is empty, and sees what is in it if not.
 * A request that the page itself cancelled is no error.
 */
export function collectPageErrors(page: Page): readonly string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(`uncaught: ${error.stack || error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`console: ${message.text()}`);
  });
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "unknown";
    if (reason !== "net::ERR_ABORTED") errors.push(`request: ${request.url()} ${reason}`);
  });
  return errors;
}
