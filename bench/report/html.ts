/** The whole report as one HTML file without a script and without anything to load. Pure. */

import { digestsOf } from "./digest.ts";
import { factRows, remarksOf, situationRows, subjectRows } from "./facts.ts";
import { DIRECTION_NAMES, QUESTIONS } from "./questions.ts";
import type { ResultFile } from "./result-schema.ts";
import {
  cellIn,
  isMostlyFailed,
  isMostlyStopped,
  type Panel,
  panelsOf,
  rounded,
  summaryOf,
} from "./summary.ts";
import { type ChartGroup, type ChartRow, chart, escapeText } from "./svg.ts";
import { legendOf, panelRows, sectionRows, wordsFor } from "./tables.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --dim: #667; --line: #d8dce2; --page: #fff;
  --relay: #b4590a; --direct: #0b6bcb; --other: #7a8290; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --dim: #9aa3ad; --line: #333a42;
  --page: #14171a; --relay: #f0a050; --direct: #62a8f5; --other: #8b95a1; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 920px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 2px 12px 2px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.wide { overflow-x: auto; } .wide svg { min-width: 720px; } summary { cursor: pointer; color: var(--dim); }
p.how, p.unshown, figcaption { color: var(--dim); } figure { margin: 1rem 0; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .group { font-weight: 600; } svg .axis, svg .words { fill: var(--dim); font-size: 11px; }
svg .grid { stroke: var(--line); } svg .spread { stroke-width: 3; opacity: .5; }
svg .s0 { stroke: var(--other); fill: var(--other); } svg .s1 { stroke: var(--relay); fill: var(--relay); }
svg .s2 { stroke: var(--direct); fill: var(--direct); }`;

const PICTURES =
  "In the pictures a point is the median, and its line reaches from the smallest to the largest " +
  "value, of commands to the 95th percentile; an arrow is where most runs were stopped. Scales are logarithmic; further left is better.";

export function htmlReport(file: ResultFile): string {
  const title = `Beeline bench, ${file.startedAt.slice(0, 10)}, ${file.commit}`;
  const body = [
    `<h1>${escapeText(title)}</h1>`,
    overall(file),
    facts(file),
    file.cells.length === 0 ? "" : `<p class="how">${PICTURES}</p>`,
    ...QUESTIONS.map((question) => {
      const panels = panelsOf(file, question.id);
      if (panels.length === 0) return "";
      const { title, how, unshown } = question;
      const pictures = panels.map((panel) => figure(panel, file, legendOf(question)));
      return [
        `<section><h2>${escapeText(title)}</h2><p class="how">${escapeText(how)}</p>`,
        ...pictures,
        `<p class="unshown">${escapeText(unshown)}</p></section>`,
      ].join("");
    }),
    ...file.sections.map(loopback),
    remarks(file),
  ];
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width">`;
  return `<!doctype html><html lang="en">${head}<title>${escapeText(title)}</title><style>${STYLE}</style><body>${body.join("\n")}</body></html>\n`;
}

/** What one must know to believe or repeat it. */
function facts(file: ResultFile): string {
  const who = `<h2>Who is compared</h2><div class="wide">${table(subjectRows(file))}</div>`;
  return [
    `<div class="wide">${table(factRows(file))}</div>`,
    ...(file.subjects.length === 0 ? [] : [who]),
    ...(file.situations.length === 0 ? [] : [`<h2>Where</h2>${table(situationRows(file))}`]),
  ].join("");
}

/** The question of the bench, all situations at once, before the pictures of each part of it. */
function overall(file: ResultFile): string {
  return digestsOf(file)
    .filter(({ isBySituation }) => !isBySituation)
    .map(({ title, legend, unshown, tables }) =>
      [
        `<section><h2>${escapeText(title)}</h2><p class="how">${escapeText(legend)}</p>`,
        ...tables.map(({ rows }) => `<div class="wide">${table(rows)}</div>`),
        `<p class="unshown">${escapeText(unshown)}</p></section>`,
      ].join(""),
    )
    .join("");
}

function figure(panel: Panel, file: ResultFile, legend: string): string {
  const name = nameOf(panel);
  const unit = panel.cells[0]?.unit ?? "ms";
  const groups = file.situations.flatMap((situation): ChartGroup[] => {
    const rows = file.subjects.flatMap((subject): ChartRow[] => {
      const cell = cellIn(panel, situation.id, subject.id);
      if (cell === undefined) return [];
      const summary = summaryOf(cell);
      const isTrip = cell.question === "round-trip";
      const accents: Record<string, 0 | 1 | 2> = { relay: 1, direct: 2 };
      return [
        {
          label: subject.name,
          low: summary.low,
          middle: summary.median,
          // How long the longest would have taken is no measurement.
          high: isTrip ? summary.p95 : Math.min(summary.high, summary.limit ?? summary.high),
          stoppedAt: isMostlyStopped(summary) ? summary.limit : undefined,
          words:
            isMostlyStopped(summary) || isMostlyFailed(summary)
              ? wordsFor(cell)
              : `${rounded(summary.median)} ${cell.unit}`,
          accent: accents[subject.id] ?? 0,
        },
      ];
    });
    return rows.length === 0 ? [] : [{ title: situation.name, rows }];
  });
  return [
    `<figure><h3>${escapeText(name)}</h3><div class="wide">${chart(groups, unit, name)}</div>`,
    `<details><summary>The numbers (${escapeText(legend)})</summary>`,
    `<div class="wide">${table(panelRows(panel, file))}</div></details></figure>`,
  ].join("");
}

function nameOf({ title, direction }: Panel): string {
  return direction === undefined ? title : title.replace(direction, DIRECTION_NAMES[direction]);
}

function loopback(section: ResultFile["sections"][number]): string {
  const notes = section.notes.map((note) => `<p>${escapeText(note)}</p>`).join("");
  return `<section><h2>${escapeText(section.title)}</h2><div class="wide">${table(sectionRows(section))}</div>${notes}<p class="unshown">${escapeText(section.unshown)}</p></section>`;
}

function remarks(file: ResultFile): string {
  return remarksOf(file)
    .map(({ title, items }) => {
      const list = items.map((item) => `<li>${escapeText(item)}</li>`).join("");
      return `<section><h2>${title}</h2><ul>${list}</ul></section>`;
    })
    .join("");
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${line("th", head)}${body.map((row) => line("td", row)).join("")}</table>`;
}
