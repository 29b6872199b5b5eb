/**
 * What every measurement here shares: rounds that take turns, quantiles, a table and a file.
 *
 * Whatever is compared runs in the same process, in the same minute, each round in another order, so
 * that a machine that grows slower slows all of it. Nothing is thrown away: a bad round is a figure.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Ratios and other conclusions that follow from the figures. */
  readonly notes: readonly string[];
}

export interface Scale {
  readonly isQuick: boolean;
}

/** A thing that is measured; each run gives one value. */
export interface Subject {
  readonly name: string;
  run(): Promise<number>;
}

/** Runs all subjects `rounds` times; each round begins with the next one. */
export async function takeTurns(
  rounds: number,
  unit: string,
  subjects: readonly Subject[],
): Promise<Figure[]> {
  const values = subjects.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const index = (round + turn) % subjects.length;
      values[index]?.push((await subjects[index]?.run()) ?? Number.NaN);
    }
  }
  return subjects.map(({ name }, index) => ({ name, unit, values: values[index] ?? [] }));
}

/** Of the sorted values, the one below which this part of them lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

export function table({ title, figures, notes }: Section): string {
  const rows = figures.map(({ name, unit, values }) => [
    `${name} (${unit})`,
    String(values.length),
    ...[0, 0.5, 0.95, 1].map((part) => rounded(quantile(values, part))),
  ]);
  const head = ["", "n", "min", "p50", "p95", "max"];
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [`### ${title}`, "", line(head), rule, ...rows.map(line), "", ...notes, ""].join("\n");
}

/** Writes every value of every section. @returns the file's path. */
export function save(sections: readonly Section[], scale: Scale): string {
  const folder = fileURLToPath(new URL("results/", import.meta.url));
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const now = new Date().toISOString();
  const file = `${folder}${now.slice(0, 10)}-${commit}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ now, commit, scale, machine: machine(), sections })}\n`);
  return file;
}

/** What a reader must know of the machine to compare. */
export function machine(): Record<string, string> {
  const [cpu] = cpus();
  return {
    cpu: `${cpus().length} × ${cpu?.model ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.versions.node,
    load: loadavg().map(rounded).join(" "),
  };
}

export function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
