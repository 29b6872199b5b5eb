/** Node to Chromium through lossy links: the long cell, commands in it, the grid, and what is sent again. */

import { median, quantile } from "../../report/statistics.ts";
import { rounded } from "../../report/summary.ts";
import type { Loss } from "../../situations.ts";
import { openLabStage } from "../../stage/lab-stage.ts";
import { dataPeer, dataPeerCubic, known } from "../../subjects/data-channel-subjects.ts";
import type { Section } from "../section.ts";
import type { ChannelScale } from "./bench-scale.ts";
import {
  accessOf,
  type LostPackets,
  lostPackets,
  ROUTER_QUEUE_MS,
  situationFor,
  type Way,
} from "./links.ts";
import { Rounds } from "./rounds.ts";
import { ENDLESS_BYTES, goodputOf, Troupe } from "./troupe.ts";

const OURS = "Beeline data peer";
const OURS_CUBIC = "Beeline data peer, CUBIC";
const MBIT = 100;
/** The way that issue 6 measured everybody on. */
const LONG_WAY: Way = {
  mbit: MBIT,
  rttMs: 50,
  loss: { kind: "random", ratio: 0.005 },
  queueMs: ROUTER_QUEUE_MS,
};
/** Runs of five: as the matrix' phone has them. */
const LOSSES: readonly { name: string; loss: Loss }[] = [
  { name: "no loss", loss: { kind: "none" } },
  { name: "1 % random", loss: { kind: "random", ratio: 0.01 } },
  { name: "2 % random", loss: { kind: "random", ratio: 0.02 } },
  { name: "1 % bursty", loss: { kind: "bursty", ratio: 0.01, burst: 5 } },
];
const RTTS_MS = [10, 50, 200];
/** A path finds its speed within this; then the answers under bulk are counted. */
const SETTLE_MS = 1_000;
const IDLE_TRIPS = 20;
const IDLE_LIMIT_MS = 2_000;
/** Fewer packets lost say nothing of a ratio: one probe of a tail would be a tenth of it. */
const LOSSES_ENOUGH = 20;

/** What was sent again for what was lost, over all cells. */
export class Repairs {
  readonly #overLinks = new Rounds();
  readonly #overAll = new Rounds();

  note(name: string, round: number, resentPackets: number, lost: LostPackets): void {
    const { byLinks, bySocket } = lost;
    const key = `${name}: sent again over lost`;
    this.#overLinks.note(`${key} by the links`, "×", round, resentPackets / byLinks);
    this.#overAll.note(key, "×", round, resentPackets / (byLinks + bySocket));
  }

