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
 * median of its samples, and for round trips a second time by their 95th percentile. A round that failed
 * counts as the worst of all, and what has failed in every round is worse without any test.
 *
 * The machine drifts too: what is not ours says by how much, for each situation and question, and that is
 * taken out before anything is judged.
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
  /** Of {@link FAILED} where most rounds failed. */
  readonly before: number;
  readonly after: number;
  /** What became of those that are not ours, there and of that question: the machine's part. */
  readonly drift: number;
  /** After over before without the drift; all that is measured is better when it is smaller. */
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
/** What a failed round counts as, in any unit: worse than whatever was measured. */
export const FAILED = 1e12;

export function compare(before: ResultFile, after: ResultFile): Comparison {
  const old = seriesOf(before);
  const fresh = seriesOf(after);
  const keys = [...old.keys()].filter((key) => fresh.has(key));
  const yardsticks = new Set(after.subjects.filter((s) => s.isYardstick).map(({ id }) => id));
  const pairs = keys.map((key): Pair => {
    const [a, b] = [old.get(key) as Series, fresh.get(key) as Series];
    const [was, is] = [middleOf(a.values), middleOf(b.values)];
    return { key, a, b, was, is, isYardstick: yardsticks.has(a.subject) };
  });
  const drifts = new Drifts(pairs);
  const tested = pairs.map((pair) => {
    const { a, b } = pair;
    const drift = drifts.of(a.group);
    const values = b.values.map((value) => (value === FAILED ? value : value / drift));
    const rankP = mannWhitney(a.values, values);
    return { ...pair, drift, rankP, p: welchOfLogs(a.values, values) };
  });
  const rates = falseDiscoveryRates(tested.map(({ p }) => p));
  const differences = tested.map(
    ({ key, a, b, was, is, drift, rankP, isYardstick }, index): Difference => {
      const ratio = was === is && !isMeasured(is) ? 1 : is / was / drift;
      const discoveryRate = rates[index] ?? 1;
      const isLarge = ratio >= LEAST_RATIO || ratio <= 1 / LEAST_RATIO;
      const isFound = isLarge && rankP <= RANK_LEVEL && discoveryRate <= DISCOVERY_RATE;
      // No test is needed to tell that something has stopped to work.
      const isLost = a.hasValue && !b.hasValue;
      const verdict = isLost ? "worse" : !isFound ? "same" : ratio > 1 ? "worse" : "better";
      const judged = { drift, ratio, rankP, discoveryRate, verdict } as const;
      return { key, unit: a.unit, before: was, after: is, ...judged, isYardstick };
    },
  );
  const gone = [...old.keys()].filter((key) => !fresh.has(key));
  return {
    differences,
    unmatched: [...gone, ...[...fresh.keys()].filter((key) => !old.has(key))],
    yardsticks: drifts.overall,
    objections: [
      ...objectionsTo(before, after, drifts.overall, keys.length),
      ...goneWords(keys.length === 0 ? [] : gone),
      ...drifts.disagreements,
    ],
  };
}

/** What a program that compares ends with. */
export function exitCodeOf({ differences, objections }: Comparison, isForced: boolean): 0 | 1 | 2 {
  if (objections.length > 0 && !isForced) return 2;
  return differences.some((d) => d.verdict === "worse" && !d.isYardstick) ? 1 : 0;
}

interface Pair {
  readonly key: string;
  readonly a: Series;
  readonly b: Series;
  readonly was: number;
  readonly is: number;
  readonly isYardstick: boolean;
}

/** How much slower the machine was the second time, by what is not ours. */
class Drifts {
  /** NaN without yardsticks. */
  readonly overall: number;
  readonly disagreements: readonly string[];
  readonly #groups: ReadonlyMap<string, number>;

  constructor(pairs: readonly Pair[]) {
    const ratios = new Map<string, number[]>();
    for (const { a, was, is, isYardstick } of pairs) {
      if (!isYardstick || !isMeasured(was) || !isMeasured(is)) continue;
      ratios.set(a.group, [...(ratios.get(a.group) ?? []), is / was]);
    }
    this.overall = median([...ratios.values()].flat());
    this.#groups = new Map([...ratios].map(([group, values]) => [group, median(values)]));
    this.disagreements = [...ratios].flatMap(([group, values]) => {
      const drift = median(values);
      const apart = median(values.map((value) => Math.exp(Math.abs(Math.log(value / drift)))));
      if (apart <= YARDSTICK_DRIFT) return [];
      const [low, high] = [Math.min(...values), Math.max(...values)].map((x) => x.toFixed(2));
      return [`${group}: what is not ours disagrees, it changed by ${low} to ${high}`];
    });
  }

  /** Where nobody else was asked that, as everywhere; 1 without any yardstick. */
  of(group: string): number {
    return this.#groups.get(group) ?? (Number.isNaN(this.overall) ? 1 : this.overall);
  }
}

function goneWords(gone: readonly string[]): string[] {
  if (gone.length === 0) return [];
  const more = gone.length === 1 ? "" : ` and ${gone.length - 1} more`;
  return [`no longer measured: ${gone[0]}${more}`];
}

/** What has no ratio: a failure, and less than a tick of the processor's clock. */
function isMeasured(value: number): boolean {
  return value > 0 && value !== FAILED;
}

/** Between a value and a failure there is no middle. */
function middleOf(values: readonly number[]): number {
  const middle = median(values);
  return middle > FAILED / 4 ? FAILED : middle;
}

interface Series {
  readonly subject: string;
  /** By which drifts are told apart: a situation and a question. */
  readonly group: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly hasValue: boolean;
}

function seriesOf(file: ResultFile): Map<string, Series> {
  const series = new Map<string, Series>();
  for (const cell of file.cells) {
    const { subject, unit } = cell;
    const rounds = [...roundsOf(cell).values()];
    const failed = cell.samples.flatMap(({ failed }) => (failed === undefined ? [] : FAILED));
    if (rounds.length + failed.length === 0) continue;
    const add = (key: string, group: string, valueOfRound: (values: number[]) => number): void => {
      const values = [...rounds.map(valueOfRound), ...failed];
      series.set(key, { subject, group, unit, values, hasValue: rounds.length > 0 });
    };
    const group = `${cell.situation}, ${cell.question}`;
    add(keyOf(cell), group, median);
    if (cell.question !== "round-trip") continue;
    add(`${keyOf(cell)} / p95`, group, (trips) => quantile(trips, 0.95));
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
