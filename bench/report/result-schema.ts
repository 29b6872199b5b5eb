/**
 * One file of results: everything that was measured, and everything one must know to repeat it.
 *
 * A file is checked when it is written and when it is read, so that a comparison never compares
 * something else. A new meaning of a field needs a new `schema`.
 */

import { z } from "zod";

export const SCHEMA = 2;

/** @see QUESTIONS in `questions.ts` for what each asks. */
export const QUESTION_IDS = ["join", "round-trip", "transfer", "preview", "cpu", "memory"] as const;

export const DIRECTIONS = ["down", "up"] as const;
/** `down`: from the computer that draws to the page, as results go. `up`: as input pictures go. */
export type Direction = (typeof DIRECTIONS)[number];

const count = z.number().int().nonnegative();

/**
 * One measurement. `stopped`: the limit came first; `bytes` is what had arrived, absent where only the
 * other end knows. `failed`: there is no value, and this is why.
 */
export const Sample = z.strictObject({
  round: count,
  value: z.number().nonnegative().optional(),
  stopped: z.strictObject({ bytes: count.optional(), ms: z.number().positive() }).optional(),
  failed: z.string().optional(),
});
export type Sample = z.infer<typeof Sample>;

export const Cell = z.strictObject({
  question: z.enum(QUESTION_IDS),
  situation: z.string(),
  subject: z.string(),
  /** What of the question: a phase, `idle` or `busy`, `page`, `extension` or `relay`. */
  part: z.string(),
  direction: z.enum(DIRECTIONS).optional(),
  bytes: count.optional(),
  unit: z.enum(["ms", "ms/MB", "MB"]),
  samples: z.array(Sample),
});
export type Cell = z.infer<typeof Cell>;

export const Figure = z.strictObject({
  name: z.string(),
  unit: z.string(),
  values: z.array(z.number().nullable()),
});

export const LoopbackSection = z.strictObject({
  title: z.string(),
  figures: z.array(Figure),
  notes: z.array(z.string()),
  /** What it does not show. */
  unshown: z.string(),
});

export const SubjectEntry = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** Not ours: when these move between two files, the machine moved. */
  isYardstick: z.boolean(),
  ends: z.string(),
  versions: z.record(z.string(), z.string()),
});

const Remark = z.strictObject({ what: z.string(), why: z.string() });

export const ResultFile = z.strictObject({
  schema: z.literal(SCHEMA),
  startedAt: z.iso.datetime(),
  tookMs: z.number().nonnegative(),
  command: z.string(),
  commit: z.string(),
  /** The work tree had changes that no commit has. */
  isDirty: z.boolean(),
  seed: count,
  rounds: count,
  isQuick: z.boolean(),
  machine: z.record(z.string(), z.string()),
  /** 1, 5 and 15 minutes, before anything of ours ran. */
  loadAtStart: z.tuple([z.number(), z.number(), z.number()]),
  situations: z.array(
    z.strictObject({ id: z.string(), name: z.string(), what: z.string(), unshown: z.string() }),
  ),
  subjects: z.array(SubjectEntry),
  cells: z.array(Cell),
  sections: z.array(LoopbackSection),
  /** What a reader may miss, and why it is not there. */
  missing: z.array(Remark),
  /** What was measured all the same, but not as it should have been. */
  troubles: z.array(Remark).default([]),
});
export type ResultFile = z.infer<typeof ResultFile>;

/** @throws {Error} saying what in the file is not as it must be. */
export function parseResults(text: string, name: string): ResultFile {
  const parsed = ResultFile.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${name} is no result file of schema ${SCHEMA}:\n${z.prettifyError(parsed.error)}`,
  );
}

/** The same in two files: what is compared with what. */
export function keyOf(cell: Omit<Cell, "samples" | "unit">): string {
  const { question, situation, subject, part, direction, bytes } = cell;
  return [question, situation, subject, part, direction ?? "", bytes ?? ""].join(" / ");
}
