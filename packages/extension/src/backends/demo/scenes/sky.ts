/** Skies: gradient, stars, northern lights, sun or moon, clouds. */

import type { Colour } from "../colour.ts";
import { clamp, mix, over, shine, smoothstep, spot } from "../colour.ts";
import { between, fractal, lattice, noise } from "../noise.ts";
import { skyColour } from "../palette.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";

export interface Sun {
  readonly x: number;
  readonly y: number;
}

/** One pixel in so many may hold a star; what is left of that is decided by its magnitude. */
const STAR_CELL = 11;

/** Stars on a jittered grid, so that none touch; denser where `density` is nearer 1. */
export function paintStars(
  { canvas, palette, seed }: Scene,
  bottom: number,
  density: number,
): void {
  const cell = Math.max(4, (unitOf(canvas) * STAR_CELL) / 512);
  for (let row = 0; row * cell < bottom; row++) {
    for (let column = 0; column * cell < canvas.width; column++) {
      const luck = lattice(column, row, seed + 71);
      if (luck > density * 0.55) continue;
      const x = (column + lattice(column, row, seed + 72)) * cell;
      const y = (row + lattice(column, row, seed + 73)) * cell;
      const magnitude = lattice(column, row, seed + 74) ** 6;
      const fade = smoothstep(bottom, bottom * 0.3, y);
      const tint = mix([1, 1, 1], palette.accent, lattice(column, row, seed + 75) * 0.4);
      spot(
        canvas,
        x,
        y,
        cell * (0.09 + 0.13 * magnitude) + 0.75,
        tint,
        (0.25 + magnitude) * fade * 1.4,
      );
      if (magnitude > 0.6) spot(canvas, x, y, cell * 0.8, tint, 0.25 * fade);
    }
  }
}

function paintAurora({ canvas, palette, seed }: Scene, bottom: number): void {
  const unit = unitOf(canvas);
  for (let x = 0; x < canvas.width; x++) {
    for (let band = 0; band < 3; band++) {
      const at = x / unit + band * 5.7;
      const foot = bottom * (0.42 + 0.16 * band + 0.24 * fractal(at * 1.1, band, seed + 31, 3));
      const height = unit * (0.22 + 0.1 * noise(at * 2.3, 7, seed + 32));
      const rays = 0.55 + 0.45 * noise(at * 34, band, seed + 33);
      const strength = (0.5 + 0.5 * noise(at * 1.7, 3, seed + 34)) * rays * 0.85;
      for (let y = Math.max(0, Math.floor(foot - height)); y < Math.min(bottom, foot); y++) {
        const up = clamp((foot - y) / height);
        const glow = strength * smoothstep(0, 0.12, up) * (1 - up) ** 1.6;
        const tint: Colour = mix([0.25, 1, 0.6], palette.accent, clamp(up * 1.3));
        shine(canvas, y * canvas.width + x, tint, glow);
      }
    }
  }
}

function paintClouds({ canvas, palette, seed, features }: Scene, sun: Sun, bottom: number): void {
  const unit = unitOf(canvas);
  const heavy = features.has("clouds") ? 0.16 : -0.04;
  const lit = mix(palette.light, palette.low, 0.25);
  const shade = mix(palette.middle, palette.top, 0.35);
  const strength = 0.9 - 0.55 * palette.night;
  for (let y = 0; y < bottom; y++) {
    // Clouds flatten towards the horizon as they do overhead-to-distance.
    const depth = 0.35 + (1 - y / bottom);
    for (let x = 0; x < canvas.width; x++) {
      const px = ((x - canvas.width / 2) / unit) * (1.5 / depth) + 11;
      const py = (y / unit) * 3.4;
      const warp = noise(px * 0.9, py * 0.9, seed + 41);
      const density = fractal(px + warp * 0.5, py + warp * 0.2, seed + 42, 5) + heavy;
      if (density <= 0) continue;
      const above =
        fractal(px + warp * 0.5 + ((sun.x - x) / unit) * 0.16, py - 0.22, seed + 42, 3) + heavy;
      const light = clamp(0.62 + (density - above) * 1.5);
      const nearSun = Math.exp(-Math.hypot(x - sun.x, y - sun.y) / (unit * 0.35));
      const colour = mix(shade, lit, clamp(light * 0.85 + nearSun * 0.4));
      over(canvas, y * canvas.width + x, colour, smoothstep(0, 0.42, density) * strength);
    }
  }
}

/** Paints everything above `horizon` (a row) and returns where the light comes from. */
export function paintSky(scene: Scene, horizon: number): Sun {
  const { canvas, palette, features, random } = scene;
  const unit = unitOf(canvas);
  const sun: Sun = {
    x: canvas.width * between(random, 0.24, 0.76),
    y: horizon * (palette.night > 0.5 ? between(random, 0.22, 0.5) : between(random, 0.5, 0.84)),
  };
  for (let y = 0; y < canvas.height; y++) {
    const colour = skyColour(palette, clamp(1 - y / horizon));
    for (let x = 0; x < canvas.width; x++) over(canvas, y * canvas.width + x, colour, 1);
  }
  if (palette.night > 0.2) paintStars(scene, horizon, palette.night);
  if (features.has("aurora")) paintAurora(scene, horizon);
  const radius = unit * between(random, 0.045, 0.085);
  const isMoon = features.has("moon") || palette.night > 0.9;
  spot(canvas, sun.x, sun.y, unit * 0.75, mix(palette.low, palette.light, 0.3), isMoon ? 0.3 : 0.5);
  spot(canvas, sun.x, sun.y, radius * 3.2, palette.light, 0.5);
  spot(canvas, sun.x, sun.y, radius, palette.light, 1, 0.06);
  paintClouds(scene, sun, Math.ceil(horizon));
  return sun;
}
