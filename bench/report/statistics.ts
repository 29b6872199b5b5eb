/**
 * The arithmetic of the bench: quantiles, and tests of whether two sets of runs differ. Pure.
 *
 * Times and rates are compared as ratios, so the parametric test works on logarithms.
 */

/** Of the sorted values, linearly between neighbours; NaN of nothing. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  // Equal neighbours may be infinite, whose difference is not a number.
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A generator of numbers in [0, 1) that follow from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] as T, order[at] as T];
  }
  return order;
}

/** More ways than this to divide the runs in two are counted by the normal curve instead. */
const EXACT_DIVISIONS = 200_000;

/**
 * Two-sided Mann-Whitney: how probable a rank sum this far from the middle is, were both sets drawn
 * alike. Exact (every division of the ranks, ties included) for the few runs a bench has.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return 1;
  const ranks = midRanks([...a, ...b]);
  const observed = sum(ranks.slice(0, a.length));
  const middle = (a.length * (ranks.length + 1)) / 2;
  const distance = Math.abs(observed - middle);
  if (choose(ranks.length, a.length) <= EXACT_DIVISIONS) {
    return shareAsFar(ranks, a.length, middle, distance);
  }
  const variance =
    ((a.length * b.length) / (ranks.length * (ranks.length - 1))) *
    sum(ranks.map((rank) => (rank - (ranks.length + 1) / 2) ** 2));
  if (variance === 0) return 1;
  return 2 * normalTail(Math.max(0, distance - 0.5) / Math.sqrt(variance));
}

/** Ranks from 1; equal values share the mean of theirs. */
function midRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** Counts, by dynamic programming over doubled (whole) rank sums, the divisions as far out as ours. */
function shareAsFar(
  ranks: readonly number[],
  size: number,
  middle: number,
  distance: number,
): number {
  const ways: Map<number, number>[] = Array.from({ length: size + 1 }, () => new Map());
  ways[0]?.set(0, 1);
  for (const rank of ranks) {
    for (let taken = size - 1; taken >= 0; taken -= 1) {
      const next = ways[taken + 1] as Map<number, number>;
      for (const [total, count] of ways[taken] as Map<number, number>) {
        const key = total + 2 * rank;
        next.set(key, (next.get(key) ?? 0) + count);
      }
    }
  }
  let far = 0;
  let all = 0;
  for (const [doubled, count] of ways[size] as Map<number, number>) {
    all += count;
    if (Math.abs(doubled / 2 - middle) >= distance - 1e-9) far += count;
  }
  return far / all;
}

/** Two-sided Welch test of the logarithms: 1 when it cannot be computed. */
export function welchOfLogs(a: readonly number[], b: readonly number[]): number {
  if (a.length < 2 || b.length < 2) return 1;
  if ([...a, ...b].some((value) => !(value > 0) || !Number.isFinite(value))) return 1;
  const [left, right] = [a.map(Math.log), b.map(Math.log)];
  // Runs that agree to a thousandth agree by chance or by the clock's grain, not by knowledge.
  const grain = 1e-6;
  const errors = [left, right].map((set) => Math.max(variance(set), grain) / set.length);
  const [one = 0, two = 0] = errors;
  const t = (mean(left) - mean(right)) / Math.sqrt(one + two);
  const freedom = (one + two) ** 2 / (one ** 2 / (a.length - 1) + two ** 2 / (b.length - 1));
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/**
 * Benjamini and Hochberg: of these p-values, the ones to call findings so that at most `rate` of what
 * is called one is none. @returns for each p-value the smallest rate at which it is a finding.
 */
export function falseDiscoveryRates(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((x, y) => y.p - x.p);
  const rates: number[] = new Array(pValues.length).fill(1);
  let smallest = 1;
  order.forEach(({ p, index }, place) => {
    smallest = Math.min(smallest, (p * pValues.length) / (pValues.length - place));
    rates[index] = smallest;
  });
  return rates;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function variance(values: readonly number[]): number {
  const middle = mean(values);
  return sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1);
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let step = 1; step <= k; step += 1) ways = (ways * (n - k + step)) / step;
  return ways;
}

/** Upper tail of the normal curve (Abramowitz and Stegun 26.2.17; error below 1e-7). */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const weights = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const series = weights.reduceRight((rest, weight) => t * (weight + rest), 0);
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

/** Regularised, by Lentz's continued fraction; Student's t comes from it. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side only.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x),
  );
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny);
  let fraction = d;
  for (let m = 1; m < 300; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d || tiny);
    c = 1 + even / c || tiny;
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d || tiny);
    c = 1 + odd / c || tiny;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-12) break;
  }
  return (front * fraction) / a;
}

/** Lanczos, g = 7. */
function logGamma(x: number): number {
  const weights = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
    12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const series = weights.reduce(
    (total, weight, index) => total + weight / (x + index),
    0.9999999999998099,
  );
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series);
}
