/**
 * The tables of `bench/README.md`, made of one result file, and their place in it: between two comments
 * that name the file, so that a test can make them again and see that nobody has changed them. Pure.
 */

import { type Digest, digestsOf } from "./digest.ts";
import { factRows, remarksOf, subjectRows } from "./facts.ts";
import type { ResultFile } from "./result-schema.ts";
import { markdownTable, sectionText } from "./tables.ts";

const PLACE = /<!-- results(?: of (\S+))? -->\n.*?<!-- end of results -->/s;

/** The document with the tables of that file in place of those that it had. */
export function withResults(document: string, name: string, file: ResultFile): string {
  if (!PLACE.test(document)) throw new Error("no place for the results");
  const block = `<!-- results of ${name} -->\n\n${readmeTables(file)}\n\n<!-- end of results -->`;
  return document.replace(PLACE, () => block);
}

/** The file whose tables the document shows; undefined while it shows none. */
export function resultsNamedIn(document: string): string | undefined {
  return PLACE.exec(document)?.[1];
}

export function readmeTables(file: ResultFile): string {
  const digests = digestsOf(file);
  const [whole, bySituation] = [
    digests.filter(({ isBySituation }) => !isBySituation),
    digests.filter(({ isBySituation }) => isBySituation),
  ];
  const parts = [
    markdownTable(factRows(file)),
    ...(file.subjects.length === 0 ? [] : [markdownTable(subjectRows(file))]),
    ...whole.flatMap((digest) => [`### ${digest.title}`, ...told(digest)]),
    ...(bySituation.length === 0 ? [] : ["### How to read what follows", howToRead(bySituation)]),
    ...file.situations.flatMap((situation) => placeTables(situation, bySituation)),
    ...file.sections.map(sectionText),
    ...remarksOf(file).flatMap(({ title, items }) => [
      `### ${title}`,
      items.map((item) => `- ${item}`).join("\n"),
    ]),
  ];
  return parts.join("\n\n");
}

function told({ legend, unshown, tables }: Digest): string[] {
  return [legend, ...tables.map(({ rows }) => markdownTable(rows)), unshown];
}

function howToRead(digests: readonly Digest[]): string {
  return digests
    .map(({ title, legend, unshown }) => `- **${title}.** ${legend} ${unshown}`)
    .join("\n");
}

function placeTables(
  { name, what, unshown }: ResultFile["situations"][number],
  digests: readonly Digest[],
): string[] {
  const tables = digests.flatMap(({ title, tables }) =>
    tables
      .filter((table) => table.title === name)
      .flatMap(({ rows }) => [`${title}:`, markdownTable(rows)]),
  );
  return tables.length === 0 ? [] : [`### ${capital(name)}`, `${what} ${unshown}`, ...tables];
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
