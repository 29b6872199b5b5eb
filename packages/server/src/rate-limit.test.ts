import { expect, test } from "vitest";
import { NamedBuckets, TokenBucket } from "./rate-limit.ts";

test("a bucket allows a burst, then its rate, and never saves up more than it holds", () => {
  const bucket = new TokenBucket({ capacity: 3, perSecond: 2 }, 0);
  const log = [0, 0, 0, 0, 499, 500, 501, 60_000, 60_000, 60_000, 60_000].map((atMs) =>
    bucket.take(1, atMs),
  );
  expect(log).toEqual([true, true, true, false, false, true, false, true, true, true, false]);
});

test("what does not fit takes nothing", () => {
  const bucket = new TokenBucket({ capacity: 10, perSecond: 0 }, 0);
  expect([bucket.take(11, 0), bucket.take(10, 0), bucket.take(1, 0)]).toEqual([false, true, false]);
});

test("a clock that is set back gives nothing away", () => {
  const bucket = new TokenBucket({ capacity: 1, perSecond: 1 }, 10_000);
  bucket.take(1, 10_000);
  expect(bucket.take(1, 0)).toBe(false);
  expect(bucket.take(1, 999)).toBe(false);
});

test("names do not share a bucket, and what was given back can be taken again", () => {
  const buckets = new NamedBuckets({ capacity: 1, perSecond: 0 });
  expect([buckets.take("a", 0), buckets.take("a", 0), buckets.take("b", 0)]).toEqual([
    true,
    false,
    true,
  ]);
  buckets.giveBack("a");
  expect(buckets.take("a", 0)).toBe(true);
});

test("a million names stay a bounded table, which keeps the offenders", () => {
  const buckets = new NamedBuckets({ capacity: 2, perSecond: 0 });
  for (const _ of [1, 2]) buckets.take("offender", 0);
  for (let i = 0; i < 50_000; i++) buckets.take(`stranger ${i}`, 0);
  expect(buckets.size).toBeLessThanOrEqual(10_000);
  expect(buckets.take("offender", 0)).toBe(false);
});
