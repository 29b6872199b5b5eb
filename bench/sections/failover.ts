/**
 * How long a person waits when the direct path goes dark without a word: in the middle of a picture
 * (no byte of it arrives) and at rest (the next command is not answered).
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ChaosWorld } from "../../test/chaos/world.ts";
import { launchChromium } from "../../test/support/chromium.ts";
import type { ClientPage } from "../../test/support/client-page.ts";
import { stockPicture } from "../../test/support/stock-backend.ts";
import { openLinkedPage } from "./linked-page.ts";
import { type Scale, type Section, takeTurns } from "./section.ts";

/** A page that was not told within this time is a result by itself. */
const LOST_MS = 20_000;
const LOOK_EVERY_MS = 50;
/** Longer than the pings of an idle path are apart (5 s), so that the cut comes at any moment of theirs. */
const REST_MS = 6_000;

export async function measureFailover({ isQuick }: Scale): Promise<Section> {
  const world = await ChaosWorld.open();
  const browser = await launchChromium();
  const size = stockPicture("large").byteLength;

  const run = async (cut: (page: ClientPage) => Promise<number>): Promise<number> => {
    world.direct.light();
    // Under this policy nothing but a dead path moves a picture to the relay.
    const { page, close } = await openLinkedPage(world, browser, "saveRelay");
    try {
      return await cut(page);
    } finally {
      await close();
    }
  };
  const underBulk = async (page: ClientPage): Promise<number> => {
    const point = size * (0.05 + 0.4 * Math.random());
    world.direct.out.after(point, () => world.direct.goDark());
    await page.draw(randomUUID(), "large");
    for (let waited = 0; waited < LOST_MS; waited += LOOK_EVERY_MS) {
      await delay(LOOK_EVERY_MS);
      const { switches } = await page.stats();
      const gap = switches.find(({ to, gapMs }) => to === "relay" && gapMs > 0);
      if (gap !== undefined) return gap.gapMs;
    }
    return Number.POSITIVE_INFINITY;
  };
  const atRest = async (page: ClientPage): Promise<number> => {
    await delay(Math.random() * REST_MS);
    world.direct.goDark();
    return await page.describe();
  };

  try {
    const figures = await takeTurns(isQuick ? 3 : 20, "ms", [
      { name: "gap in a picture", run: () => run(underBulk) },
      { name: "command right after the cut, at rest", run: () => run(atRest) },
    ]);
    return {
      title: "Failover: direct goes dark, the relay takes over",
      figures,
      notes: ["The gap is the page's own figure: last bytes by direct to first bytes by relay."],
      unshown:
        "It does not show a path that fades before it goes dark, nor a relay that is far away: everything is on loopback.",
    };
  } finally {
    await browser.close();
    await world.close();
  }
}
