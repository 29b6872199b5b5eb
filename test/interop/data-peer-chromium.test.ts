/**
 * The data peer against the client's simple-peer in a real Chromium, held to the contract.
 */
import { createDataPeer } from "@beeline/paths/data-peer";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { rtcContract } from "../contract/rtc-contract.ts";
import { launchChromium } from "../support/chromium.ts";
import { bundleRtcPage, createChromiumEnd } from "../support/chromium-rtc-end.ts";
import { LocalRtcEnd } from "../support/rtc-end.ts";

let browser: Browser;
let page: Page;

beforeAll(async () => {
  const [script, launched] = await Promise.all([bundleRtcPage(), launchChromium()]);
  browser = launched;
  page = await browser.newPage();
  await page.addScriptTag({ content: script });
});

afterAll(async () => {
  await browser?.close();
});

rtcContract(
  "a data peer and simple-peer in Chromium",
  async () => ({
    offerer: new LocalRtcEnd(createDataPeer),
    answerer: await createChromiumEnd(page),
  }),
  { reorders: "its channel is unordered" },
);
