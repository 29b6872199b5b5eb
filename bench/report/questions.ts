/** What is asked, in the words of the report, and what each answer does not show. */

import type { QUESTION_IDS } from "./result-schema.ts";

export interface Question {
  readonly id: (typeof QUESTION_IDS)[number];
  readonly title: string;
  readonly how: string;
  readonly unshown: string;
}

export const QUESTIONS: readonly Question[] = [
  {
    id: "join",
    title: "From join to the first answer, and to direct",
    how:
      "The page's clock from the start of connecting. Raw channels are left out: the bench carries " +
      "their signals, which costs them nothing.",
    unshown:
      "It does not show loading the page, looking up names, TLS, or an extension that is not there yet.",
  },
  {
    id: "round-trip",
    title: "A command and its answer, at rest and under bulk",
    how:
      "One command after the other; under bulk, while 32 MB come down. An answer that is missing when " +
      "the measurement ends counts with the time it has been waited for.",
    unshown: "It does not show several commands at once, or bulk in both directions.",
  },
  {
    id: "preview",
    title: "To the first preview",
    how: "The page's clock from its request to 20 kB of preview, right before the picture follows.",
    unshown: "It does not show drawing, which takes seconds, or several previews of one picture.",
  },
  {
    id: "transfer",
    title: "To the whole picture",
    how:
      "Down: from the page's request to the last byte of the result. Up: from its first byte to the " +
      "other end's word that it has all. Stopped after 20 s: then the table says how fast it came until " +
      "there; on the way up only the other end knows, so the table says what it was slower than.",
    unshown:
      "It does not show pictures that share the way with others' traffic, nor what a hidden tab does.",
  },
  {
    id: "cpu",
    title: "Processor time per megabyte",
    how: "From /proc, whole process trees, over transfers of 8 MB.",
    unshown:
      "It does not show the kernel's work in interrupts, nor what a phone's slower cores make of it.",
  },
  {
    id: "memory",
    title: "Peak memory",
    how:
      "The most that was seen of each process tree (PSS), four times a second, over a whole run. " +
      "Each page and each home holds 32 MB of picture for the bench.",
    unshown:
      "It does not show hours: garbage collectors are lazy, and a process that has room lets it grow.",
  },
];

export const DIRECTION_NAMES = { down: "down (result to page)", up: "up (input to computer)" };

/** For a table that answers several: each sentence once. */
export function unshownOf(...ids: readonly Question["id"][]): string {
  return QUESTIONS.flatMap(({ id, unshown }) => (ids.includes(id) ? unshown : [])).join(" ");
}
