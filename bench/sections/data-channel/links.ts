/** The links of this section's cells: one way from home to page, with all that is bad at its first link. */

import type { Loss, Situation } from "../../situations.ts";
import type { Stage } from "../../stage/stage.ts";

export interface Way {
  readonly mbit: number;
  readonly rttMs: number;
  readonly loss: Loss;
  /** How long the slowest queue is. */
  readonly queueMs: number;
}

type Access = NonNullable<Situation["access"]>;

/** Faster than any cell's first link, so that only one queue ever fills. */
const PAGE_MBIT = 200;
/** As in the matrix: what a recent home router keeps. */
export const ROUTER_QUEUE_MS = 60;

/** Both directions lose; the home's link has the rate and the losses, each link half of the delay. */
export function accessOf({ mbit, rttMs, loss, queueMs }: Way): Access {
  const delayMs = rttMs / 4;
  const clean: Loss = { kind: "none" };
  const first = { mbitPerSecond: mbit, delayMs, jitterMs: 0, queueMs, loss };
  const last = { mbitPerSecond: PAGE_MBIT, delayMs, jitterMs: 0, queueMs, loss: clean };
  const back = { ...last, mbitPerSecond: Math.max(mbit, 100), loss };
  const server = { ...last, delayMs: 0 };
  return {
    home: { up: first, down: back },
    page: { up: last, down: last },
    server: { up: server, down: server },
  };
}

export function situationFor(way: Way): Situation {
  return {
    id: "data-channel",
    name: "data channel",
    what: "One way from home to page.",
    unshown: "It does not show others on that way.",
    nat: "none",
    access: accessOf(way),
  };
}

/** Packets that never came from home to page, since the stage was opened. */
export interface LostPackets {
  /** By the links: queues that were full, and chance. */
  readonly byLinks: number;
  /** By the page's socket: Chromium asks for room for 57 packets, and reads late when it is busy. */
  readonly bySocket: number;
}

export async function lostPackets({ links }: Stage): Promise<LostPackets> {
  const [home, page] = [await links?.counters("home"), await links?.counters("page")];
  const byLinks = [home?.up, page?.down].reduce((lost, line) => {
    if (line === undefined) return lost;
    return lost + line.queueDrops + line.randomDrops + line.burstDrops;
  }, 0);
  return { byLinks, bySocket: links?.unread("page") ?? 0 };
}
