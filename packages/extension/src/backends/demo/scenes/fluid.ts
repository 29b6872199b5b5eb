/** Abstract paint: noise bent by noise, lit from one side. */

import { clamp, mix, over } from "../colour.ts";
import { between, fractal } from "../noise.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";

/** How far one pixel's height is from its neighbour's, to a slope that reads as relief. */
const RELIEF = 26;

export function paintFluid({ canvas, palette, random, seed }: Scene): void {
  const { width, height } = canvas;
  const scale = between(random, 1.1, 1.8) / unitOf(canvas);
  const bend = between(random, 1.6, 2.6);
  const colours = [palette.near, palette.top, palette.middle, palette.low, palette.light] as const;
  const heights = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const px = x * scale;
      const py = y * scale;
      const qx = fractal(px, py, seed + 1, 3);
      const qy = fractal(px + 5.2, py + 1.3, seed + 2, 3);
      const rx = fractal(px + bend * qx, py + bend * qy, seed + 3, 3);
      const at = fractal(px + bend * rx, py + bend * qx + bend * 0.6 * rx, seed + 4, 4);
      heights[y * width + x] = at;
      // Bands of colour, thin where the field is steep, with a vein of the accent.
      const tone = clamp(0.5 + at * 0.85 + rx * 0.45) * (colours.length - 1);
      const index = Math.min(colours.length - 2, Math.floor(tone));
      const base = mix(
        colours[index] ?? palette.near,
        colours[index + 1] ?? palette.light,
        tone - index,
      );
      const vein = Math.exp(-(((qy - rx * 0.6) * 9) ** 2));
      over(canvas, y * width + x, mix(base, palette.accent, vein * 0.75), 1);
    }
  }
  const strength = RELIEF / (scale * 512);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = heights[y * width + x] ?? 0;
      const right = heights[y * width + Math.min(width - 1, x + 1)] ?? here;
      const below = heights[Math.min(height - 1, y + 1) * width + x] ?? here;
      const slope = clamp((here - right + (here - below)) * strength * 0.13, -0.4, 0.4);
      over(canvas, y * width + x, slope > 0 ? [1, 1, 1] : [0, 0, 0.02], Math.abs(slope));
    }
  }
}
