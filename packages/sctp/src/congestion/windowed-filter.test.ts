/** The filter against the plain definition, on random histories. */
import { describe, expect, test } from "vitest";
import { WindowedMax } from "./windowed-filter.ts";

/** Small, seeded, and good enough to vary a test. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("the largest of a window", () => {
  test("is never forgotten before its time, nor kept much longer", () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const random = createRandom(seed);
      const filter = new WindowedMax();
      const values: number[] = [];
      for (let at = 0; at < 100; at += 1) {
        values.push(random());
        const kept = filter.update(at, values[at] as number, 10);
        // A candidate of the window at the least, and nothing older than it.
        expect(values.slice(Math.max(0, at - 10)), `seed ${seed}`).toContain(kept);
        expect(kept).toBeGreaterThanOrEqual(Math.max(...values.slice(Math.max(0, at - 2))));
      }
    }
  });

  test("is found at once when it grows", () => {
    const filter = new WindowedMax();
    for (const [at, value] of [5, 3, 9, 1, 12].entries()) {
      filter.update(at, value, 10);
    }
    expect(filter.value).toBe(12);
  });

  test("falls when the window has passed", () => {
    const filter = new WindowedMax();
    filter.update(0, 100, 10);
    for (let at = 1; at <= 10; at += 1) expect(filter.update(at, 7, 10)).toBe(100);
    expect(filter.update(11, 7, 10)).toBe(7);
  });
});
