/** Draining in virtual time, with timers as coarse as Node's. */

import { expect, test } from "vitest";
import { drain } from "./drain.ts";

/** Closes `count` in virtual time. @returns when each was closed, and when all was over. */
async function closings(count: number, ms: number): Promise<{ atMs: number[]; overAtMs: number }> {
  let nowMs = 0;
  const atMs: number[] = [];
  await drain(
    Array.from({ length: count }, (_, i) => i),
    ms,
    () => void atMs.push(nowMs),
    {
      now: () => nowMs,
      wait: async (pauseMs) => {
        nowMs += Math.max(1, Math.ceil(pauseMs));
      },
    },
  );
  return { atMs, overAtMs: nowMs };
}

test("a hundred thousand connections close within the time they are given, as evenly as four do", async () => {
  const four = await closings(4, 1000);
  expect(four).toEqual({ atMs: [0, 250, 500, 750], overAtMs: 1000 });

  const many = await closings(100_000, 1000);
  expect(many.atMs).toHaveLength(100_000);
  expect(many.overAtMs).toBeLessThanOrEqual(1001);
  expect(many.atMs.filter((at) => at < 500).length / 100_000).toBeCloseTo(0.5, 2);
});

test("where no time is given, and where nobody is, nothing is waited for", async () => {
  expect(await closings(3, 0)).toEqual({ atMs: [], overAtMs: 0 });
  expect(await closings(0, 1000)).toEqual({ atMs: [], overAtMs: 0 });
});
