/** Land and water: ridges in the haze, trees, birds, and the mirror of a lake. */

import type { Canvas, Colour } from "../colour.ts";
import { clamp, mix, over, shine, smoothstep } from "../colour.ts";
import { between, fractal, noise, ridged } from "../noise.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";
import type { Sun } from "./sky.ts";

export type Relief = "mountains" | "hills" | "dunes";

export interface Ridge {
  readonly relief: Relief;
  /** The row its feet stand on, and how many rows it rises at most. */
  readonly base: number;
  readonly rise: number;
  readonly colour: Colour;
  /** What gathers at its feet. */
  readonly haze: Colour;
  readonly hazeAmount: number;
  /** 0 is bare, 1 is white far down the slopes. */
  readonly snow: number;
  readonly seed: number;
}

function crest({ relief, seed }: Ridge, at: number): number {
  if (relief === "mountains") {
    const massif = 0.55 + 0.9 * noise(at * 1.3, 3.5, seed);
    return massif * (0.35 + 0.75 * ridged(at * 2.1, 0.5, seed, 6));
  }
  if (relief === "dunes") {
    const swell = at * 1.15 + 0.5 * noise(at * 0.7, 1.5, seed);
    const fold = Math.abs(noise(swell, 0.5, seed));
    return 0.85 - fold + 0.25 * noise(at * 0.6, 8.5, seed);
  }
  return 0.45 + 0.75 * fractal(at * 1.25, 0.5, seed, 5);
}

/** Paints one ridge down to `bottom` and returns the row of its crest for every column. */
export function paintRidge(
  canvas: Canvas,
  ridge: Ridge,
  sun: Sun,
  light: Colour,
  bottom: number,
): Float32Array {
  const unit = unitOf(canvas);
  const crests = new Float32Array(canvas.width);
  for (let x = 0; x < canvas.width; x++) {
    crests[x] = ridge.base - ridge.rise * crest(ridge, x / unit);
  }
  const fine = ridge.relief === "dunes" ? 3 : 8;
  const reach = Math.max(1, Math.round(unit * 0.012));
  for (let x = 0; x < canvas.width; x++) {
    const top = crests[x] ?? 0;
    // Slopes facing the sun are lit; straight below it there is no such side.
    const towardsSun = clamp((sun.x - x) / (unit * 0.25), -1, 1);
    for (let y = Math.max(0, Math.floor(top)); y < bottom; y++) {
      const depth = (y - top) / unit;
      const grain = fractal((x / unit) * fine, (y / unit) * fine * 1.3, ridge.seed + 5, 4);
      // Spurs run down aslant and waver, so the slope is read beside the crest, not above.
      const beside = Math.round(x + (depth * 0.7 + grain * depth * 1.6) * unit);
      const before = crests[clamp(beside - reach, 0, canvas.width - 1)] ?? top;
      const after = crests[clamp(beside + reach, 0, canvas.width - 1)] ?? top;
      const facing = clamp(((before - after) / (2 * reach)) * towardsSun * 0.3, -0.3, 0.3);
      const lit = clamp((facing * 1.5 + grain * 0.4) * Math.exp(-depth * 3.5), -0.25, 0.4);
      let colour =
        lit > 0 ? mix(ridge.colour, light, lit * 0.6) : mix(ridge.colour, [0, 0, 0], -lit * 0.7);
      if (ridge.snow > 0) {
        const line =
          ridge.base -
          ridge.rise * (1.02 - 0.75 * ridge.snow) +
          (grain * 0.16 - facing * 0.1) * unit;
        const cover = smoothstep(line + unit * 0.012, line - unit * 0.012, y);
        const white = mix(
          mix(ridge.colour, [0.93, 0.96, 1], 0.72),
          [1, 0.99, 0.97],
          clamp(0.35 + lit * 2),
        );
        colour = mix(colour, white, cover * 0.92);
      }
      const haze = ridge.hazeAmount * smoothstep(0, 0.34, depth);
      over(canvas, y * canvas.width + x, mix(colour, ridge.haze, haze), clamp(y + 1 - top));
    }
  }
  return crests;
}

