/** From cells to what a table or a picture says of them: one entry per cell, in words and numbers. Pure. */

import { type Cell, DIRECTIONS, type Direction, type ResultFile } from "./result-schema.ts";
import { valueIn } from "./rounds.ts";
import { median, quantile } from "./statistics.ts";

export interface Summary {
  readonly count: number;
  /** Of commands there are many samples in one. */
  readonly rounds: number;
  /** With what a stopped one would have needed at least; NaN when there is none of either. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly p95: number;
  readonly p99: number;
  /** What came per second, in Mbit/s, stopped ones included. */
  readonly goodput: number;
  /** Of some that were stopped only the other end knows what came: less than all. */
  readonly isGoodputBound: boolean;
  readonly stopped: number;
  /** The limit that they were stopped at; undefined when none was. */
  readonly limit: number | undefined;
  readonly failed: readonly string[];
}

export function summaryOf(cell: Cell): Summary {
  const values = cell.samples.flatMap((sample) => valueIn(cell, sample) ?? []);
  const failed = cell.samples.flatMap(({ failed }) => failed ?? []);
  const stopped = cell.samples.filter((sample) => sample.stopped !== undefined);
  const rates = cell.samples.flatMap((sample) => {
    const { stopped } = sample;
    if (stopped !== undefined) return mbit(stopped.bytes ?? cell.bytes ?? 0, stopped.ms);
    return sample.value === undefined ? [] : mbit(cell.bytes ?? 0, sample.value);
  });
  return {
    count: cell.samples.length,
    rounds: new Set(cell.samples.map(({ round }) => round)).size,
    low: quantile(values, 0),
    median: median(values),
    high: quantile(values, 1),
    p95: quantile(values, 0.95),
    p99: quantile(values, 0.99),
    goodput: median(rates),
    isGoodputBound: stopped.some((sample) => sample.stopped?.bytes === undefined),
    stopped: stopped.length,
    limit:
      stopped.length === 0
        ? undefined
        : Math.floor(Math.min(...stopped.flatMap(({ stopped }) => stopped?.ms ?? []))),
    failed,
  };
}

function mbit(bytes: number, ms: number): number {
  return (bytes * 8) / (ms * 1000);
}

/** For what mostly did not end. */
export function stoppedWords({ goodput, isGoodputBound }: Summary): string {
  return `stopped, ${isGoodputBound ? "under " : ""}${rounded(goodput)} Mbit/s`;
}

/** The middle run of the cell did not end: its speed says more than a time that nobody has waited for. */
export function isMostlyStopped({ count, stopped, failed }: Summary): boolean {
  return stopped > 0 && stopped * 2 >= count - failed.length;
}

/** The middle run did not come to anything. */
export function isMostlyFailed({ rounds, failed }: Summary): boolean {
  return failed.length * 2 > rounds;
}

/** For what mostly failed. */
export function failedWords({ rounds, failed }: Summary): string {
  return failed.length === rounds ? "failed" : `failed ${failed.length} of ${rounds}`;
}

/** A value with as many digits as a bench knows; of one that was stopped only that it is more than the limit. */
export function boundedWords(value: number, { limit }: Summary, perUnit = 1): string {
  const isStopped = limit !== undefined && value >= limit;
  return isStopped ? `>${rounded(limit / perUnit)}` : rounded(value / perUnit);
}

/** The parts of a question's cells that belong into one table: a size and a way, or a phase. */
export interface Panel {
  readonly title: string;
  readonly direction: Direction | undefined;
  readonly bytes: number | undefined;
  readonly part: string;
  readonly cells: readonly Cell[];
}

/** One panel for each part, way and size that a question was asked with, in a fixed order. */
export function panelsOf(file: ResultFile, question: Cell["question"]): Panel[] {
  const cells = file.cells.filter((cell) => cell.question === question);
  const panels = new Map<string, Panel & { cells: Cell[] }>();
  for (const cell of cells) {
    const { part, direction, bytes } = cell;
    const key = `${part} ${direction} ${bytes}`;
    const panel = panels.get(key);
    if (panel !== undefined) panel.cells.push(cell);
    else panels.set(key, { title: titleOf(cell), part, direction, bytes, cells: [cell] });
  }
  return [...panels.values()].sort(
    (a, b) =>
      placeOf(a.direction) - placeOf(b.direction) ||
      (a.bytes ?? 0) - (b.bytes ?? 0) ||
      placeOfPart(a.part) - placeOfPart(b.part),
  );
}

/** What comes first is said first; unknown parts go before all. */
const PARTS = [
  "in the room",
  "first answer",
  "channel open",
  "direct signaled",
  "direct checking",
  "direct connected",
  "direct secured",
  "direct open",
  "idle",
  "under bulk",
  "whole",
  "first",
  "page",
  "extension",
  "relay",
];

/** To sort by. */
export function placeOfPart(part: string): number {
  return PARTS.indexOf(part);
}

function placeOf(direction: Direction | undefined): number {
  return direction === undefined ? -1 : DIRECTIONS.indexOf(direction);
}

function titleOf({ question, part, direction, bytes }: Cell): string {
  const size = bytes === undefined ? "" : `${bytes / 1e6} MB`;
  if (question === "transfer") return `${size} ${direction}`;
  if (question === "preview") return `before ${size} ${direction}`;
  if (question === "cpu") return `${part}, ${size} ${direction}`;
  return part;
}

/** Of a panel: the cell of a subject in a situation. */
export function cellIn(panel: Panel, situation: string, subject: string): Cell | undefined {
  return panel.cells.find((cell) => cell.situation === situation && cell.subject === subject);
}

/** As many digits as a bench knows. */
export function rounded(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return "∞";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(value >= 1 ? 3 : 2);
}
