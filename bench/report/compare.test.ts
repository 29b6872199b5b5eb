import { describe, expect, test } from "vitest";
import { compare, type Difference, exitCodeOf, FAILED } from "./compare.ts";
import { comparisonText } from "./comparison-text.ts";
import { keyOf, type ResultFile } from "./result-schema.ts";
import { emptyResults, madeResults } from "./sample-results.ts";

const SPREAD = 0.08;
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

function found(before: ResultFile, after: ResultFile): Difference[] {
  return compare(before, after).differences.filter(({ verdict }) => verdict !== "same");
}

describe("a comparison", () => {
  test("finds next to nothing in pure noise, outliers and all", () => {
    const perRun = SEEDS.map((seed) => {
      const before = madeResults({ seed: 2 * seed, spread: SPREAD });
      return found(before, madeResults({ seed: 2 * seed + 1, spread: SPREAD })).length;
    });
    const cells = compare(
      madeResults({ seed: 0, spread: SPREAD }),
      madeResults({ seed: 1, spread: SPREAD }),
    );
    expect(cells.differences.length).toBe(150);
    // At a false discovery rate of 5 % one run in twenty may cry wolf.
    expect(perRun.filter((count) => count > 0).length).toBeLessThanOrEqual(4);
  });

  test("finds one cell that takes half as long again, among all the others", () => {
    const which = { situation: "place-4", bytes: 8_000_000, subject: "direct" };
    const isIt = (cell: { situation: string; bytes?: number | undefined; subject: string }) =>
      cell.situation === which.situation &&
      cell.bytes === which.bytes &&
      cell.subject === which.subject;
    const hits = SEEDS.filter((seed) => {
      const before = madeResults({ seed: 2 * seed, spread: 0.04 });
      const shift = (cell: Parameters<typeof isIt>[0]) => (isIt(cell) ? 1.5 : 1);
      const after = madeResults({ seed: 2 * seed + 1, spread: 0.04, shift });
      return found(before, after).some(
        ({ key, verdict }) =>
          key === "transfer / place-4 / direct / whole / down / 8000000" && verdict === "worse",
      );
    });
    expect(hits.length).toBeGreaterThan(SEEDS.length * 0.7);
  });

  test("finds what all of ours gained, and leaves the others alone", () => {
    const shift = ({ subject }: { subject: string }) => (subject === "direct" ? 0.7 : 1);
    const before = madeResults({ seed: 11, spread: SPREAD });
    const all = found(before, madeResults({ seed: 12, spread: SPREAD, shift }));
    expect(all.filter(({ isYardstick }) => !isYardstick).length).toBeGreaterThan(35);
    expect(all.every(({ verdict, isYardstick }) => isYardstick || verdict === "better")).toBe(true);
    expect(all.filter(({ isYardstick }) => isYardstick).length).toBeLessThanOrEqual(2);
  });

  test("says nothing of a change that is sure but small", () => {
    const shift = () => 1.05;
    const before = madeResults({ seed: 21, spread: 0.001 });
    expect(found(before, madeResults({ seed: 22, spread: 0.001, shift }))).toEqual([]);
  });

  test("does not let one wild run decide", () => {
    const before = madeResults({ seed: 31, spread: SPREAD });
    const after = madeResults({ seed: 32, spread: SPREAD });
    const [cell] = after.cells;
    const [sample] = cell?.samples ?? [];
    if (sample?.value === undefined) throw new Error("no sample");
    sample.value *= 1000;
    const key = "transfer / place-0 / direct / whole / down / 500000";
    expect(found(before, after).map((difference) => difference.key)).not.toContain(key);
  });

  test("counts a stopped transfer by what had come, and one of which nothing came as worst", () => {
    const stopped = (bytes: number): ResultFile => {
      const file = madeResults({ seed: 41, spread: 0.01 });
      const cells = file.cells.filter(
        (cell) => cell.subject === "direct" && cell.bytes === 8_000_000,
      );
      for (const cell of cells) {
        cell.samples = cell.samples.map(({ round }) => ({ round, stopped: { bytes, ms: 20_000 } }));
      }
      return { ...file, cells };
    };
    const { differences } = compare(stopped(4_000_000), stopped(2_000_000));
    expect(differences[0]?.before).toBe(40_000);
    expect(differences[0]?.after).toBe(80_000);
    expect(compare(stopped(1_000_000), stopped(0)).differences[0]?.ratio).toBeGreaterThan(1000);
  });

  test("counts a stopped transfer of which only the other end knows by its limit", () => {
    const file = madeResults({ seed: 43, spread: 0.01 });
    const [cell] = file.cells;
    if (cell === undefined) throw new Error("no cell");
    const samples = cell.samples.map(({ round }) => ({ round, stopped: { ms: 20_000 } }));
    const after = { ...file, cells: [{ ...cell, samples }] };
    expect(compare(file, after).differences[0]?.after).toBe(20_000);
  });

  test("objects to another machine, and to one that was busy", () => {
    const before = madeResults({ seed: 51, spread: SPREAD });
    const busy = madeResults({ seed: 52, spread: SPREAD, shift: () => 1.6 });
    expect(compare(before, busy).objections).toEqual([expect.stringContaining("busy")]);
    const other = { ...before, machine: { ...before.machine, cpu: "64 × another" } };
    expect(compare(before, other).objections).toEqual([expect.stringContaining("another cpu")]);
    expect(compare(before, emptyResults()).objections[0]).toContain("no cell in common");
    expect(compare(before, before).objections).toEqual([]);
  });

  test("objects to so few rounds that nothing could be found, as of two quick runs", () => {
    const quick = { ...madeResults({ seed: 53, spread: SPREAD }), rounds: 2 };
    expect(compare(quick, quick).objections).toEqual([expect.stringContaining("too few")]);
    expect(compare({ ...quick, rounds: 4 }, { ...quick, rounds: 4 }).objections).toEqual([]);
  });

  test("finds nothing of ours where the whole machine was slower, and a like change of ours alone", () => {
    const before = madeResults({ seed: 71, spread: 0.02 });
    const all = madeResults({ seed: 72, spread: 0.02, shift: () => 1.2 });
    const shifted = compare(before, all);
    expect(shifted.objections).toEqual([]);
    expect(shifted.differences.filter(({ verdict }) => verdict !== "same")).toEqual([]);
    const shift = ({ subject }: { subject: string }) => (subject === "direct" ? 1.2 : 1);
    const ours = compare(before, madeResults({ seed: 73, spread: 0.02, shift }));
    const worse = ours.differences.filter(({ verdict }) => verdict === "worse");
    expect(worse.length).toBeGreaterThan(45);
    expect(worse.every(({ isYardstick }) => !isYardstick)).toBe(true);
    expect([exitCodeOf(shifted, false), exitCodeOf(ours, false)]).toEqual([0, 1]);
  });

  test("learns nothing of the machine from what was too little for its clock", () => {
    const before = madeResults({ seed: 76, spread: 0.02 });
    const after = madeResults({ seed: 76, spread: 0.02 });
    for (const cell of after.cells) {
      if (cell.subject !== "tcp") continue;
      cell.samples = cell.samples.map(({ round }) => ({ round, value: 0 }));
    }
    const { differences, objections } = compare(before, after);
    expect(objections).toEqual([]);
    expect(differences.filter((d) => !d.isYardstick && d.verdict !== "same")).toEqual([]);
    expect(differences.every(({ drift }) => drift === 1)).toBe(true);
  });

  test("objects where what is not ours does not agree how the machine has changed", () => {
    const shift = ({ subject, situation }: { subject: string; situation: string }) =>
      situation === "place-3" && subject === "tcp" ? 3 : 1;
    const before = madeResults({ seed: 74, spread: 0.02 });
    const { objections } = compare(before, madeResults({ seed: 75, spread: 0.02, shift }));
    expect(objections).toContainEqual(expect.stringContaining("place-3, transfer"));
    expect(objections.every((objection) => objection.startsWith("place-3, "))).toBe(true);
  });

  function failing(file: ResultFile, rounds: number): ResultFile {
    const cells = file.cells.map((cell) =>
      cell.subject === "direct" && cell.situation === "place-2" && cell.bytes === 8_000_000
        ? {
            ...cell,
            samples: cell.samples.map((sample) =>
              sample.round < rounds ? { round: sample.round, failed: "no way" } : sample,
            ),
          }
        : cell,
    );
    return { ...file, cells };
  }

  test("calls worse what works no longer, and does not pass over it", () => {
    const before = madeResults({ seed: 81, spread: SPREAD });
    const after = madeResults({ seed: 81, spread: SPREAD });
    const comparison = compare(before, failing(after, 5));
    const worse = comparison.differences.filter(({ verdict }) => verdict === "worse");
    expect(worse.map(({ key }) => key)).toEqual([
      "transfer / place-2 / direct / whole / down / 8000000",
    ]);
    expect(exitCodeOf(comparison, false)).toBe(1);
    expect(comparisonText(comparison)).toMatch(/→ failed ms/);
    // Given up after two attempts, too.
    const [cell] = failing(after, 5).cells.filter(({ samples }) => samples[0]?.failed);
    if (cell === undefined) throw new Error("no cell");
    cell.samples = cell.samples.slice(0, 2);
    const givenUp = {
      ...after,
      cells: after.cells.map((c) => (keyOf(c) === keyOf(cell) ? cell : c)),
    };
    expect(exitCodeOf(compare(before, givenUp), false)).toBe(1);
  });

  test("counts a failed round as the worst", () => {
    const before = madeResults({ seed: 82, spread: 0.001 });
    const of = (rounds: number): Difference | undefined =>
      compare(before, failing(before, rounds)).differences.find(
        ({ key }) => key === "transfer / place-2 / direct / whole / down / 8000000",
      );
    expect(of(3)?.after).toBe(FAILED);
    expect(of(2)?.after).toBe(Math.max(...valuesOf(before)));
  });

  function valuesOf(file: ResultFile): number[] {
    const cell = file.cells.find(
      ({ subject, situation, bytes }) =>
        subject === "direct" && situation === "place-2" && bytes === 8_000_000,
    );
    return (cell?.samples ?? []).slice(2).flatMap(({ value }) => value ?? []);
  }

  test("objects when a cell is measured no longer, and takes a new one as it is", () => {
    const whole = madeResults({ seed: 83, spread: SPREAD });
    const [first, ...others] = whole.cells;
    if (first === undefined) throw new Error("no cell");
    const less = compare(whole, { ...whole, cells: others });
    expect(less.objections).toEqual([`no longer measured: ${keyOf(first)}`]);
    expect(exitCodeOf(less, false)).toBe(2);
    expect(compare({ ...whole, cells: others }, whole).objections).toEqual([]);
  });

  test("is told in words", () => {
    const shift = ({ subject }: { subject: string }) => (subject === "direct" ? 2 : 1);
    const before = madeResults({ seed: 61, spread: SPREAD });
    const text = comparisonText(compare(before, madeResults({ seed: 62, spread: SPREAD, shift })));
    expect(text).toContain("Worse:");
    expect(text).toContain("Better: nothing beyond the noise.");
    expect(text).toMatch(/transfer \/ place-3 \/ direct .* × 2\.\d/);
  });
});
