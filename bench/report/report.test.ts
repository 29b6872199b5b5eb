import { describe, expect, test } from "vitest";
import { CellBook } from "./cell-book.ts";
import { htmlReport } from "./html.ts";
import { QUESTIONS } from "./questions.ts";
import { type Cell, keyOf, parseResults } from "./result-schema.ts";
import { emptyResults, madeResults } from "./sample-results.ts";
import { panelsOf, rounded, summaryOf } from "./summary.ts";
import { chart, escapeText, logScale } from "./svg.ts";
import { textReport, wordsFor } from "./tables.ts";

const TRANSFER = {
  question: "transfer",
  situation: "place-0",
  subject: "direct",
  part: "whole",
  direction: "down",
  bytes: 1_000_000,
  unit: "ms",
} as const;

function transfer(...samples: Cell["samples"]): Cell {
  return { ...TRANSFER, samples };
}

describe("a result file", () => {
  test("is read as it was written", () => {
    const file = madeResults({ seed: 1, spread: 0.1 });
    expect(parseResults(JSON.stringify(file), "made")).toEqual(file);
  });

  test.each([
    ["another schema", { schema: 1 }],
    ["an unknown question", { cells: [{ ...transfer(), question: "beauty" }] }],
    ["a negative time", { cells: [transfer({ round: 0, value: -1 })] }],
    ["a field that nobody knows", { mood: "good" }],
  ])("is refused for %s", (_what, parts) => {
    const text = JSON.stringify({ ...emptyResults(), ...parts });
    expect(() => parseResults(text, "made")).toThrow("made is no result file");
  });
});

describe("a cell book", () => {
  test("puts samples of the same question together, and no others", () => {
    const book = new CellBook();
    book.add(TRANSFER, { round: 0, value: 1 });
    book.add(TRANSFER, { round: 1, value: 2 });
    book.add({ ...TRANSFER, bytes: 2 }, { round: 0, value: 3 });
    expect(book.cells.map((cell) => cell.samples.length)).toEqual([2, 1]);
    expect(new Set(book.cells.map(keyOf)).size).toBe(2);
  });
});

describe("a summary", () => {
  test("tells the speed of those that ended and of those that were stopped", () => {
    const cell = transfer(
      { round: 0, value: 1000 },
      { round: 1, value: 2000 },
      { round: 2, stopped: { bytes: 500_000, ms: 20_000 } },
    );
    const summary = summaryOf(cell);
    expect(summary).toMatchObject({ count: 3, median: 2000, stopped: 1, goodput: 4 });
    expect(wordsFor(cell)).toBe("2000 [1000–>20000], 4.00 Mbit/s (1 stopped)");
  });

  test("does not leave out of the middle what was stopped", () => {
    const stopped = { stopped: { bytes: 500_000, ms: 20_000 } };
    const cell = transfer(
      ...[5000, 1000, 3000].map((value, round) => ({ round, value })),
      { round: 3, ...stopped },
      { round: 4, stopped: { ms: 20_001 } },
    );
    expect(summaryOf(cell).median).toBe(5000);
    expect(wordsFor(cell)).toBe("5000 [1000–>20000], 1.60 Mbit/s (2 stopped)");
    const half = transfer({ round: 0, value: 1000 }, { round: 1, ...stopped });
    expect(wordsFor(half)).toBe("stopped, 4.10 Mbit/s");
  });

  test("gives no value for what mostly failed", () => {
    const failed = { failed: "no way" };
    const cell = transfer({ round: 0, value: 1 }, { round: 1, ...failed }, { round: 2, ...failed });
    expect(wordsFor(cell)).toBe("failed 2 of 3");
  });

  test("does not give a time for what mostly did not end", () => {
    const stopped = { stopped: { bytes: 500_000, ms: 20_000 } };
    const cell = transfer(
      { round: 0, ...stopped },
      { round: 1, ...stopped },
      { round: 2, value: 9 },
    );
    expect(wordsFor(cell)).toBe("stopped, 0.20 Mbit/s");
  });

  test("does not take for nothing what only the other end knows", () => {
    const cell = transfer({ round: 0, stopped: { ms: 20_000 } });
    expect(wordsFor(cell)).toBe("stopped, under 0.40 Mbit/s");
  });

  test("tells what failed", () => {
    const cell = transfer({ round: 0, failed: "no way" });
    expect(wordsFor(cell)).toBe("failed");
    expect(wordsFor(undefined)).toBe("");
  });

  test("rounds to what a bench knows", () => {
    expect(
      [0.0123, 1.234, 45.67, 678.9, Number.NaN, Number.POSITIVE_INFINITY].map(rounded),
    ).toEqual(["0.012", "1.23", "45.7", "679", "–", "∞"]);
  });
});

