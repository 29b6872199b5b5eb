import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { digestsOf } from "./digest.ts";
import { duelOf, wordsForDuel } from "./duel.ts";
import { readmeTables, resultsNamedIn, withResults } from "./readme.ts";
import { type Cell, parseResults, type ResultFile } from "./result-schema.ts";
import { emptyResults } from "./sample-results.ts";
import { textReport } from "./tables.ts";

const SITUATION = { id: "here", name: "here", what: "Here.", unshown: "It does not show there." };

function series(...values: number[]): Map<number, number> {
  return new Map(values.map((value, round) => [round, value]));
}

function samples(...values: number[]): Cell["samples"] {
  return values.map((value, round) => ({ round, value }));
}

function subject(id: string): ResultFile["subjects"][number] {
  return { id, name: `The ${id}`, isYardstick: false, ends: "both", versions: { [id]: "1.2.3" } };
}

function file(cells: readonly Omit<Cell, "situation" | "unit">[]): ResultFile {
  return emptyResults({
    situations: [SITUATION],
    subjects: ["relay", "direct", "other"].map(subject),
    cells: cells.map((cell) => ({ ...cell, situation: "here", unit: "ms" })),
  });
}

const down = { question: "transfer", part: "whole", direction: "down", bytes: 8_000_000 } as const;

const MADE = file([
  { ...down, subject: "relay", samples: samples(2000, 2100, 2200, 1900, 2000) },
  { ...down, subject: "direct", samples: samples(1000, 1000, 1000, 1000, 1000) },
  {
    ...{ ...down, subject: "other" },
    samples: [0, 1, 2].map((round) => ({ round, stopped: { bytes: 2_500_000, ms: 20_000 } })),
  },
  {
    ...{ question: "round-trip", subject: "direct", part: "idle" },
    samples: [10, 11, 12, 20, 21, 22].map((value, at) => ({ round: at < 3 ? 0 : 1, value })),
  },
  { question: "join", subject: "direct", part: "direct open", samples: samples(300) },
  { question: "join", subject: "direct", part: "in the room", samples: samples(100) },
  ...["page", "extension", "relay"].flatMap((part) => [
    { question: "memory", subject: "direct", part, samples: samples(10) } as const,
    { question: "memory", subject: "relay", part, samples: samples(20) } as const,
  ]),
]);

describe("a duel of relay and direct", () => {
  test("names who is faster, by how much, and how far the rounds are apart", () => {
    const duel = duelOf(series(20, 22, 24, 21, 23), series(10, 10, 10, 10, 10));
    expect(duel).toEqual({ faster: "direct", ratio: 2.2, low: 2, high: 2.4, isBeyondNoise: true });
    expect(wordsForDuel(duel)).toBe("direct 2.20 [2.00–2.40]");
    expect(wordsForDuel(duelOf(series(1, 1, 1, 1, 1), series(3, 3, 3, 3, 3)))).toMatch(/^relay 3/);
  });

  test("does not call a winner what is within the noise", () => {
    const duel = duelOf(series(10, 40, 10, 40, 30), series(20, 25, 20, 25, 20));
    expect(duel?.isBeyondNoise).toBe(false);
    expect(wordsForDuel(duel)).toBe("direct 1.50? [0.50–1.60]");
  });

  test("calls even what nobody would notice, however sure", () => {
    const duel = duelOf(series(105, 105, 105, 105, 105), series(100, 100, 100, 100, 100));
    expect(wordsForDuel(duel)).toBe("even [1.05–1.05]");
  });

  test("compares only what both did", () => {
    expect(duelOf(series(), series(1))).toBeUndefined();
    expect(wordsForDuel(undefined)).toBe("");
    expect(duelOf(new Map([[0, 4]]), new Map([[1, 2]]))).toMatchObject({
      ratio: 2,
      low: Number.NaN,
    });
  });
});

describe("a digest", () => {
  const digests = digestsOf(MADE);
  const rows = (title: string): string[][] =>
    digests.find((digest) => digest.title === title)?.tables[0]?.rows.map((row) => [...row]) ?? [];

  test("opens with relay against direct; costs are the sum of page, extension and relay", () => {
    expect(rows("Relay against direct")).toEqual([
      ["", "here"],
      ["8 MB down", "direct 2.00 [1.90–2.20]"],
      ["peak memory, all three", "direct 2.00? [2.00–2.00]"],
    ]);
  });

  test("has a row for each subject, in seconds, and the goodput of what was stopped", () => {
    expect(rows("Who carries")).toEqual([
      ["", "8 MB down"],
      ["The relay", "2.00 [1.90–2.20]"],
      ["The direct", "1.00 [1.00–1.00]"],
      ["The other", "stopped, 1.00 Mbit/s"],
    ]);
  });

  test("tells the rounds' quantiles of commands, so that the middle lies between its bounds", () => {
    expect(rows("Who answers")).toEqual([
      ["", "direct open", "command at rest, p50", "command at rest, p95"],
      ["The direct", "300 [300–300]", "16.0 [11.0–21.0]", "16.9 [11.9–21.9]"],
    ]);
  });

  test("puts the phases of a join in their order", () => {
    expect(rows("The phases of a join")[0]).toEqual(["", "in the room", "direct open"]);
  });

  test("tells of everything what it does not show", () => {
    for (const { unshown } of digests) expect(unshown).toMatch(/^It does not show .*\.$/);
  });

  test("counts what failed, and what did not end, beside what did", () => {
    const [done, failed] = [samples(1000, 2000), [{ round: 2, failed: "no way" }]];
    const some = file([{ ...down, subject: "relay", samples: [...done, ...failed] }]);
    const none = file([{ ...down, subject: "relay", samples: failed }]);
    expect(JSON.stringify(digestsOf(some))).toContain("1.50 [1.00–2.00] (1 of 3 not)");
    expect(JSON.stringify(digestsOf(none))).toContain('"failed"');
  });
});

