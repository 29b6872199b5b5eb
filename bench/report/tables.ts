/** Results as tables of text, for a terminal and for README files. Pure. */

import { digestsOf } from "./digest.ts";
import { factRows, remarksOf } from "./facts.ts";
import { QUESTIONS, type Question } from "./questions.ts";
import type { Cell, ResultFile } from "./result-schema.ts";
import { roundsOf } from "./rounds.ts";
import { quantile } from "./statistics.ts";
import {
  boundedWords,
  cellIn,
  failedWords,
  isMostlyFailed,
  isMostlyStopped,
  type Panel,
  panelsOf,
  rounded,
  stoppedWords,
  summaryOf,
} from "./summary.ts";

/** What a table cell says; the same words stand in the HTML report. */
export function wordsFor(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  const summary = summaryOf(cell);
  if (isMostlyFailed(summary)) return failedWords(summary);
  if (isMostlyStopped(summary)) return stoppedWords(summary);
  const marks = [
    summary.stopped > 0 ? ` (${summary.stopped} stopped)` : "",
    summary.failed.length > 0 ? ` (${summary.failed.length} failed)` : "",
  ].join("");
  if (cell.question === "round-trip") {
    const { median, p95, p99 } = summary;
    const rounds = [...roundsOf(cell).values()].map((trips) => quantile(trips, 0.5));
    const spread = `[${rounded(quantile(rounds, 0))}–${rounded(quantile(rounds, 1))}]`;
    return `${rounded(median)} ${spread} / ${rounded(p95)} / ${rounded(p99)}${marks}`;
  }
  const speed = cell.question === "transfer" ? `, ${rounded(summary.goodput)} Mbit/s` : "";
  const { median, low, high } = summary;
  return `${rounded(median)} [${rounded(low)}–${boundedWords(high, summary)}]${speed}${marks}`;
}

/** What the numbers of a question's cells are. */
export function legendOf({ id }: Question): string {
  if (id === "round-trip") return "ms: p50 [smallest–largest of the rounds' own] / p95 / p99";
  if (id === "cpu") return "ms per MB: median [smallest–largest]";
  if (id === "memory") return "MB: median [smallest–largest]";
  if (id === "transfer") return "ms: median [smallest–largest], median goodput";
  return "ms: median [smallest–largest]";
}

/** Rows are subjects, columns situations; those with nothing in them are left out. */
export function panelRows(panel: Panel, file: ResultFile): string[][] {
  const situations = file.situations.filter(({ id }) =>
    panel.cells.some((cell) => cell.situation === id),
  );
  const subjects = file.subjects.filter(({ id }) =>
    panel.cells.some((cell) => cell.subject === id),
  );
  const head = ["", ...situations.map(({ name }) => name)];
  const rows = subjects.map(({ id, name }) => [
    name,
    ...situations.map((situation) => wordsFor(cellIn(panel, situation.id, id))),
  ]);
  return [head, ...rows];
}

export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0), 3),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

/** Every question that was asked, as the terminal shows it. */
export function textReport(file: ResultFile): string {
  const asked = QUESTIONS.flatMap((question) => {
    const panels = panelsOf(file, question.id);
    if (panels.length === 0) return [];
    const tables = panels.map(
      (panel) => `#### ${panel.title}\n\n${markdownTable(panelRows(panel, file))}\n`,
    );
    const { title, how, unshown } = question;
    return [[`### ${title}`, `${how} (${legendOf(question)})`, ...tables, unshown].join("\n\n")];
  });
  const remarks = remarksOf(file).map(
    ({ title, items }) => `### ${title}\n\n${items.map((item) => `- ${item}`).join("\n")}`,
  );
  const facts = `### What was run\n\n${markdownTable(factRows(file))}`;
  return [facts, ...overall(file), ...asked, ...file.sections.map(sectionText), ...remarks].join(
    "\n\n",
  );
}

/** What compares all situations at once comes first: it is the question of the bench. */
function overall(file: ResultFile): string[] {
  return digestsOf(file)
    .filter(({ isBySituation }) => !isBySituation)
    .map(({ title, legend, unshown, tables }) =>
      [`### ${title}`, legend, ...tables.map(({ rows }) => markdownTable(rows)), unshown].join(
        "\n\n",
      ),
    );
}

export function sectionText(section: ResultFile["sections"][number]): string {
  const { title, notes, unshown } = section;
  const tables = section.figures.length === 0 ? [] : [markdownTable(sectionRows(section))];
  return [`### ${title}`, ...tables, ...notes, unshown].join("\n\n");
}

export function sectionRows({ figures }: ResultFile["sections"][number]): string[][] {
  const rows = figures.map(({ name, unit, values }) => {
    // What never came took for ever.
    const known = values.map((value) => value ?? Number.POSITIVE_INFINITY);
    const quantiles = [0, 0.5, 0.95, 1].map((part) => rounded(quantile(known, part)));
    return [`${name} (${unit})`, String(known.length), ...quantiles];
  });
  return [["", "n", "min", "p50", "p95", "max"], ...rows];
}
