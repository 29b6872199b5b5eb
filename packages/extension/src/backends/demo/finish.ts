/** What happens to a painted scene before it is sampled: the looks of the files, and `cfgScale`. */

import type { Canvas } from "./colour.ts";
import { clamp, luma, smoothstep } from "./colour.ts";
import type { Look } from "./look.ts";
import { halve } from "./pyramid.ts";

/** The darkening of the corners, which draws the eye to the middle. */
const VIGNETTE = 0.22;

/** Turns hues by `degrees` (the YIQ rotation) and scales colourfulness; one 3×3 matrix. */
function colourMatrix(degrees: number, saturation: number): readonly number[] {
  const cos = Math.cos((degrees * Math.PI) / 180) * saturation;
  const sin = Math.sin((degrees * Math.PI) / 180) * saturation;
  return [
    0.299 + 0.701 * cos + 0.168 * sin,
    0.587 - 0.587 * cos + 0.33 * sin,
    0.114 - 0.114 * cos - 0.497 * sin,
    0.299 - 0.299 * cos - 0.328 * sin,
    0.587 + 0.413 * cos + 0.035 * sin,
    0.114 - 0.114 * cos + 0.292 * sin,
    0.299 - 0.3 * cos + 1.25 * sin,
    0.587 - 0.588 * cos - 1.05 * sin,
    0.114 + 0.886 * cos - 0.203 * sin,
  ];
}

function gradeColours({ width, height, data }: Canvas, look: Look): void {
  const m = colourMatrix(look.hue, clamp(1 + look.saturation, 0, 2.5));
  const gain = clamp(1 + look.contrast, 0.2, 2.2);
  const warmth = clamp(look.warmth, -1, 1) * 0.09;
  const levels = look.poster > 0.05 ? Math.round(14 - 9 * clamp(look.poster)) : 0;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * 3;
    const r = data[at] ?? 0;
    const g = data[at + 1] ?? 0;
    const b = data[at + 2] ?? 0;
    const x = (pixel % width) / width - 0.5;
    const y = Math.floor(pixel / width) / height - 0.5;
    const corner = 1 - VIGNETTE * smoothstep(0.15, 0.55, x * x + y * y);
    for (let channel = 0; channel < 3; channel++) {
      const row = channel * 3;
      const graded = (m[row] ?? 0) * r + (m[row + 1] ?? 0) * g + (m[row + 2] ?? 0) * b;
      let value = clamp(((graded - 0.5) * gain + 0.5 + warmth * (1 - channel)) * corner);
      if (levels > 0) {
        const step = Math.floor(value * levels);
        value = (step + smoothstep(0.3, 0.7, value * levels - step)) / levels;
      }
      data[at + channel] = value;
    }
  }
}

/** Light spills from bright parts: an eighth-size copy of them, added back smoothly. */
function addGlow(canvas: Canvas, amount: number): void {
  const small = halve(halve(halve(canvas)));
  const { width, height, data } = canvas;
  for (let y = 0; y < height; y++) {
    const sy = clamp((y + 0.5) / 8 - 0.5, 0, small.height - 1.001);
    for (let x = 0; x < width; x++) {
      const sx = clamp((x + 0.5) / 8 - 0.5, 0, small.width - 1.001);
      const corner = (Math.floor(sy) * small.width + Math.floor(sx)) * 3;
      const fx = sx % 1;
      const fy = sy % 1;
      for (let channel = 0; channel < 3; channel++) {
        const a = small.data[corner + channel] ?? 0;
        const b = small.data[corner + channel + 3] ?? a;
        const c = small.data[corner + channel + small.width * 3] ?? a;
        const d = small.data[corner + channel + small.width * 3 + 3] ?? c;
        const soft = a + (b - a) * fx + (c - a + (a - b - c + d) * fx) * fy;
        const at = (y * width + x) * 3 + channel;
        const under = data[at] ?? 0;
        data[at] = under + (1 - under) * soft * soft * amount * 0.55;
      }
    }
  }
}

/** Dark lines where luminance changes abruptly (Sobel), on slightly lighter paper. */
function addInk({ width, height, data }: Canvas, amount: number): void {
  const grey = new Float32Array(width * height);
  for (let pixel = 0; pixel < grey.length; pixel++) {
    grey[pixel] = luma(data[pixel * 3] ?? 0, data[pixel * 3 + 1] ?? 0, data[pixel * 3 + 2] ?? 0);
  }
  const at = (x: number, y: number): number =>
    grey[clamp(y, 0, height - 1) * width + clamp(x, 0, width - 1)] ?? 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const down = at(x - 1, y + 1) + 2 * at(x, y + 1) + at(x + 1, y + 1);
      const up = at(x - 1, y - 1) + 2 * at(x, y - 1) + at(x + 1, y - 1);
      const right = at(x + 1, y - 1) + 2 * at(x + 1, y) + at(x + 1, y + 1);
      const left = at(x - 1, y - 1) + 2 * at(x - 1, y) + at(x - 1, y + 1);
      const line = smoothstep(0.18, 0.65, Math.hypot(down - up, right - left)) * amount;
      for (let channel = 0; channel < 3; channel++) {
        const index = (y * width + x) * 3 + channel;
        const paper = (data[index] ?? 0) + (0.96 - (data[index] ?? 0)) * 0.22 * amount;
        data[index] = paper * (1 - line) + 0.06 * line;
      }
    }
  }
}

export function finish(canvas: Canvas, look: Look): void {
  if (look.glow > 0.01) addGlow(canvas, clamp(look.glow));
  gradeColours(canvas, look);
  if (look.ink > 0.01) addInk(canvas, clamp(look.ink));
}
