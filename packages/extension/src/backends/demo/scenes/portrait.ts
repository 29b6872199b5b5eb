/** A head in profile as a double exposure: a landscape seen through a silhouette. */

import type { Colour } from "../colour.ts";
import { blankCanvas, clamp, mix, over, smoothstep, spot } from "../colour.ts";
import { between, fractal } from "../noise.ts";
import { paintLandscape } from "./landscape.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";

/** The outline, looking right, in shares of a square from its upper left corner. */
const PROFILE: readonly (readonly [number, number])[] = [
  [0.38, 0.155],
  [0.48, 0.12],
  [0.57, 0.145],
  [0.625, 0.215],
  [0.643, 0.285],
  [0.647, 0.325],
  [0.642, 0.352],
  [0.662, 0.4],
  [0.7, 0.452],
  [0.694, 0.472],
  [0.662, 0.482],
  [0.664, 0.5],
  [0.682, 0.518],
  [0.664, 0.536],
  [0.676, 0.556],
  [0.66, 0.582],
  [0.658, 0.604],
  [0.666, 0.634],
  [0.644, 0.668],
  [0.598, 0.676],
  [0.556, 0.686],
  [0.545, 0.74],
  [0.556, 0.8],
  [0.62, 0.856],
  [0.72, 0.91],
  [0.78, 1.05],
  [0.1, 1.05],
  [0.155, 0.92],
  [0.25, 0.85],
  [0.325, 0.785],
  [0.345, 0.71],
  [0.325, 0.63],
  [0.28, 0.55],
  [0.255, 0.45],
  [0.262, 0.34],
  [0.305, 0.225],
];

/** Points on the smooth curve through the outline (Catmull-Rom). */
function smoothOutline(perSegment: number): [number, number][] {
  const points: [number, number][] = [];
  const at = (index: number) => PROFILE[(index + PROFILE.length) % PROFILE.length] ?? [0, 0];
  for (let segment = 0; segment < PROFILE.length; segment++) {
    const [a, b, c, d] = [at(segment - 1), at(segment), at(segment + 1), at(segment + 2)];
    for (let step = 0; step < perSegment; step++) {
      const t = step / perSegment;
      const spline = (axis: 0 | 1) =>
        0.5 *
        (2 * b[axis] +
          (c[axis] - a[axis]) * t +
          (2 * a[axis] - 5 * b[axis] + 4 * c[axis] - d[axis]) * t * t +
          (3 * b[axis] - a[axis] - 3 * c[axis] + d[axis]) * t * t * t);
      points.push([spline(0), spline(1)]);
    }
  }
  return points;
}

/** How much of each pixel lies within the outline, 0 to 1, with four lines a row. */
function coverage(
  width: number,
  height: number,
  outline: readonly (readonly [number, number])[],
): Float32Array {
  const cover = new Float32Array(width * height);
  for (let line = 0; line < height * 4; line++) {
    const y = (line + 0.5) / 4;
    const crossings: number[] = [];
    for (let index = 0; index < outline.length; index++) {
      const [x0, y0] = outline[index] ?? [0, 0];
      const [x1, y1] = outline[(index + 1) % outline.length] ?? [0, 0];
      if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
    }
    crossings.sort((a, b) => a - b);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const left = crossings[pair] ?? 0;
      const right = crossings[pair + 1] ?? 0;
      for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++) {
        const pixel = Math.floor(line / 4) * width + x;
        cover[pixel] = (cover[pixel] ?? 0) + clamp(Math.min(x + 1, right) - Math.max(x, left)) / 4;
      }
    }
  }
  return cover;
}

export function paintPortrait(scene: Scene): void {
  const { canvas, palette, random, seed } = scene;
  const { width, height } = canvas;
  const unit = unitOf(canvas);
  const paper: Colour = mix(palette.low, [1, 1, 1], 0.35 * (1 - palette.night));
  const edge = mix(palette.middle, palette.low, 0.35);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wash = fractal((x / unit) * 2.2, (y / unit) * 2.2, seed + 81, 4);
      const away = Math.hypot(x / width - 0.5, y / height - 0.45) * 1.25;
      over(canvas, y * width + x, mix(paper, edge, clamp(away + wash * 0.35)), 1);
    }
  }
  const lights = 14;
  for (let light = 0; light < lights; light++) {
    const colour = random() < 0.5 ? palette.light : palette.accent;
    spot(
      canvas,
      random() * width,
      random() * height,
      unit * between(random, 0.03, 0.11),
      colour,
      0.22,
      0.25,
    );
  }

  const facesLeft = random() < 0.5;
  const size = Math.min(height, width * 1.15);
  const outline = smoothOutline(6).map(([px, py]): [number, number] => [
    width / 2 + (px - 0.46) * size * (facesLeft ? -1 : 1),
    height - size + (py - 0.02) * size,
  ]);
  const cover = coverage(width, height, outline);
  const inside = blankCanvas(width, height);
  paintLandscape({ ...scene, canvas: inside });
  for (let pixel = 0; pixel < width * height; pixel++) {
    const amount = cover[pixel] ?? 0;
    if (amount === 0) continue;
    const x = pixel % width;
    const y = Math.floor(pixel / width);
    // The shoulders dissolve into the paper; the far side of the head keeps a dark weight.
    const wash = fractal((x / unit) * 3, (y / unit) * 3, seed + 82, 4);
    const fade = smoothstep(0.99, 0.8, y / height + wash * 0.14);
    const at = pixel * 3;
    const seen: Colour = [inside.data[at] ?? 0, inside.data[at + 1] ?? 0, inside.data[at + 2] ?? 0];
    const side = (facesLeft ? x / width : 1 - x / width) - 0.35;
    over(
      canvas,
      pixel,
      mix(seen, palette.near, clamp(0.5 - side * 0.75, 0.12, 0.6)),
      amount * (0.1 + 0.9 * fade),
    );
  }
}
