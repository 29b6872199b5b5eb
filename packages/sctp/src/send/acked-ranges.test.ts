/** Ranges hold what a set of numbers would hold, and tell of every new one once. */
import { expect, test } from "vitest";
import { AckedRanges } from "./acked-ranges.ts";

/** A small generator: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

test.each(Array.from({ length: 50 }, (_, seed) => seed))("as a set does, seed %i", (seed) => {
  const random = randomFrom(seed);
  const ranges = new AckedRanges();
  const model = new Set<number>();
  let cumulative = -1;
  for (let round = 0; round < 40; round += 1) {
    if (random() < 0.3) {
      cumulative += Math.floor(random() * 10);
      ranges.dropBelow(cumulative + 1);
      for (const ordinal of model) if (ordinal <= cumulative) model.delete(ordinal);
    }
    const gaps: { start: number; end: number }[] = [];
    for (let start = 2 + Math.floor(random() * 5); start < 60 && random() < 0.8; ) {
      const end = start + Math.floor(random() * 6);
      gaps.push({ start, end });
      start = end + 2 + Math.floor(random() * 8);
    }
    const told: number[] = [];
    ranges.add(gaps, cumulative, 1000, (ordinal) => told.push(ordinal));
    const fresh: number[] = [];
    for (const { start, end } of gaps) {
      for (let offset = start; offset <= end; offset += 1) {
        const ordinal = cumulative + offset;
        if (!model.has(ordinal)) fresh.push(ordinal);
        model.add(ordinal);
      }
    }
    expect(told).toEqual(fresh);
    const held: number[] = [];
    ranges.forEach((ordinal) => void held.push(ordinal));
    expect(held).toEqual([...model].sort((one, other) => one - other));
  }
});

test("gaps out of order, backwards, at the cumulative one or never sent are left out", () => {
  const ranges = new AckedRanges();
  const told: number[] = [];
  const gaps = [
    { start: 1, end: 1 },
    { start: 5, end: 6 },
    { start: 3, end: 3 },
    { start: 9, end: 8 },
    { start: 10, end: 99 },
  ];
  ranges.add(gaps, 100, 120, (ordinal) => told.push(ordinal));
  expect(told).toEqual([105, 106]);
});
