import { describe, expect, test } from "vitest";
import {
  falseDiscoveryRates,
  mannWhitney,
  median,
  quantile,
  seededRandom,
  shuffled,
  welchOfLogs,
} from "./statistics.ts";

describe("quantiles", () => {
  test("lie between neighbours", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([1, 2, 3], 0.25)).toBe(1.5);
    expect(quantile([5], 0.99)).toBe(5);
    expect(quantile([1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], 0.75)).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(median([])).toBeNaN();
  });
});

describe("the rank test", () => {
  test("counts every division: 5 against 5, all apart, are 2 of 252", () => {
    expect(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(2 / 252, 10);
  });

  test("finds nothing between equal sets, tied ones, or none", () => {
    expect(mannWhitney([1, 2, 3], [1, 2, 3])).toBe(1);
    expect(mannWhitney([7, 7, 7], [7, 7, 7])).toBe(1);
    expect(mannWhitney([], [1])).toBe(1);
  });

  test("agrees with published tables: U = 2 of 5 and 5 is p = 0.032", () => {
    expect(mannWhitney([1, 2, 3, 4, 7], [5, 6, 8, 9, 10])).toBeCloseTo(0.0317, 4);
  });

  test("goes over to the normal curve without a jump", () => {
    const exact = mannWhitney(range(0, 9), range(4, 9));
    const near = mannWhitney(range(0, 30), range(12, 30));
    expect(exact).toBeGreaterThan(0.01);
    expect(exact).toBeLessThan(0.2);
    expect(near).toBeLessThan(0.001);
  });
});

describe("Welch's test of logarithms", () => {
  test("agrees with a known value of Student's t", () => {
    // Equal spread, five each, difference such that t = 2.306 at 8 degrees of freedom: p = 0.05.
    const spread = [-2, -1, 0, 1, 2].map((x) => x / 10);
    const error = Math.sqrt((2 * 0.025) / 5);
    const a = spread.map((x) => Math.exp(x));
    const b = spread.map((x) => Math.exp(x + 2.306 * error));
    expect(welchOfLogs(a, b)).toBeCloseTo(0.05, 3);
  });

  test("does not take equal values for certainty, nor a zero for a time", () => {
    expect(welchOfLogs([1, 1, 1], [1, 1, 1])).toBe(1);
    expect(welchOfLogs([0, 1, 2], [3, 4, 5])).toBe(1);
  });
});

describe("false discovery rates", () => {
  test("follow Benjamini and Hochberg", () => {
    expect(falseDiscoveryRates([0.01, 0.02, 0.03, 0.5])).toEqual([0.04, 0.04, 0.04, 0.5]);
    expect(falseDiscoveryRates([0.5, 0.001])).toEqual([0.5, 0.002]);
  });
});

describe("shuffling", () => {
  test("keeps every item and follows from its seed", () => {
    const items = range(0, 50);
    const once = shuffled(items, seededRandom(7));
    expect([...once].sort((a, b) => a - b)).toEqual(items);
    expect(once).not.toEqual(items);
    expect(shuffled(items, seededRandom(7))).toEqual(once);
    expect(shuffled(items, seededRandom(8))).not.toEqual(once);
  });
});

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}
