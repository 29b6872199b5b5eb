/** A comparison in words, for a terminal. Pure. */

import { type Comparison, type Difference, FAILED } from "./compare.ts";
import { rounded } from "./summary.ts";
import { markdownTable } from "./tables.ts";

export function comparisonText(comparison: Comparison): string {
  const { differences, unmatched, objections, yardsticks } = comparison;
  const ours = differences.filter(({ isYardstick }) => !isYardstick);
  const others = differences.filter(({ isYardstick }) => isYardstick);
  const parts = [
    ...objections.map((objection) => `Not comparable: ${objection}.`),
    `${differences.length} cells compared; what is not ours took ${rounded(yardsticks)} times as long.`,
    listed("Worse", ours, "worse"),
    listed("Better", ours, "better"),
    listed("Not ours, and changed all the same", others, "worse", "better"),
  ];
  if (unmatched.length > 0) parts.push(`${unmatched.length} cells are in one file only.`);
  return parts.join("\n\n");
}

function listed(
  title: string,
  differences: readonly Difference[],
  ...verdicts: readonly Difference["verdict"][]
): string {
  const found = differences
    .filter(({ verdict }) => verdicts.includes(verdict))
    .sort((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)));
  if (found.length === 0) return `${title}: nothing beyond the noise.`;
  const rows = found.map(({ key, unit, before, after, ratio, rankP, discoveryRate }) => [
    key,
    `${valueWords(before)} → ${valueWords(after)} ${unit}`,
    before === FAILED || after === FAILED ? "–" : `× ${ratio.toFixed(2)}`,
    rankP.toFixed(3),
    discoveryRate.toFixed(3),
  ]);
  const head = ["cell", "medians", "ratio without drift", "rank p", "false discovery rate"];
  return `${title}:\n\n${markdownTable([head, ...rows])}`;
}

function valueWords(value: number): string {
  return value === FAILED ? "failed" : rounded(value);
}