  get section(): Section {
    return {
      title: "Data channel: sent again over lost",
      figures: [...this.#overAll.figures, ...this.#overLinks.figures],
      notes: [
        `Highest median of a cell: ${highest(this.#overAll)} × of what never arrived, ${highest(this.#overLinks)} × of what the links lost (aim: at most 1.3 ×).`,
        "The difference is what Chromium's socket had no room for: it holds 57 packets, and on two cores Chromium sometimes reads later than that.",
        `From the association's packets, the links' counters and those of the page's kernel; cells with fewer than ${LOSSES_ENOUGH} lost packets are left out.`,
      ],
      unshown:
        "It does not show reordering, and what was lost just before a cell's end is counted but not yet repaired.",
    };
  }
}

function highest({ figures }: Rounds): string {
  const medians = figures.map(({ values }) => median(values));
  return rounded(medians.length === 0 ? Number.NaN : Math.max(...medians));
}

export async function measureLongWay(scale: ChannelScale, repairs: Repairs): Promise<Section[]> {
  const subjects = {
    [OURS]: dataPeer,
    [OURS_CUBIC]: dataPeerCubic,
    "TCP BBR": known("tcp-bbr"),
    "TCP CUBIC": known("tcp-cubic"),
    "node-datachannel": known("node-datachannel"),
    "stock werift": known("werift"),
  };
  const stage = await openLabStage(situationFor(LONG_WAY), scale.seed);
  const troupe = await Troupe.open(stage, subjects, scale.seed);
  const speeds = new Rounds();
  const trips = new Rounds();
  try {
    for (let round = 0; round < scale.rounds; round += 1) {
      for (const name of troupe.order) {
        const cell = { name, round, ms: scale.longMs, what: `${name}, 50 ms, 0.5 % random` };
        speeds.note(name, "Mbit/s", round, ...(await measureGoodput(troupe, cell, repairs)));
      }
      await measureTrips(troupe, round, scale.busyMs, trips);
    }
  } finally {
    await troupe.close();
  }
  const part = rounded(speeds.medianOf(OURS) / MBIT);
  return [
    {
      title: "Data channel: Node to Chromium, 50 ms, 0.5 % loss, 100 Mbit/s",
      figures: speeds.figures,
      notes: [
        speeds.compare(OURS, "TCP BBR", "at least 0.8"),
        speeds.compare(OURS_CUBIC, "TCP CUBIC", "none"),
        speeds.compare(OURS, "node-datachannel", "none"),
        speeds.compare(OURS, "stock werift", "none"),
        `${OURS} has ${part} of the link's rate (aim where the kernel has no BBR: 0.7).`,
        ...troupe.troubles,
        `What arrived in ${scale.longMs / 1000} s, the start included; TCP is Node to Node.`,
      ],
      unshown: "It does not show others' traffic on the link.",
    },
    tripsSection(trips),
  ];
}

export async function measureGrid(scale: ChannelScale, repairs: Repairs): Promise<Section[]> {
  const others = ["node-datachannel", "@roamhq/wrtc", "stock werift"];
  const subjects = scale.isQuick
    ? { [OURS]: dataPeer, "node-datachannel": known("node-datachannel") }
    : {
        [OURS]: dataPeer,
        "node-datachannel": known("node-datachannel"),
        "@roamhq/wrtc": known("wrtc"),
        "stock werift": known("werift"),
      };
  const cells = RTTS_MS.flatMap((rttMs) =>
    LOSSES.map(({ name, loss }) => ({
      what: `${rttMs} ms, ${name}`,
      way: { ...LONG_WAY, rttMs, loss },
    })),
  );
  // The last of the middle: what differs most from the long cell.
  const chosen = scale.isQuick ? cells.slice(7, 8) : cells;
  const stage = await openLabStage(situationFor(LONG_WAY), scale.seed);
  const troupe = await Troupe.open(stage, subjects, scale.seed);
  const speeds = new Rounds();
  let played = 0;
  try {
    for (let round = 0; round < scale.rounds; round += 1) {
      for (const { what, way } of chosen) {
        if (performance.now() > scale.endsAtMs) break;
        await stage.links?.reshape(accessOf(way));
        for (const name of troupe.order) {
          const key = `${what}: ${name}`;
          const cell = { name, round, ms: scale.gridMs, what: key };
          speeds.note(key, "Mbit/s", round, ...(await measureGoodput(troupe, cell, repairs)));
        }
        played += 1;
      }
    }
  } finally {
    await troupe.close();
  }
  const comparisons = chosen.map(({ what }) => {
    const best = others
      .map((name) => `${what}: ${name}`)
      .filter((key) => !Number.isNaN(speeds.medianOf(key)))
      .sort((a, b) => speeds.medianOf(b) - speeds.medianOf(a))[0];
    return speeds.compare(`${what}: ${OURS}`, best ?? "nobody", "never below 1.0");
  });
  return [
    {
      title: "Data channel: Node to Chromium, 100 Mbit/s, by round trip and loss",
      figures: speeds.figures,
      notes: [
        ...comparisons,
        `${played} of ${scale.rounds * chosen.length} turns of the cells were played in the time there is.`,
        ...troupe.troubles,
        `What arrived in ${scale.gridMs / 1000} s, the start included, which at 200 ms is a good part of it.`,
      ],
      unshown: "It does not show reordering or a rate that changes.",
    },
  ];
}

interface GoodputCell {
  readonly name: string;
  readonly what: string;
  readonly round: number;
  readonly ms: number;
}

/** @returns one value, or none when it did not work. */
async function measureGoodput(
  troupe: Troupe,
  { name, what, round, ms }: GoodputCell,
  repairs: Repairs,
): Promise<number[]> {
  const lostBefore = await lostPackets(troupe.stage);
  const goodput = await troupe.turn(name, async (connection) => {
    const transfer = await connection.transfer(ENDLESS_BYTES, "down", ms);
    const sent = await connection.sent?.();
    const lostAfter = await lostPackets(troupe.stage);
    const lost = {
      byLinks: lostAfter.byLinks - lostBefore.byLinks,
      bySocket: lostAfter.bySocket - lostBefore.bySocket,
    };
    if (sent !== undefined && lost.byLinks >= LOSSES_ENOUGH) {
      repairs.note(what, round, (sent.resentBytes * sent.packets) / sent.bytes, lost);
    }
    return goodputOf(transfer);
  });
  return goodput === undefined ? [] : [goodput];
}

async function measureTrips(
  troupe: Troupe,
  round: number,
  busyMs: number,
  trips: Rounds,
): Promise<void> {
  await troupe.turn(OURS, async (connection) => {
    trips.note("at rest", "ms", round, ...(await connection.roundTrips(IDLE_TRIPS, IDLE_LIMIT_MS)));
    const busy = await connection.busyRoundTrips(ENDLESS_BYTES, SETTLE_MS, busyMs);
    trips.note("under bulk", "ms", round, ...busy);
  });
}

function tripsSection(trips: Rounds): Section {
  const busy = trips.figures.find(({ name }) => name === "under bulk")?.values ?? [];
  const idleMs = trips.medianOf("at rest");
  const more = (ms: number): string => rounded(ms - idleMs);
  return {
    title: "Data channel: a command and its answer, 50 ms, 0.5 % loss, 100 Mbit/s",
    figures: trips.figures,
    notes: [
      `Under bulk: p50 ${more(median(busy))} ms and p95 ${more(quantile(busy, 0.95))} ms above the median at rest (aim: at most 60).`,
      "Commands have a second channel of high priority.",
    ],
    unshown: "It does not show a session on one channel, or bulk in both directions.",
  };
}