describe("a picture", () => {
  test("has a logarithmic scale of round numbers that holds every value", () => {
    const scale = logScale(3, 4200);
    expect(scale.ticks).toEqual([10, 100, 1000]);
    expect(Number(scale.at(3))).toBeLessThan(Number(scale.at(30)));
    expect(Number(scale.at(30)) - Number(scale.at(3))).toBeCloseTo(
      Number(scale.at(300)) - Number(scale.at(30)),
      0,
    );
    expect(logScale(10, 10).ticks).toEqual([10, 20]);
    expect(logScale(117, 299).ticks).toEqual([100, 200, 500]);
    expect(logScale(0.7, 40).ticks).toEqual([0.5, 1, 2, 5, 10, 20, 50]);
    const [from, to] = [117, 299].map((value) => Number(logScale(117, 299).at(value)));
    expect((to ?? 0) - (from ?? 0), "most of the width is used").toBeGreaterThan(250);
  });

  test("shows a row for each subject, also for one without a value", () => {
    const row = { label: "ours", low: 1, middle: 2, high: 3, words: "2 ms", accent: 1 } as const;
    const none = { ...row, label: "theirs", low: Number.NaN, middle: Number.NaN, high: Number.NaN };
    const svg = chart([{ title: "here", rows: [row, none] }], "ms", "times");
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg).toContain("theirs");
    expect(svg).not.toContain("NaN");
    expect(chart([{ title: "here", rows: [none] }], "ms", "times")).toBe("");
  });

  test("has no point where most runs were stopped, but an arrow at the limit", () => {
    const stopped = { stopped: { bytes: 500_000, ms: 20_000 } };
    const cells = [
      transfer({ round: 0, value: 500 }, { round: 1, ...stopped }, { round: 2, ...stopped }),
      { ...transfer({ round: 0, value: 700 }), subject: "tcp" },
    ];
    const html = htmlReport({ ...madeResults({ seed: 4, spread: 0.1 }), cells });
    expect(html.match(/<circle/g)).toHaveLength(1);
    const [, tip] = /<path class="stopped s2" d="M\S+ \S+L(\S+) /.exec(html) ?? [];
    expect(Number(tip)).toBe(Number(logScale(700, 20_000).at(20_000)));
  });

  test("takes no sign for markup", () => {
    expect(escapeText(`<b a="1">&`)).toBe("&#60;b a=&#34;1&#34;&#62;&#38;");
  });
});

describe("a report", () => {
  const section = {
    title: "A section",
    figures: [{ name: "gap", unit: "ms", values: [1, 2, null] }],
    notes: ["A note."],
    unshown: "It does not show the sea.",
  };
  const file = {
    ...madeResults({ seed: 3, spread: 0.1 }),
    sections: [section],
    missing: [{ what: "the <moon>", why: "too far" }],
    troubles: [{ what: "the second turn", why: "the links were busy" }],
  };

  test("has each table in the terminal", () => {
    const text = textReport(file);
    for (const panel of panelsOf(file, "transfer")) expect(text).toContain(`#### ${panel.title}`);
    expect(text).toContain("| gap (ms) | 3   | 1.00 | 2.00 | ∞ ");
    expect(text).toContain("### Not measured\n\n- the <moon>: too far");
    expect(text).toContain("### Measured in trouble\n\n- the second turn: the links were busy");
  });

  test("is one file, with a picture for each panel and nothing to load", () => {
    const html = htmlReport(file);
    const panels = QUESTIONS.flatMap(({ id }) => panelsOf(file, id));
    expect(html.match(/<svg /g)).toHaveLength(panels.length);
    expect(html).not.toMatch(/<script|src=|href=|@import|url\(/);
    expect(html).toContain("prefers-color-scheme: dark");
    expect(html).toContain("the &#60;moon&#62;");
    expect(html).toContain("<h2>Measured in trouble</h2><ul><li>the second turn: the links");
  });

  test("ends every section with what it does not show", () => {
    const html = htmlReport(file);
    const sections = html.match(/<section>.*?<\/section>/gs) ?? [];
    const measured = sections.filter((text) => !/Not measured|Measured in trouble/.test(text));
    expect(measured.length).toBe(3);
    for (const text of measured) expect(text).toMatch(/class="unshown">[^<]+<\/p><\/section>$/);
  });
});
