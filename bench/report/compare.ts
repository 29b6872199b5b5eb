/**
 * Two result files, cell by cell: which differences are beyond the noise. Pure.
 *
 * A difference counts when all of this holds:
 * - the medians differ by {@link LEAST_RATIO} or more: less than that nobody notices;
 * - the rank test finds it (p ≤ 0.05), so that no single run decides;
 * - Welch's test of the logarithms finds it at a false discovery rate of 5 % over all cells that were
 *   compared: with five runs a side the rank test alone could never survive the count of cells.
 *
 * Samples of one round hang together (one connection, one minute), so a round counts once, by the
 * median of its samples, and for round trips a second time by their 95th percentile.
 */

import { keyOf, type ResultFile } from "./result-schema.ts";
import { roundsOf } from "./rounds.ts";
import { falseDiscoveryRates, mannWhitney, median, quantile, welchOfLogs } from "./statistics.ts";

export const LEAST_RATIO = 1.1;
export const RANK_LEVEL = 0.05;
const DISCOVERY_RATE = 0.05;

export interface Difference {
  readonly key: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** After over before; all that is measured is better when it is smaller. */
  readonly ratio: number;
  readonly rankP: number;
  readonly discoveryRate: number;
  readonly verdict: "better" | "worse" | "same";
  readonly isYardstick: boolean;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Asked in one file only. */
  readonly unmatched: readonly string[];
  /** Median ratio of what is not ours: far from 1, the machine has changed. */
  readonly yardsticks: number;
  /** Why the files should not be compared at all. */
  readonly objections: readonly string[];
}

/** Beyond this, machine or lab differ more than the changes one looks for. */
const YARDSTICK_DRIFT = 1.25;

export function compare(before: ResultFile, after: ResultFile): Comparison {
  const old = seriesOf(before);
  const fresh = seriesOf(after);
  const keys = [...old.keys()].filter((key) => fresh.has(key));
  const yardsticks = new Set(after.subjects.filter((s) => s.isYardstick).map(({ id }) => id));
  const tested = keys.map((key) => {
    const [a, b] = [old.get(key) as Series, fresh.get(key) as Series];
    return {
      key,
      a,
      b,
      rankP: mannWhitney(a.values, b.values),
      p: welchOfLogs(a.values, b.values),
    };
  });
  const rates = falseDiscoveryRates(tested.map(({ p }) => p));
  const differences = tested.map(({ key, a, b, rankP }, index): Difference => {
    const [was, is] = [median(a.values), median(b.values)];
    const ratio = was === is ? 1 : is / was;
    const discoveryRate = rates[index] ?? 1;
    const isLarge = ratio >= LEAST_RATIO || ratio <= 1 / LEAST_RATIO;
    const isFound = isLarge && rankP <= RANK_LEVEL && discoveryRate <= DISCOVERY_RATE;
    const verdict = !isFound ? "same" : ratio > 1 ? "worse" : "better";
    const isYardstick = yardsticks.has(a.subject);
    return {
      key,
      unit: a.unit,
      before: was,
      after: is,
      ratio,
      rankP,
      discoveryRate,
      verdict,
      isYardstick,
    };
  });
  const drift = median(differences.filter((d) => d.isYardstick).map(({ ratio }) => ratio));
  return {
    differences,
    unmatched: [...old.keys(), ...fresh.keys()].filter((key) => old.has(key) !== fresh.has(key)),
    yardsticks: drift,
    objections: objectionsTo(before, after, drift, keys.length),
  };
}

interface Series {
  readonly subject: string;
  readonly unit: string;
  readonly values: readonly number[];
}

function seriesOf(file: ResultFile): Map<string, Series> {
  const series = new Map<string, Series>();
  for (const cell of file.cells) {
    const { subject, unit } = cell;
    const rounds = [...roundsOf(cell).values()];
    if (rounds.length === 0) continue;
    series.set(keyOf(cell), { subject, unit, values: rounds.map((values) => median(values)) });
    if (cell.question !== "round-trip") continue;
    const values = rounds.map((trips) => quantile(trips, 0.95));
    series.set(`${keyOf(cell)} / p95`, { subject, unit, values });
  }
  return series;
}

/** What the rank test says when all of one side are below all of the other. */
function leastP(before: number, after: number): number {
  const ranks = Array.from({ length: before + after }, (_, rank) => rank);
  return mannWhitney(ranks.slice(0, before), ranks.slice(before));
}

function objectionsTo(
  before: ResultFile,
  after: ResultFile,
  drift: number,
  common: number,
): string[] {
  const objections: string[] = [];
  if (common === 0) objections.push("the files have no cell in common");
  if (leastP(before.rounds, after.rounds) > RANK_LEVEL) {
    objections.push(
      `${before.rounds} and ${after.rounds} rounds are too few: no difference could be told from noise`,
    );
  }
  for (const what of ["cpu", "kernel", "memory"]) {
    const [was, is] = [before.machine[what], after.machine[what]];
    if (was !== is) objections.push(`another ${what}: ${was}, then ${is}`);
  }
  if (drift > YARDSTICK_DRIFT || drift < 1 / YARDSTICK_DRIFT) {
    objections.push(
      `what is not ours changed by ${drift.toFixed(2)}: the machine was another, or busy with other work`,
    );
  }
  return objections;
}
