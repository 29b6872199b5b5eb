/** The matrix as tables: for the terminal with times, for the document without. Pure. */
import type { Pair } from "./cast.ts";
import type { CellResult } from "./cell.ts";
import { NAT_KINDS, type NatKind } from "./nat-kinds.ts";

export interface PlayedCell extends Pair {
  readonly result: CellResult;
}

/** `direct`, `TURN`, or why not. */
function verdict({ outcome }: CellResult): string {
  if (outcome.path === "relay") return "relay";
  return outcome.by === "turn" ? "TURN" : "direct";
}

function find(
  cells: readonly PlayedCell[],
  hasTurn: boolean,
  browser: NatKind,
  extension: NatKind,
): CellResult | undefined {
  return cells.find(
    (cell) => cell.hasTurn === hasTurn && cell.browser === browser && cell.extension === extension,
  )?.result;
}

/** Kinds in the order of {@link NAT_KINDS} that have a cell. */
function kindsOf(cells: readonly PlayedCell[], hasTurn: boolean): NatKind[] {
  return (Object.keys(NAT_KINDS) as NatKind[]).filter((kind) =>
    cells.some((cell) => cell.hasTurn === hasTurn && cell.browser === kind),
  );
}

/** One line for each cell, in the order of the kinds, with what was measured. */
export function printedTable(cells: readonly PlayedCell[]): string {
  const lines = [false, true].flatMap((hasTurn) =>
    kindsOf(cells, hasTurn).flatMap((browser) =>
      kindsOf(cells, hasTurn).flatMap((extension) => {
        const result = find(cells, hasTurn, browser, extension);
        if (result === undefined) return [];
        return [
          [
            browser.padEnd(17),
            extension.padEnd(17),
            (hasTurn ? "given" : "").padEnd(6),
            verdict(result).padEnd(7),
            result.outcome.reason.padEnd(11),
            String(result.attempts).padStart(8),
            `${result.firstPictureMs} ms`.padStart(9),
            `${result.settledMs} ms`.padStart(9),
            ` ${result.route}`,
          ].join(" "),
        ];
      }),
    ),
  );
  const head = `${"page".padEnd(17)} ${"extension".padEnd(17)} TURN   ${"path".padEnd(7)} ${"reason".padEnd(11)} attempts   picture   settled  route`;
  return `\n${[head, ...lines].join("\n")}\n`;
}

/** Rows are pages, columns extensions. */
function markdownTable(cells: readonly PlayedCell[], hasTurn: boolean): string {
  const kinds = kindsOf(cells, hasTurn);
  const row = (words: readonly string[]): string => `| ${words.join(" | ")} |`;
  return [
    row(["page ╲ extension", ...kinds]),
    row(["---", ...kinds.map(() => "---")]),
    ...kinds.map((browser) =>
      row([
        `**${browser}**`,
        ...kinds.map((extension) => {
          const result = find(cells, hasTurn, browser, extension);
          return result === undefined ? "" : verdict(result);
        }),
      ]),
    ),
  ].join("\n");
}

/** The document with its tables replaced: each stands between two comments that name it. */
export function withTables(document: string, cells: readonly PlayedCell[]): string {
  return [
    { name: "without TURN", table: markdownTable(cells, false) },
    { name: "with TURN", table: markdownTable(cells, true) },
    { name: "kinds", table: kindsTable() },
  ].reduce((text, { name, table }) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [before, rest = ""] = text.split(begin);
    const [, after] = rest.split(end);
    if (before === undefined || after === undefined) throw new Error(`no place for ${name}`);
    return `${before}${begin}\n\n${table}\n\n${end}${after}`;
  }, document);
}

function kindsTable(): string {
  const rows = Object.entries(NAT_KINDS).map(([kind, { says }]) => `| \`${kind}\` | ${says} |`);
  return ["| Kind | What it is |", "| --- | --- |", ...rows].join("\n");
}
