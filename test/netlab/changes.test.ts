/**
 * The network changes while a 32 MiB picture is on its way to a real Chromium: it arrives whole, once,
 * and was drawn once. How long nothing arrived is printed, not judged: bench/ is for that.
 */

import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { PathPolicy } from "@beeline/client";
import { RTC_ENGINES, type RtcEngine } from "@beeline/extension";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { ClientPage } from "../support/client-page.ts";
import { stockPicture } from "../support/stock-backend.ts";
import { startLinkServer } from "./actors/beeline.ts";
import { launchBrowser } from "./actors/browser.ts";
import { createInstanceFrom, currentKeyFrom } from "./actors/rest.ts";
import { startClientPage, startStockExtension } from "./actors/stock.ts";
import type { Host } from "./host.ts";
import { Lab, type Site } from "./lab.ts";
import type { Router } from "./router.ts";

const PICTURE = stockPicture("large");

/** Half of the picture takes 4 s at this rate: time enough for a change to fall into the middle. */
const HOME = { delayMs: 15, mbitPerSecond: 40 };
/** A phone's network: longer and slower, and the picture still ends within a minute. */
const MOBILE = { delayMs: 40, mbitPerSecond: 20 };

interface Scene {
  readonly extension: Site;
  readonly browser: Site;
  readonly mobile: Router;
  readonly page: ClientPage;
  restartServer(): Promise<void>;
  drawn(): readonly string[];
}

const gaps: string[] = [];

afterAll(() => {
  process.stdout.write(["Longest time in which nothing arrived:", ...gaps, ""].join("\n  "));
});

async function openScene(engine: RtcEngine, policy: PathPolicy): Promise<Scene> {
  const lab = await Lab.open();
  onTestFinished(() => lab.close());
  const serverHost = await lab.host("server");
  const extension = await lab.site("desktop", "cone", HOME);
  const browser = await lab.site("phone", "cone", HOME);
  const mobile = await lab.router("mobile");
  await mobile.uplink.shape(MOBILE);

  const origin = await startClientPage(browser.host);
  const args = ["--allow-origin", origin, "--home", join(serverHost.folder, "home")];
  const start = (): ReturnType<typeof startLinkServer> => startLinkServer(serverHost, { args });
  let server = await start();
  const url = server.url();
  const { key, cookie } = createInstanceFrom(browser.host, url);
  const stock = await startStockExtension(extension.host, url, key, engine);
  const page = await openPage(browser.host, origin);
  const lasting = currentKeyFrom(browser.host, url, cookie);
  await page.connect({ server: url, key: lasting, policy });
  await page.pathOpen(policy === "relayOnly" ? "relay" : "direct");
  return {
    extension,
    browser,
    mobile,
    page,
    drawn: stock.drawn,
    async restartServer() {
      await server.program.kill();
      server = await start();
    },
  };
}

async function openPage(host: Host, origin: string): Promise<ClientPage> {
  const browser = await launchBrowser(host);
  onTestFinished(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(origin);
  return new ClientPage(tab);
}

/** The only thing here that time alone decides. */
function lasts(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}

interface Change {
  readonly what: string;
  readonly policy?: PathPolicy;
  change(scene: Scene): Promise<void>;
}

const CHANGES: readonly Change[] = [
  {
    what: "the NAT of the extension gets another address and forgets everything",
    change: async ({ extension }) => extension.router?.rebind(),
  },
  {
    what: "the NAT of the browser gets another address and forgets everything",
    change: async ({ browser }) => browser.router?.rebind(),
  },
  {
    what: "the browser goes from Wi-Fi to mobile",
    change: async ({ browser, mobile }) => browser.host.roam(mobile),
  },
  {
    what: "the extension goes to another network",
    change: async ({ extension, mobile }) => extension.host.roam(mobile),
  },
  {
    what: "the relay is killed and started again while it carries the picture",
    policy: "relayOnly",
    change: (scene) => scene.restartServer(),
  },
  {
    what: "the relay is killed and started again beside the direct path",
    change: (scene) => scene.restartServer(),
  },
  {
    what: "the browser's network is dark for 12 s",
    change: async ({ browser }) => {
      await browser.host.cut();
      await lasts(12_000);
      await browser.host.restore();
    },
  },
  {
    what: "the extension's machine sleeps for 12 s",
    change: async ({ extension }) => {
      await extension.host.sleep();
      await lasts(12_000);
      await extension.host.wake();
    },
  },
  {
    what: "the browser's machine sleeps for 12 s",
    change: async ({ browser }) => {
      await browser.host.sleep();
      await lasts(12_000);
      await browser.host.wake();
    },
  },
];

/** By `%s`, because `$what` cuts a sentence short, and two of these begin alike. */
const NAMED = CHANGES.map((change) => [change.what, change] as const);

describe.each(RTC_ENGINES)("with %s", (engine) => {
  test.each(NAMED)("%s: the picture arrives whole, once", async (what, given) => {
    const { policy = "preferDirect", change } = given;
    const scene = await openScene(engine, policy);
    const id = randomUUID();
    await scene.page.draw(id, "large");
    await scene.page.received(id, PICTURE.byteLength / 2);
    await change(scene);
    const story = await scene.page.story(id);
    const seconds = (story.longestGapMs / 1000).toFixed(2);
    gaps.push(`${seconds} s  ${engine}: ${what} (${story.paths.join(", ")})`);
    expect(story).toMatchObject({
      error: null,
      sha256: [createHash("sha256").update(PICTURE).digest("hex")],
      imageUpdates: 1,
    });
    expect(scene.drawn()).toEqual([id]);
    expect(await scene.page.describe()).toBeGreaterThan(0);
    expect(await scene.page.close()).toBe(0);
  });
});
