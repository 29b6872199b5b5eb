/** Schedules and step weights of the samplers. */

import { describe, expect, test } from "vitest";
import { noiseLevels, SAMPLER_NAMES, SAMPLERS, stepWeights } from "./samplers.ts";

describe.each(SAMPLER_NAMES)("%s", (name) => {
  const sampler = SAMPLERS[name];

  test.each([1, 2, 20, 150])("walks down to no noise in %i steps", (steps) => {
    const levels = noiseLevels(sampler, steps);
    expect(levels).toHaveLength(steps + 1);
    expect(levels.at(-1)).toBe(0);
    for (let step = 0; step < steps; step++) {
      expect(levels[step + 1] ?? 0).toBeLessThan(levels[step] ?? 0);
    }
  });

  test("weighs a step so that a clean picture stays as it is", () => {
    const levels = noiseLevels(sampler, 20);
    for (let step = 0; step < 20; step++) {
      const sigma = levels[step] ?? 0;
      const weights = stepWeights(sampler, sigma, levels[step + 1] ?? 0, levels[step - 1]);
      expect(weights.keep + weights.clean + weights.past).toBeCloseTo(1, 9);
      expect(Object.values(weights).every(Number.isFinite)).toBe(true);
    }
  });
});
