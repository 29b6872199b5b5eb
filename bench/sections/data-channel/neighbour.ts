/** Two on one drop-tail bottleneck: what share ours takes, and how much it lets wait. */

import { rounded } from "../../report/summary.ts";
import { openLabStage } from "../../stage/lab-stage.ts";
import { dataPeer, known } from "../../subjects/data-channel-subjects.ts";
import type { Subject } from "../../subjects/subject.ts";
import type { Section } from "../section.ts";
import type { ChannelScale } from "./bench-scale.ts";
import { situationFor } from "./links.ts";
import { Rounds } from "./rounds.ts";
import { ENDLESS_BYTES, goodputOf, Troupe } from "./troupe.ts";

const MBIT = 20;
const RTT_MS = 40;
/** Buffers, in products of bandwidth and delay: short, and as long as a bloated router's. */
const BUFFERS = [1, 4];
/** Alone it shows its own queue: a CUBIC stream fills whatever there is. */
const ALONE_PART = 0.5;

interface Cell {
  readonly name: string;
  readonly buffer: number;
  readonly other?: Subject;
}

export async function measureNeighbours(scale: ChannelScale): Promise<Section[]> {
  const rounds = new Rounds();
  const troubles: string[] = [];
  const all = BUFFERS.flatMap((buffer): Cell[] => [
    { name: `alone, ${buffer} BDP`, buffer },
    { name: `against TCP CUBIC, ${buffer} BDP`, buffer, other: known("tcp-cubic") },
    { name: `against another of ours, ${buffer} BDP`, buffer, other: dataPeer },
  ]);
  const cells = scale.isQuick ? all.slice(1, 2) : all;
  for (let round = 0; round < scale.neighbourRounds; round += 1) {
    for (const cell of cells) {
      troubles.push(...(await play(cell, round, scale, rounds)));
    }
  }
  const shares = cells
    .filter(({ other }) => other !== undefined)
    .map(({ name }) => {
      const [mine, theirs] = [rounds.medianOf(`${name}: ours`), rounds.medianOf(`${name}: other`)];
      const [a, b] = [(2 * mine) / (mine + theirs), mine / theirs].map(rounded);
      return `${name}: ours has ${a} of its fair share, ${b} × the other (aim: a third to three times).`;
    });
  return [
    {
      title: "Data channel: as a neighbour on 20 Mbit/s, 40 ms, drop-tail",
      figures: rounds.figures,
      notes: [
        ...shares,
        ...troubles,
        `Queues are the link's own most, in ms at its rate: a buffer of 1 BDP holds ${RTT_MS} ms. Both begin at once; shares are over ${scale.neighbourMs / 1000} s, the start included.`,
      ],
      unshown:
        "It does not show more than two, different round trips, or a router that manages its queue.",
    },
  ];
}

/** A stage of its own: the longest queue is counted since a link was made. */
async function play(
  { name, buffer, other }: Cell,
  round: number,
  { seed, neighbourMs }: ChannelScale,
  rounds: Rounds,
): Promise<readonly string[]> {
  const queueMs = buffer * RTT_MS;
  const way = { mbit: MBIT, rttMs: RTT_MS, loss: { kind: "none" }, queueMs } as const;
  const stage = await openLabStage(situationFor(way), seed + round);
  const subjects = { ours: dataPeer, ...(other !== undefined && { other }) };
  const troupe = await Troupe.open(stage, subjects, seed + round);
  const ms = other === undefined ? neighbourMs * ALONE_PART : neighbourMs;
  let waiting = Object.keys(subjects).length;
  let begin: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const arrive = (): void => {
    waiting -= 1;
    if (waiting === 0) begin();
  };
  const run = async (who: string): Promise<void> => {
    let hasArrived = false;
    const goodput = await troupe.turn(who, async (connection) => {
      hasArrived = true;
      arrive();
      await all;
      return goodputOf(await connection.transfer(ENDLESS_BYTES, "down", ms));
    });
    // One that could not connect is not waited for.
    if (!hasArrived) arrive();
    if (goodput !== undefined) rounds.note(`${name}: ${who}`, "Mbit/s", round, goodput);
  };
  try {
    await Promise.all(Object.keys(subjects).map(run));
    const line = (await stage.links?.counters("home"))?.up;
    const queuedMs = ((line?.queueMaxBytes ?? Number.NaN) * 8) / (MBIT * 1000);
    rounds.note(`${name}: longest queue`, "ms", round, queuedMs);
  } finally {
    await troupe.close();
  }
  return troupe.troubles;
}
