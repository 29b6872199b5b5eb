/** A skyline in three depths with lit windows, signs and a wet street. */

import { clamp, mix, over, shine, smoothstep, spot } from "../colour.ts";
import { between, lattice } from "../noise.ts";
import { paintWater } from "./land.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";
import { paintSky } from "./sky.ts";

interface Row {
  /** 0 is the most distant. */
  readonly near: number;
  readonly ground: number;
  readonly seed: number;
}

function paintBuilding(scene: Scene, row: Row, left: number, right: number, top: number): void {
  const { canvas, palette, random } = scene;
  const unit = unitOf(canvas);
  const wall = mix(mix(palette.far, palette.low, 0.3), palette.near, 0.25 + 0.75 * row.near);
  const cellWidth = unit * (0.008 + 0.01 * row.near);
  const cellHeight = cellWidth * between(random, 1.3, 2);
  const lit = between(random, 0.12, 0.5) * (0.35 + 0.65 * palette.night + 0.2);
  const window = random() < 0.3 ? palette.accent : mix(palette.light, palette.low, 0.25);
  for (let y = Math.max(0, Math.floor(top)); y < row.ground; y++) {
    const mist = (0.5 - 0.4 * row.near) * smoothstep(0.1, 0.5, (y - top) / unit);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(canvas.width, right); x++) {
      const pixel = y * canvas.width + x;
      const edge = clamp(Math.min(x + 1 - left, right - x, y + 1 - top));
      const side = 0.1 * ((x - left) / (right - left) - 0.5);
      over(canvas, pixel, mix(mix(wall, [0, 0, 0], clamp(0.08 + side)), palette.low, mist), edge);
      const column = Math.floor((x - left) / cellWidth);
      const floor = Math.floor((y - top) / cellHeight);
      const inside = ((x - left) / cellWidth) % 1 > 0.35 && ((y - top) / cellHeight) % 1 > 0.45;
      if (!inside || floor < 1) continue;
      const luck = lattice(column + Math.floor(left), floor, row.seed);
      if (luck < lit)
        shine(canvas, pixel, window, (0.35 + 0.65 * row.near) * (0.4 + luck / lit) * 0.8);
    }
  }
}

function paintSign({ canvas, palette, random }: Scene, x: number, top: number): void {
  const unit = unitOf(canvas);
  const colour =
    [palette.accent, palette.low, palette.light][Math.floor(random() * 3)] ?? palette.accent;
  const height = unit * between(random, 0.06, 0.16);
  const width = unit * between(random, 0.006, 0.014);
  for (let y = top; y < top + height; y += width) {
    spot(canvas, x, y, unit * 0.06, colour, 0.13);
    if (random() < 0.85) spot(canvas, x, y, width, colour, 1, 0.3);
  }
}

export function paintCity(scene: Scene): void {
  const { canvas, palette, random, seed } = scene;
  const unit = unitOf(canvas);
  const ground = Math.round(canvas.height * between(random, 0.76, 0.84));
  const sun = paintSky(scene, ground);
  for (let depth = 0; depth < 3; depth++) {
    const near = depth / 2;
    const row: Row = { near, ground, seed: seed + depth * 331 };
    const tallest = between(random, 0.2, 0.8) * canvas.width;
    for (let left = -unit * 0.05; left < canvas.width; ) {
      const wide = unit * between(random, 0.05, 0.1) * (0.7 + 0.8 * near);
      const rank = Math.exp(-(((left - tallest) / (unit * 0.4)) ** 2));
      const high = unit * (0.12 + 0.2 * random() + 0.34 * rank * (1 - 0.35 * near));
      const top = ground - high * (near === 1 ? 0.75 : 1);
      paintBuilding(scene, row, left, left + wide, top);
      if (random() < 0.25)
        paintBuilding(scene, row, left + wide * 0.42, left + wide * 0.58, top - unit * 0.05);
      if (near > 0 && palette.night > 0.2 && random() < 0.45) {
        paintSign(scene, left + wide * between(random, 0.2, 0.8), top + unit * 0.04);
      }
      left += wide * between(random, 0.92, 1.25);
    }
    const veil = 0.3 * (1 - near);
    for (let pixel = 0; pixel < ground * canvas.width; pixel++) {
      const y = Math.floor(pixel / canvas.width);
      over(canvas, pixel, palette.low, veil * smoothstep(ground * 0.5, ground, y));
    }
  }
  paintWater(scene, ground, sun, 0.8);
}
