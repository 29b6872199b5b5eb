/**
 * From a cell to its rounds: samples of one round hang together (one connection, one minute), so
 * whatever is judged counts a round once. Pure.
 */

import type { Cell, Sample } from "./result-schema.ts";

/** A transfer of which nothing had come when it was stopped. */
const NEVER_MS = 1e9;

/**
 * Each round's values; a stopped transfer counts as if it had needed its goodput's time, or its limit
 * where that is not known: at least that long it would have taken.
 */
export function roundsOf(cell: Cell): Map<number, number[]> {
  const rounds = new Map<number, number[]>();
  for (const sample of cell.samples) {
    const value = valueIn(cell, sample);
    if (value === undefined) continue;
    const known = rounds.get(sample.round);
    if (known === undefined) rounds.set(sample.round, [value]);
    else known.push(value);
  }
  return rounds;
}

/** @returns undefined for what failed. */
export function valueIn(cell: Cell, { value, stopped }: Sample): number | undefined {
  return value ?? estimated(cell, stopped);
}

function estimated(
  { bytes }: Cell,
  stopped: Cell["samples"][number]["stopped"],
): number | undefined {
  if (stopped === undefined || bytes === undefined) return undefined;
  if (stopped.bytes === undefined) return stopped.ms;
  return stopped.bytes === 0 ? NEVER_MS : (stopped.ms * bytes) / stopped.bytes;
}
