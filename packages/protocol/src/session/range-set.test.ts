import { expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import { RangeSet } from "./range-set.ts";

const UNIVERSE = 60;

/** The ranges of a plain set, by looking at every number. */
function rangesOf(model: ReadonlySet<number>, from = 0, to = UNIVERSE + 1, wanted = true) {
  const ranges: { start: number; end: number }[] = [];
  for (let value = from; value < to; value += 1) {
    if (model.has(value) !== wanted) continue;
    const last = ranges.at(-1);
    if (last?.end === value) last.end = value + 1;
    else ranges.push({ start: value, end: value + 1 });
  }
  return ranges;
}

test("2,000 random operations leave the same numbers as a plain set", () => {
  const random = new Random(1);
  let model = new Set<number>();
  const ranges = new RangeSet();
  for (let step = 0; step < 2_000; step += 1) {
    const start = random.whole(0, UNIVERSE);
    const end = random.whole(start, Math.min(UNIVERSE, start + 12));
    if (random.chance(0.01)) {
      model = new Set();
      ranges.clear();
    } else if (random.chance(0.5)) {
      ranges.add(start, end);
      for (let value = start; value < end; value += 1) model.add(value);
    } else {
      ranges.remove(start, end);
      for (let value = start; value < end; value += 1) model.delete(value);
    }
    expect(ranges.ranges()).toEqual(rangesOf(model));
    expect(ranges.pieces).toBe(rangesOf(model).length);
    expect(ranges.size).toBe(model.size);
    expect(ranges.isEmpty).toBe(model.size === 0);
    expect(ranges.first).toEqual(rangesOf(model)[0]);
    expect(ranges.last).toEqual(rangesOf(model).at(-1));
    expect(ranges.has(start)).toBe(model.has(start));
    expect(ranges.missing(start, end)).toEqual(rangesOf(model, start, end, false));
  }
});

test("an empty range changes nothing", () => {
  const ranges = new RangeSet();
  ranges.add(5, 5);
  expect(ranges.isEmpty).toBe(true);
  ranges.add(1, 9);
  ranges.remove(5, 5);
  expect(ranges.ranges()).toEqual([{ start: 1, end: 9 }]);
});
