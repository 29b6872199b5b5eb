/**
 * How long a command takes from the site's call to its answer, at rest and while pictures flow, on
 * each path, on loopback and on an emulated link of 50 ms and 20 Mbit/s.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ChaosWorld } from "../../test/chaos/world.ts";
import { launchChromium } from "../../test/support/chromium.ts";
import type { ClientPage } from "../../test/support/client-page.ts";
import { UNLIMITED } from "../../test/support/delay-line.ts";
import { quantile } from "../report/statistics.ts";
import { openLinkedPage } from "./linked-page.ts";
import type { Figure, Scale, Section } from "./section.ts";

const ONE_WAY_MS = 25;
const BYTES_PER_SECOND = 20_000_000 / 8;
/** The first commands under bulk meet a path that is still finding its speed. */
const WARM_UP = 10;
/** 512 MiB: more than any of this can carry while it is measured. */
const PICTURES = 16;

/** Past the first windows, which are filled before a path has found its speed. */
const FLOWING_BYTES = 1024 * 1024;
const LOOK_EVERY_MS = 100;

const PATHS = ["relay", "direct and relay", "direct alone"] as const;

export async function measureCommands({ isQuick }: Scale): Promise<Section> {
  const browser = await launchChromium();
  const figures: Figure[] = [];
  try {
    for (const link of ["loopback", "50 ms, 20 Mbit/s"] as const) {
      for (const path of PATHS) {
        const world = await ChaosWorld.open();
        shape(world, link !== "loopback");
        const policy = path === "relay" ? "relayOnly" : "preferDirect";
        const { page, close } = await openLinkedPage(world, browser, policy);
        if (path === "direct alone") world.toPage.cut();
        const count = isQuick ? 20 : 100;
        const measure = async (): Promise<number[]> => {
          const values: number[] = [];
          for (let n = 0; n < count + WARM_UP; n += 1) values.push(await page.describe());
          return values.slice(WARM_UP);
        };
        const name = `${link}; ${path}`;
        figures.push({ name: `${name}; at rest`, unit: "ms", values: await measure() });
        await page.draw(randomUUID(), "large", PICTURES);
        const before = await flowing(page);
        figures.push({ name: `${name}; under bulk`, unit: "ms", values: await measure() });
        const carried = mbitPerSecond(before, await received(page));
        figures.push({ name: `${name}; carried meanwhile`, unit: "Mbit/s", values: [carried] });
        await close();
        await world.close();
      }
    }
  } finally {
    await browser.close();
  }
  const p95 = (name: string): string => {
    const figure = figures.find((figure) => figure.name === name);
    return quantile(figure?.values ?? [], 0.95).toFixed(0);
  };
  const slow = `50 ms, 20 Mbit/s; direct alone; under bulk`;
  return {
    title: "Commands: from call to answer",
    figures,
    notes: [`Aim over stock werift: p95 ≤ 200 ms (round trip + 150 ms); measured ${p95(slow)} ms.`],
    unshown:
      "It does not show loss, or separate machines: server, extension and the emulated link share one event loop.",
  };
}

interface Received {
  readonly atMs: number;
  readonly bytes: number;
}

async function received(page: ClientPage): Promise<Received> {
  const { paths } = await page.stats();
  const bytes = paths.reduce((sum, path) => sum + path.receivedBytes, 0);
  return { atMs: performance.now(), bytes };
}

/** Waits until pictures are on their way: drawing and storing them takes a while. */
async function flowing(page: ClientPage): Promise<Received> {
  const start = await received(page);
  for (;;) {
    await delay(LOOK_EVERY_MS);
    const now = await received(page);
    if (now.bytes - start.bytes > FLOWING_BYTES) return now;
  }
}

/** Proof that "under bulk" was: commands alone would be next to nothing. */
function mbitPerSecond(from: Received, to: Received): number {
  return ((to.bytes - from.bytes) * 8) / 1000 / (to.atMs - from.atMs);
}

function shape(world: ChaosWorld, isSlow: boolean): void {
  const bytesPerSecond = BYTES_PER_SECOND;
  world.direct.shape(isSlow ? { delayMs: ONE_WAY_MS, bytesPerSecond } : UNLIMITED);
  // Two hops, half the way each.
  const hop = isSlow ? { delayMs: ONE_WAY_MS / 2, bytesPerSecond } : UNLIMITED;
  world.toPage.shape(hop);
  world.toExtension.shape(hop);
}
