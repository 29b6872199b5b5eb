/**
 * What issue 6 asks of our data channel, row by row, beside those it is held against, in one run. Asked
 * for by name only: 23 minutes. The grid of losses is last, because it is what can be cut short.
 */

import { whyNoLab } from "../../stage/lab-stage.ts";
import type { Scale, Section } from "../section.ts";
import { channelScale } from "./bench-scale.ts";
import { measureGrid, measureLongWay, Repairs } from "./lossy.ts";
import { measureNeighbours } from "./neighbour.ts";
import { measureChromium, measureNode } from "./same-machine.ts";

export async function measureDataChannel({ isQuick }: Scale, seed: number): Promise<Section[]> {
  const scale = channelScale(isQuick, seed, performance.now());
  const repairs = new Repairs();
  const rows = [
    { name: "same machine, to Chromium", measure: () => measureChromium(scale) },
    { name: "same machine, to Node", measure: () => measureNode(scale) },
  ];
  const noLab = whyNoLab();
  if (noLab === undefined) {
    rows.push(
      { name: "50 ms, 0.5 % loss", measure: () => measureLongWay(scale, repairs) },
      { name: "neighbours", measure: () => measureNeighbours(scale) },
      { name: "round trips and losses", measure: () => measureGrid(scale, repairs) },
    );
  }
  const sections: Section[] = [];
  for (const { name, measure } of rows) {
    console.log(`  data-channel: ${name}`);
    sections.push(...(await measureOr(name, measure)));
  }
  if (noLab === undefined) return [...sections, repairs.section];
  return [...sections, absent("through links", `it needs the network lab: ${noLab}`)];
}

/** One row that fails does not take the others with it. */
async function measureOr(name: string, measure: () => Promise<Section[]>): Promise<Section[]> {
  try {
    return await measure();
  } catch (error) {
    return [absent(name, error instanceof Error ? error.message : String(error))];
  }
}

function absent(name: string, why: string): Section {
  return {
    title: `Data channel: ${name}`,
    figures: [],
    notes: [`Not measured: ${why}`],
    unshown: "It shows nothing.",
  };
}
