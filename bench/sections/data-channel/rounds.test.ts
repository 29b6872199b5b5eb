/** Ratios are those of rounds, not of medians. */

import { expect, test } from "vitest";
import { Rounds } from "./rounds.ts";

test("a ratio is the median of the rounds' own, and leaves out rounds with one of the two", () => {
  const rounds = new Rounds();
  // A machine that slows to a tenth: in each round ours is twice theirs.
  for (const [round, speed] of [100, 100, 10].entries()) {
    rounds.note("ours", "Mbit/s", round, 2 * speed);
    rounds.note("theirs", "Mbit/s", round, speed);
  }
  rounds.note("ours", "Mbit/s", 3, 1_000);
  expect(rounds.ratio("ours", "theirs")).toBe(2);
  expect(rounds.medianOf("theirs")).toBe(100);
  expect(rounds.ratio("ours", "nobody")).toBeNaN();
});

test("figures keep every value under its name and unit", () => {
  const rounds = new Rounds();
  rounds.note("trip", "ms", 0, 1, 2);
  rounds.note("trip", "ms", 1, 3);
  expect(rounds.figures).toEqual([{ name: "trip", unit: "ms", values: [1, 2, 3] }]);
});
