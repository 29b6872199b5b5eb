/**
 * How long a command takes from the site's call to its answer, at rest and while pictures flow, on
 * each path, on loopback and on an emulated link of 50 ms and 20 Mbit/s.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
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
/** 192 MiB: more than any of this can carry while it is measured. */
const PICTURES = 6;

/** Past the first windows, which are filled before a path has found its speed. */
const FLOWING_BYTES = 1024 * 1024;
const LOOK_EVERY_MS = 100;

const ROUNDS = 5;
/** In each round, of each link and path. */
const COMMANDS = 20;

const LINKS = ["loopback", "50 ms, 20 Mbit/s"] as const;
const PATHS = ["relay", "direct and relay", "direct alone"] as const;

export async function measureCommands({ isQuick }: Scale): Promise<Section> {
  const browser = await launchChromium();
  const cells = LINKS.flatMap((link) => PATHS.map((path) => new Commands(link, path)));
  try {
    for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
      // Each round begins with another one.
      const turns = [...cells.slice(round), ...cells.slice(0, round)];
      for (const cell of turns) await cell.measure(browser);
    }
  } finally {
    await browser.close();
  }
  const figures = cells.flatMap((cell) => cell.figures);
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

/** One link and path: a connection of its own each round. */
class Commands {
  readonly #link: (typeof LINKS)[number];
  readonly #path: (typeof PATHS)[number];
  readonly #atRest: number[] = [];
  readonly #underBulk: number[] = [];
  readonly #carried: number[] = [];

  constructor(link: (typeof LINKS)[number], path: (typeof PATHS)[number]) {
    this.#link = link;
    this.#path = path;
  }

  get figures(): Figure[] {
    const name = `${this.#link}; ${this.#path}`;
    return [
      { name: `${name}; at rest`, unit: "ms", values: this.#atRest },
      { name: `${name}; under bulk`, unit: "ms", values: this.#underBulk },
      { name: `${name}; carried meanwhile`, unit: "Mbit/s", values: this.#carried },
    ];
  }

  async measure(browser: Browser): Promise<void> {
    const world = await ChaosWorld.open();
    try {
      shape(world, this.#link !== "loopback");
      const policy = this.#path === "relay" ? "relayOnly" : "preferDirect";
      const { page, close } = await openLinkedPage(world, browser, policy);
      if (this.#path === "direct alone") world.toPage.cut();
      this.#atRest.push(...(await answersOf(page)));
      await page.draw(randomUUID(), "large", PICTURES);
      const before = await flowing(page);
      this.#underBulk.push(...(await answersOf(page)));
      this.#carried.push(mbitPerSecond(before, await received(page)));
      await close();
    } finally {
      await world.close();
    }
  }
}

async function answersOf(page: ClientPage): Promise<number[]> {
  const values: number[] = [];
  for (let n = 0; n < COMMANDS + WARM_UP; n += 1) values.push(await page.describe());
  return values.slice(WARM_UP);
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
