/** One page after the other, linked to the extension of a world, in one browser. */

import type { PathPolicy } from "@beeline/client";
import type { Browser, Page } from "playwright-core";
import type { ChaosWorld } from "../../test/chaos/world.ts";
import { ClientPage } from "../../test/support/client-page.ts";

export interface LinkedPage {
  readonly page: ClientPage;
  close(): Promise<void>;
}

export async function openLinkedPage(
  world: ChaosWorld,
  browser: Browser,
  policy: PathPolicy,
): Promise<LinkedPage> {
  const tab: Page = await browser.newPage();
  // tsx names functions by a helper of its own, which a function sent to a page would lack.
  await tab.addInitScript("globalThis.__name = (named) => named");
  await tab.goto(world.pages.origin);
  const page = new ClientPage(tab);
  await page.connect({ server: world.toPage.url, key: await world.key(), policy });
  await page.pathOpen(policy === "relayOnly" ? "relay" : "direct");
  return { page, close: () => tab.close() };
}
