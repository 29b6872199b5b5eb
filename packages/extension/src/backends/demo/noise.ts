/**
 * Repeatable randomness: everything the demo renderer draws comes from these few functions.
 *
 * The same arguments give the same bits on every machine: integer arithmetic, and no source of
 * entropy. Not for secrets.
 */

/** Numbers in [0, 1). */
export type Random = () => number;

/** Bob Jenkins' and Thomas Mueller's integer hash: every input bit reaches every output bit. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32 bits of a text (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix32(hash);
}

/** A generator (mulberry32) that always gives the same row of numbers for one seed. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A number between two bounds. */
export const between = (random: Random, low: number, high: number): number =>
  low + (high - low) * random();

/** √6: makes the variance of a difference of two uniform numbers 1. */
const UNIT_VARIANCE = Math.sqrt(6);

/** White noise by position: mean 0, variance 1, triangular. A Gaussian costs five times as much. */
export function whiteNoise(index: number, seed: number): number {
  let h = Math.imul(index ^ seed, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
  h ^= h >>> 13;
  return (((h & 0xffff) - (h >>> 16)) / 65_535) * UNIT_VARIANCE;
}

/** A number in [0, 1) for a point of the integer lattice. */
export function lattice(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d);
  return ((h ^ (h >>> 16)) >>> 0) / 4_294_967_296;
}

/** Smooth noise in [-1, 1] (value noise with Perlin's quintic fade). */
export function noise(x: number, y: number, seed: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const fx = x - x0;
  const fy = y - y0;
  const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10);
  const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10);
  const a = lattice(x0, y0, seed);
  const b = lattice(x0 + 1, y0, seed);
  const c = lattice(x0, y0 + 1, seed);
  const d = lattice(x0 + 1, y0 + 1, seed);
  return (a + (b - a) * u + (c - a + (a - b - c + d) * u) * v) * 2 - 1;
}

/** Layers of noise, each twice as fine and half as strong; about [-1, 1]. */
export function fractal(x: number, y: number, seed: number, octaves: number): number {
  let sum = 0;
  let amplitude = 0.5;
  let px = x;
  let py = y;
  for (let octave = 0; octave < octaves; octave++) {
    sum += amplitude * noise(px, py, seed + octave * 1013);
    amplitude *= 0.5;
    // Turned by 37° each time, so that the lattice's axes do not show.
    const qx = 1.6 * px + 1.2 * py + 17.3;
    py = 1.6 * py - 1.2 * px + 9.1;
    px = qx;
  }
  return sum;
}

/** Layers of folded noise: sharp crests as mountains have, in [0, 1]. */
export function ridged(x: number, y: number, seed: number, octaves: number): number {
  let sum = 0;
  let amplitude = 0.5;
  let frequency = 1;
  for (let octave = 0; octave < octaves; octave++) {
    const fold = 1 - Math.abs(noise(x * frequency, y * frequency, seed + octave * 1013));
    sum += amplitude * fold * fold;
    amplitude *= 0.5;
    frequency *= 2.1;
  }
  return sum;
}