/** One pine of `height` rows with its foot at (x, y). */
function paintPine(
  canvas: Canvas,
  x: number,
  foot: number,
  height: number,
  colour: Colour,
  lean: number,
): void {
  const tiers = 5 + Math.floor(height / 22);
  for (
    let row = Math.max(0, Math.floor(foot - height));
    row < Math.min(canvas.height, foot);
    row++
  ) {
    const up = (foot - row) / height;
    const tier = (1 - up) * tiers;
    const half = height * 0.2 * (1 - up) * (0.5 + 0.5 * (tier % 1)) + height * 0.012;
    const middle = x + lean * up * height;
    for (let column = Math.floor(middle - half); column <= middle + half + 1; column++) {
      if (column < 0 || column >= canvas.width) continue;
      over(
        canvas,
        row * canvas.width + column,
        colour,
        clamp(half - Math.abs(column - middle) + 0.5),
      );
    }
  }
}

/** Pines along a crest, in clumps. */
export function paintPines(
  scene: Scene,
  crests: Float32Array,
  size: number,
  colour: Colour,
  density: number,
): void {
  const { canvas, random, seed } = scene;
  const count = Math.ceil((canvas.width / size) * 7 * density);
  for (let tree = 0; tree < count; tree++) {
    const x = random() * canvas.width;
    const height = size * between(random, 0.45, 1.1);
    const lean = between(random, -0.02, 0.02);
    if (noise((x / canvas.width) * 5, 2.5, seed + 61) < 0.35 - density * 0.8) continue;
    const foot = (crests[Math.floor(x)] ?? canvas.height) + size * 0.12;
    paintPine(canvas, x, foot, height, colour, lean);
  }
}

/** Fills everything below `shore` with what is above it, mirrored, rippled and darkened. */
export function paintWater(
  { canvas, palette, seed }: Scene,
  shore: number,
  sun: Sun,
  calm: number,
): void {
  const unit = unitOf(canvas);
  const { width, height, data } = canvas;
  const first = Math.ceil(shore);
  const deep = mix(palette.top, palette.near, 0.55);
  for (let y = first; y < height; y++) {
    const near = (y - shore) / (height - shore);
    const stretch = 9 + 55 * (1 - near) ** 2;
    for (let x = 0; x < width; x++) {
      const px = (x / unit) * (3 + 9 * (1 - near));
      const py = (y / unit) * stretch;
      const ripple = fractal(px, py, seed + 51, 3);
      const row = Math.round(shore - 1 - (y - shore) * 0.92 + ripple * unit * 0.05 * near * calm);
      const column = Math.round(x + ripple * unit * (0.01 + 0.06 * near) * calm);
      const from = (clamp(row, 0, first - 1) * width + clamp(column, 0, width - 1)) * 3;
      const mirrored: Colour = [data[from] ?? 0, data[from + 1] ?? 0, data[from + 2] ?? 0];
      const pixel = y * width + x;
      over(canvas, pixel, mix(mirrored, deep, 0.2 + 0.35 * near), 1);
      const path = Math.exp(-(((x - sun.x) / (unit * (0.035 + 0.16 * near))) ** 2));
      const glint =
        smoothstep(0.05, 0.5, ripple + 0.25) * path * 0.85 + smoothstep(0.32, 0.6, ripple) * 0.16;
      shine(canvas, pixel, palette.light, glint);
    }
  }
  for (let x = 0; x < width; x++) shine(canvas, first * width + x, palette.light, 0.18);
}

/** A loose flock. */
export function paintBirds({ canvas, random, palette }: Scene, horizon: number): void {
  const unit = unitOf(canvas);
  const centre = {
    x: canvas.width * between(random, 0.25, 0.75),
    y: horizon * between(random, 0.25, 0.5),
  };
  for (let bird = 0; bird < 9; bird++) {
    const x = centre.x + between(random, -0.2, 0.2) * unit;
    const y = centre.y + between(random, -0.09, 0.09) * unit;
    const span = unit * between(random, 0.008, 0.02);
    for (let step = -1; step <= 1; step += 0.5 / span) {
      const row = Math.round(y - Math.sin(Math.abs(step) * 2.4) * span * 0.45);
      const column = Math.round(x + step * span);
      if (row < 0 || row >= canvas.height || column < 0 || column >= canvas.width) continue;
      over(canvas, row * canvas.width + column, palette.near, 0.8);
    }
  }
}
