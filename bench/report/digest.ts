/**
 * The whole of a matrix in a few tables: relay against direct, the phases of a join, and for each
 * situation who answers, carries and costs how much. README.md has all of them, the terminal and the
 * HTML report the first one. Pure.
 */

import { COMMON_BYTES } from "../plan.ts";
import { DUEL_LEGEND, duelRows, sizesOf } from "./duel.ts";
import { unshownOf } from "./questions.ts";
import { type Cell, DIRECTIONS, type ResultFile } from "./result-schema.ts";
import { roundsOf } from "./rounds.ts";
import { quantile } from "./statistics.ts";
import {
  boundedWords,
  failedWords,
  isMostlyFailed,
  isMostlyStopped,
  placeOfPart,
  rounded,
  stoppedWords,
  summaryOf,
} from "./summary.ts";

export interface Digest {
  readonly title: string;
  /** What the numbers are. */
  readonly legend: string;
  readonly unshown: string;
  /** A table for each situation, named after it; else one table. */
  readonly isBySituation: boolean;
  readonly tables: readonly { readonly title: string; readonly rows: readonly string[][] }[];
}

const SPREAD = "median [smallest–largest]";

export function digestsOf(file: ResultFile): Digest[] {
  const situations = (rowsOf: (cells: readonly Cell[]) => string[][]): Digest["tables"] =>
    file.situations.map(({ id, name }) => ({
      title: name,
      rows: rowsOf(file.cells.filter(({ situation }) => situation === id)),
    }));
  const digests: Digest[] = [
    {
      title: "Relay against direct",
      legend: DUEL_LEGEND,
      unshown:
        "It does not show which of the two the shipped policy takes, nor that the relay also costs its " +
        "operator every byte.",
      isBySituation: false,
      tables: [{ title: "", rows: duelRows(file) }],
    },
    {
      title: "Who answers",
      legend: `ms: ${SPREAD}; of commands that of the rounds' quantiles.`,
      unshown: unshownOf("join", "round-trip", "preview"),
      isBySituation: true,
      tables: situations((cells) => answerRows(file, cells)),
    },
    {
      title: "Who carries",
      legend: `Seconds to the whole picture: ${SPREAD}. What was stopped after 20 s: its goodput so far.`,
      unshown: unshownOf("transfer"),
      isBySituation: true,
      tables: situations((cells) => carryRows(file, cells)),
    },
    {
      title: "What it costs",
      legend: `Processor time in ms per MB, of 8 MB; peak memory in MB: ${SPREAD}.`,
      unshown: unshownOf("cpu", "memory"),
      isBySituation: true,
      tables: situations((cells) => costRows(file, cells)),
    },
    {
      title: "The phases of a join",
      legend: `ms from the start of connecting: ${SPREAD}.`,
      unshown: unshownOf("join"),
      isBySituation: true,
      tables: situations((cells) => phaseRows(file, cells)),
    },
  ];
  return digests.flatMap(({ tables, ...rest }) => {
    const told = tables.filter(({ rows }) => rows.length > 0);
    return told.length === 0 ? [] : [{ ...rest, tables: told }];
  });
}

interface Column {
  readonly title: string;
  /** What a subject's cells say; "" when they say nothing. */
  words(cells: readonly Cell[]): string;
}

/** Rows are subjects; columns that say nothing of anybody are left out, and so are such rows. */
function subjectRows(
  file: ResultFile,
  cells: readonly Cell[],
  columns: readonly Column[],
): string[][] {
  const rows = file.subjects.map(({ id, name }) => {
    const own = cells.filter(({ subject }) => subject === id);
    return [name, ...columns.map((column) => column.words(own))];
  });
  const told = rows.filter(([, ...words]) => words.some((word) => word !== ""));
  if (told.length === 0) return [];
  const head = ["", ...columns.map(({ title }) => title)];
  const kept = head.map((_, at) => at === 0 || told.some((row) => row[at] !== ""));
  return [head, ...told].map((row) => row.filter((_, at) => kept[at]));
}

