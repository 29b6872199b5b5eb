/** A picture at ever halved sizes, to read it blurred at any strength at the cost of two look-ups. */

import type { Canvas } from "./colour.ts";
import { blankCanvas } from "./colour.ts";

/** Half the size (at least one pixel), each pixel the mean of up to four. */
export function halve(canvas: Canvas): Canvas {
  const half = blankCanvas(Math.max(1, canvas.width >> 1), Math.max(1, canvas.height >> 1));
  const right = canvas.width > 1 ? 3 : 0;
  const below = canvas.height > 1 ? canvas.width * 3 : 0;
  for (let y = 0; y < half.height; y++) {
    for (let x = 0; x < half.width; x++) {
      const from = (y * 2 * canvas.width + x * 2) * 3;
      const to = (y * half.width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const at = from + channel;
        half.data[to + channel] =
          ((canvas.data[at] ?? 0) +
            (canvas.data[at + right] ?? 0) +
            (canvas.data[at + below] ?? 0) +
            (canvas.data[at + right + below] ?? 0)) /
          4;
      }
    }
  }
  return half;
}

/** Level n has a 2ⁿth of the size. Sampling starts at level 6, 64 pixels wide, which is mist. */
const LEVELS = 6;

export type Pyramid = readonly Canvas[];

export function pyramidOf(canvas: Canvas): Pyramid {
  const levels = [canvas];
  for (let level = 0; level < LEVELS; level++) levels.push(halve(levels[level] ?? canvas));
  return levels;
}

/** Adds one row of one level, stretched to the full width and scaled by `weight`, to `into`. */
function addRow(source: Canvas, y: number, full: Canvas, weight: number, into: Float32Array): void {
  const scaleY = source.height / full.height;
  const sy = Math.min(Math.max((y + 0.5) * scaleY - 0.5, 0), source.height - 1);
  const stride = source.width * 3;
  const upper = Math.floor(sy) * stride;
  const lower = Math.min(Math.floor(sy) + 1, source.height - 1) * stride;
  const fy = sy - Math.floor(sy);
  const between = new Float32Array(stride);
  for (let at = 0; at < stride; at++) {
    const above = source.data[upper + at] ?? 0;
    between[at] = (above + ((source.data[lower + at] ?? 0) - above) * fy) * weight;
  }
  const scaleX = source.width / full.width;
  for (let x = 0; x < full.width; x++) {
    const sx = Math.min(Math.max((x + 0.5) * scaleX - 0.5, 0), source.width - 1);
    const x0 = Math.floor(sx);
    const fx = sx - x0;
    const left = x0 * 3;
    const right = Math.min(x0 + 1, source.width - 1) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const start = between[left + channel] ?? 0;
      const at = x * 3 + channel;
      into[at] = (into[at] ?? 0) + start + ((between[right + channel] ?? 0) - start) * fx;
    }
  }
}

/** One row of the picture as if every pixel were `level` halvings across (0 is sharp). */
export function blurredRow(pyramid: Pyramid, y: number, level: number, into: Float32Array): void {
  const full = pyramid[0];
  if (full === undefined) return;
  const bounded = Math.min(Math.max(level, 0), pyramid.length - 1);
  const lower = Math.floor(bounded);
  const share = bounded - lower;
  into.fill(0);
  addRow(pyramid[lower] ?? full, y, full, 1 - share, into);
  if (share > 0) addRow(pyramid[lower + 1] ?? full, y, full, share, into);
}