describe("a digest of what failed", () => {
  const failed = (round: number): Cell["samples"][number] => ({ round, failed: "no way" });
  const trip = { question: "round-trip", subject: "relay", part: "idle" } as const;
  const answers = (...rounds: Cell["samples"]): string | undefined =>
    digestsOf(file([{ ...trip, samples: rounds }])).find(({ title }) => title === "Who answers")
      ?.tables[0]?.rows[1]?.[1];

  test("marks rounds without an answer, however many answers the others have", () => {
    const twice = [10, 12].flatMap((value) => [0, 1].map((round) => ({ round, value })));
    expect(answers(...twice, failed(2))).toBe("11.0 [11.0–11.0] (1 of 3 not)");
    expect(answers(...samples(10, 12), failed(2))).toBe("11.0 [10.0–12.0] (1 of 3 not)");
    expect(answers(...samples(10), failed(1), failed(2))).toBe("failed 2 of 3");
    expect(answers(failed(0))).toBe("failed");
  });
});

describe("a preview", () => {
  test("is told of the size that everybody carries, where larger ones are not asked for", () => {
    const cells = (["relay", "direct"] as const).flatMap((subject) =>
      [500_000, 8_000_000].map((bytes) => ({
        ...({ question: "preview", part: "first", direction: "down", bytes, subject } as const),
        samples: samples(bytes / 1e5),
      })),
    );
    const wide = {
      question: "preview",
      part: "first",
      direction: "down",
      bytes: 32_000_000,
    } as const;
    const made = file([...cells]);
    // Elsewhere there is a larger one.
    const elsewhere = { ...wide, subject: "relay", situation: "there", unit: "ms" } as const;
    const both = {
      ...made,
      situations: [SITUATION, { ...SITUATION, id: "there", name: "there" }],
      cells: [...made.cells, { ...elsewhere, samples: samples(1) }],
    };
    const [duel, answers] = digestsOf(both);
    expect(duel?.tables[0]?.rows).toEqual([
      ["", "here", "there"],
      ["first preview", "even [1.00–1.00]", ""],
    ]);
    expect(answers?.tables[0]?.rows).toEqual([
      ["", "first preview"],
      ["The relay", "80.0 [80.0–80.0]"],
      ["The direct", "80.0 [80.0–80.0]"],
    ]);
  });
});

describe("the document's tables", () => {
  const EMPTY = "Before.\n\n<!-- results -->\n<!-- end of results -->\n\nAfter.\n";

  test("say what one must know to repeat them", () => {
    const text = readmeTables(MADE);
    for (const fact of ["npm run bench", "abc1234", "2 × made up", "5 rounds", "other 1.2.3"]) {
      expect(text).toContain(fact);
    }
    expect(text).toContain("It does not show there.");
  });

  test("replace those that are there, and leave the words around them", () => {
    const once = withResults(EMPTY, "results/a.json", MADE);
    expect(once).toMatch(/^Before\.\n\n<!-- results of results\/a\.json -->/);
    expect(once).toMatch(/<!-- end of results -->\n\nAfter\.\n$/);
    expect(resultsNamedIn(EMPTY)).toBeUndefined();
    expect(resultsNamedIn(once)).toBe("results/a.json");
    expect(withResults(once, "results/a.json", MADE)).toBe(once);
    expect(() => withResults("Nothing.", "a", MADE)).toThrow("no place");
  });

  test("are a table of the terminal as well", () => {
    const text = textReport(MADE);
    expect(text).toContain("### Relay against direct");
    expect(text).toMatch(/\| commit +\| abc1234/);
  });

  test("in bench/README.md are those of the file that it names", () => {
    const document = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const named = resultsNamedIn(document);
    if (named === undefined) {
      expect(document).toContain("<!-- results -->\n<!-- end of results -->");
      return;
    }
    const path = new URL(`../${named}`, import.meta.url);
    expect(existsSync(path)).toBe(true);
    const results = parseResults(readFileSync(path, "utf8"), named);
    expect(withResults(document, named, results)).toBe(document);
  });
});
