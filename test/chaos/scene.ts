/**
 * A world with one linked page in it, as most chaos tests begin, and what each of them ends with: the
 * picture arrived whole, once, was drawn once, and no promise is left open.
 */

import { createHash, randomUUID } from "node:crypto";
import type { PathPolicy } from "@beeline/client";
import type { Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { ClientPage, type JobStory } from "../support/client-page.ts";
import { type StockPicture, stockPicture } from "../support/stock-backend.ts";
import { ChaosWorld, type WorldOptions } from "./world.ts";

export const LARGE_BYTES = stockPicture("large").byteLength;
/** What is on its way at most when a path dies, and may be sent again (session/tuning.ts). */
export const WINDOW_BYTES = 4 * 1024 * 1024;

export async function openWorld(options: WorldOptions = {}): Promise<ChaosWorld> {
  const world = await ChaosWorld.open(options);
  onTestFinished(() => world.close());
  return world;
}

/** A tab at the client's page; it has no link yet. */
export async function openTab(world: ChaosWorld): Promise<{ tab: Page; page: ClientPage }> {
  const browser = await launchChromium();
  onTestFinished(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(world.pages.origin);
  return { tab, page: new ClientPage(tab) };
}

export async function connect(
  world: ChaosWorld,
  page: ClientPage,
  policy: PathPolicy = "preferDirect",
): Promise<void> {
  await page.connect({ server: world.toPage.url, key: await world.key(), policy });
  await page.pathOpen(policy === "relayOnly" ? "relay" : "direct");
}

/** A world and a linked page whose path for pictures is open. */
export async function openScene(
  policy: PathPolicy = "preferDirect",
): Promise<{ world: ChaosWorld; tab: Page; page: ClientPage }> {
  const world = await openWorld();
  const { tab, page } = await openTab(world);
  await connect(world, page, policy);
  return { world, tab, page };
}

/** Asks for one 32 MiB picture. @returns the command's id. */
export async function drawLarge(page: ClientPage): Promise<string> {
  const id = randomUUID();
  await page.draw(id, "large");
  return id;
}

/** Waits for a job's end and holds it to what every job must keep. */
export async function expectDelivered(
  world: ChaosWorld,
  page: ClientPage,
  id: string,
  picture: StockPicture = "large",
  quantity = 1,
): Promise<JobStory> {
  const story = await page.story(id);
  const sums = Array.from({ length: quantity }, (_, index) => sha256(stockPicture(picture, index)));
  expect(story).toMatchObject({ error: null, sha256: sums, imageUpdates: quantity });
  expect(world.drawn.filter((drawn) => drawn === id)).toHaveLength(1);
  return story;
}

/** Closes the link; every promise that the page was given has settled. */
export async function expectNothingLeft(page: ClientPage): Promise<void> {
  expect(await page.close()).toBe(0);
}

/** Lets an outage last: the only thing here that time alone decides. */
export function outage(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
