/**
 * Relay against direct, question by question and situation by situation: who is faster, by how much,
 * and whether that is beyond the noise. Pure.
 *
 * Both took their turn in every round, so the ratio's spread is that of the rounds' own ratios. It
 * counts when it is {@link LEAST_RATIO} or more and the rank test finds it, as in a comparison of files.
 */

import { COMMON_BYTES } from "../plan.ts";
import { LEAST_RATIO, RANK_LEVEL } from "./compare.ts";
import type { Cell, ResultFile } from "./result-schema.ts";
import { roundsOf } from "./rounds.ts";
import { mannWhitney, median, quantile } from "./statistics.ts";
import { rounded } from "./summary.ts";

/** One value for each round. */
type Series = ReadonlyMap<number, number>;

export interface Duel {
  readonly faster: "relay" | "direct";
  /** How many times as long the other one took; at least 1. */
  readonly ratio: number;
  /** Of the rounds' ratios, the same way round; below 1 the other one was faster. */
  readonly low: number;
  readonly high: number;
  readonly isBeyondNoise: boolean;
}

/** @returns undefined where either has no value. */
export function duelOf(relay: Series, direct: Series): Duel | undefined {
  if (relay.size === 0 || direct.size === 0) return undefined;
  const [ours, theirs] = [[...relay.values()], [...direct.values()]];
  const isDirect = median(theirs) <= median(ours);
  const [fast, slow] = isDirect ? [direct, relay] : [relay, direct];
  const ratio = median([...slow.values()]) / median([...fast.values()]);
  const ratios = [...fast].flatMap(([round, value]) => {
    const other = slow.get(round);
    return other === undefined ? [] : [other / value];
  });
  return {
    faster: isDirect ? "direct" : "relay",
    ratio,
    low: quantile(ratios, 0),
    high: quantile(ratios, 1),
    isBeyondNoise: ratio >= LEAST_RATIO && mannWhitney(ours, theirs) <= RANK_LEVEL,
  };
}

export const DUEL_LEGEND =
  "Who is faster or needs less, and how many times as much the other one takes: ratio of the medians " +
  "[smallest–largest of the rounds' own ratios]. “even”: less than a tenth apart. “?”: more, but within " +
  "the noise of so few rounds.";

export function wordsForDuel(duel: Duel | undefined): string {
  if (duel === undefined) return "";
  const { faster, ratio, low, high, isBeyondNoise } = duel;
  const spread = `[${rounded(low)}–${rounded(high)}]`;
  if (ratio < LEAST_RATIO) return `even ${spread}`;
  return `${faster} ${rounded(ratio)}${isBeyondNoise ? "" : "?"} ${spread}`;
}

interface Row {
  readonly title: string;
  series(cells: readonly Cell[]): Series;
}

/** Rows are questions, columns situations; what nobody was asked is left out. */
export function duelRows(file: ResultFile): string[][] {
  const columns = file.situations.map(({ id, name }) => {
    const of = (subject: string): Cell[] =>
      file.cells.filter((cell) => cell.situation === id && cell.subject === subject);
    return { name, relay: of("relay"), direct: of("direct") };
  });
  const rows = rowsFor(file.cells).map(({ title, series }) => [
    title,
    ...columns.map(({ relay, direct }) => wordsForDuel(duelOf(series(relay), series(direct)))),
  ]);
  const told = rows.filter(([, ...words]) => words.some((word) => word !== ""));
  return told.length === 0 ? [] : [["", ...columns.map(({ name }) => name)], ...told];
}

function rowsFor(cells: readonly Cell[]): Row[] {
  const trips = (["idle", "under bulk"] as const).flatMap((part): Row[] =>
    [0.5, 0.95].map((share) => ({
      title: `command ${part === "idle" ? "at rest" : part}, p${share * 100}`,
      series: (cells) =>
        byRound(
          cells.filter((cell) => cell.question === "round-trip" && cell.part === part),
          share,
        ),
    })),
  );
  const sizes = (["down", "up"] as const).flatMap((direction): Row[] =>
    sizesOf(cells, direction).map((bytes) => ({
      title: `${bytes / 1e6} MB ${direction}`,
      series: (cells) =>
        byRound(
          cells.filter(
            (cell) =>
              cell.question === "transfer" && cell.direction === direction && cell.bytes === bytes,
          ),
        ),
    })),
  );
  const costs = (["down", "up"] as const).map(
    (direction): Row => ({
      title: `processor time per MB ${direction}, all three`,
      series: (cells) =>
        byRound(cells.filter((cell) => cell.question === "cpu" && cell.direction === direction)),
    }),
  );
  return [
    ...trips,
    {
      title: "first preview",
      series: (cells) =>
        byRound(
          cells.filter(({ question, bytes }) => question === "preview" && bytes === COMMON_BYTES),
        ),
    },
    ...sizes,
    ...costs,
    {
      title: "peak memory, all three",
      series: (cells) => byRound(cells.filter(({ question }) => question === "memory")),
    },
  ];
}

/** Each round's quantile of a cell; of several cells (page, extension, relay) their sum. */
function byRound(cells: readonly Cell[], share = 0.5): Series {
  const total = new Map<number, number>();
  for (const cell of cells) {
    for (const [round, values] of roundsOf(cell)) {
      total.set(round, (total.get(round) ?? 0) + quantile(values, share));
    }
  }
  return total;
}

export function sizesOf(cells: readonly Cell[], direction: Cell["direction"]): number[] {
  const sizes = cells.flatMap((cell) =>
    cell.question === "transfer" && cell.direction === direction ? (cell.bytes ?? []) : [],
  );
  return [...new Set(sizes)].sort((a, b) => a - b);
}