function answerRows(file: ResultFile, cells: readonly Cell[]): string[][] {
  const join = (part: string): Column => ({
    title: part,
    words: wordsOf((cell) => cell.question === "join" && cell.part === part),
  });
  const trips = ["idle", "under bulk"].flatMap((part) =>
    [0.5, 0.95].map((share): Column => {
      const when = part === "idle" ? "at rest" : part;
      const isAsked = (cell: Cell): boolean => cell.question === "round-trip" && cell.part === part;
      return { title: `command ${when}, p${share * 100}`, words: tripWords(isAsked, share) };
    }),
  );
  return subjectRows(file, cells, [
    join("first answer"),
    join("direct open"),
    ...trips,
    {
      title: "first preview",
      words: wordsOf((cell) => cell.question === "preview" && cell.bytes === COMMON_BYTES),
    },
  ]);
}

function carryRows(file: ResultFile, cells: readonly Cell[]): string[][] {
  const columns = DIRECTIONS.flatMap((direction) =>
    sizesOf(cells, direction).map((bytes): Column => {
      const isAsked = (cell: Cell): boolean =>
        cell.question === "transfer" && cell.direction === direction && cell.bytes === bytes;
      return { title: `${bytes / 1e6} MB ${direction}`, words: wordsOf(isAsked, 1000) };
    }),
  );
  return subjectRows(file, cells, columns);
}

function costRows(file: ResultFile, cells: readonly Cell[]): string[][] {
  const parts = ["page", "extension", "relay"];
  const cpu = DIRECTIONS.flatMap((direction) =>
    parts.map((part): Column => {
      const isAsked = (cell: Cell): boolean =>
        cell.question === "cpu" && cell.direction === direction && cell.part === part;
      return { title: `${part}, ms/MB ${direction}`, words: wordsOf(isAsked) };
    }),
  );
  const memory = parts.map(
    (part): Column => ({
      title: `${part}, MB`,
      words: wordsOf((cell) => cell.question === "memory" && cell.part === part),
    }),
  );
  return subjectRows(file, cells, [...cpu, ...memory]);
}

function phaseRows(file: ResultFile, cells: readonly Cell[]): string[][] {
  const joins = cells.filter(({ question }) => question === "join");
  const parts = [...new Set(joins.map(({ part }) => part))].sort(
    (a, b) => placeOfPart(a) - placeOfPart(b),
  );
  const columns = parts.map(
    (part): Column => ({ title: part, words: wordsOf((cell) => cell.part === part) }),
  );
  return subjectRows(file, joins, columns);
}

/** The median and its spread, in thousandths of a second or in seconds. */
function wordsOf(isAsked: (cell: Cell) => boolean, perUnit = 1): Column["words"] {
  return (cells) => {
    const cell = cells.find(isAsked);
    if (cell === undefined) return "";
    const summary = summaryOf(cell);
    if (isMostlyFailed(summary)) return failedWords(summary);
    if (isMostlyStopped(summary)) return stoppedWords(summary);
    const { median, low, high, stopped, failed } = summary;
    const [middle, from] = [median, low].map((value) => rounded(value / perUnit));
    const to = boundedWords(high, summary, perUnit);
    return `${middle} [${from}–${to}]${notWords(stopped + failed.length, summary.count)}`;
  };
}

function tripWords(isAsked: (cell: Cell) => boolean, share: number): Column["words"] {
  return (cells) => {
    const cell = cells.find(isAsked);
    if (cell === undefined) return "";
    const rounds = [...roundsOf(cell).values()].map((trips) => quantile(trips, share));
    const summary = summaryOf(cell);
    if (isMostlyFailed(summary)) return failedWords(summary);
    const [middle, low, high] = [0.5, 0, 1].map((part) => rounded(quantile(rounds, part)));
    return `${middle} [${low}–${high}]${notWords(summary.failed.length, summary.rounds)}`;
  };
}

function notWords(lost: number, count: number): string {
  return lost > 0 ? ` (${lost} of ${count} not)` : "";
}
