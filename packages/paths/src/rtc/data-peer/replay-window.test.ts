import { expect, test } from "vitest";
import { ReplayWindow } from "./replay-window.ts";
import { seededRandom } from "./testing/seeded-random.ts";

const WINDOW = 4_096;

test("each number is accepted once", () => {
  const window = new ReplayWindow();
  for (const number of [0, 1, 5, 3, 2 ** 40, 2 ** 48 - 1]) {
    expect(window.isFresh(number)).toBe(true);
    window.accept(number);
    expect(window.isFresh(number)).toBe(false);
  }
});

test("what was overtaken is accepted within the window, and not before it", () => {
  const window = new ReplayWindow();
  window.accept(WINDOW + 10);
  expect(window.isFresh(11)).toBe(true);
  expect(window.isFresh(10)).toBe(false);
});

test("asking changes nothing: a forged number must not move the window", () => {
  const window = new ReplayWindow();
  window.accept(7);
  expect(window.isFresh(2 ** 47)).toBe(true);
  expect(window.isFresh(8)).toBe(true);
  expect(window.isFresh(6)).toBe(true);
});

test.each([1, 2, 3])("agrees with a set of all numbers ever seen (seed %i)", (seed) => {
  const random = seededRandom(seed);
  const window = new ReplayWindow();
  const seen = new Set<number>();
  let newest = 2 ** 33 * seed;
  for (let round = 0; round < 20_000; round += 1) {
    const jump = random() < 0.01 ? WINDOW * 3 : 40;
    const number = Math.max(0, newest + Math.floor((random() - 0.7) * jump));
    const isTooOld = number <= Math.max(-1, ...[newest]) - WINDOW && seen.size > 0;
    expect(window.isFresh(number)).toBe(!isTooOld && !seen.has(number));
    if (isTooOld || seen.has(number)) continue;
    window.accept(number);
    seen.add(number);
    if (seen.size === 1 || number > newest) newest = number;
  }
});
