/** A nebula full of stars, and a planet with weather, shade and sometimes rings. */

import type { Colour } from "../colour.ts";
import { clamp, mix, over, shine, smoothstep } from "../colour.ts";
import { between, fractal, noise } from "../noise.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";
import { paintStars } from "./sky.ts";

function paintNebula({ canvas, palette, seed }: Scene): void {
  const unit = unitOf(canvas);
  const deep = mix(palette.top, [0.01, 0.01, 0.03], 0.82);
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const px = (x / unit) * 1.7;
      const py = (y / unit) * 1.7;
      const bend = fractal(px, py, seed + 11, 3);
      const cloud = fractal(px + bend * 1.5, py - bend, seed + 12, 5) + 0.24;
      const dust = fractal(px * 1.9 - bend, py * 1.9 + bend, seed + 13, 4);
      const tint = mix(
        mix(palette.middle, palette.low, clamp(0.5 + bend)),
        palette.accent,
        clamp(dust * 1.4),
      );
      const pixel = y * canvas.width + x;
      over(canvas, pixel, deep, 1);
      shine(canvas, pixel, tint, smoothstep(0, 0.7, cloud) * 0.95);
      over(canvas, pixel, deep, smoothstep(0.08, 0.5, dust) * 0.5);
    }
  }
}

interface Planet {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Where the light comes from, a unit vector. */
  readonly light: readonly [number, number, number];
  readonly bands: number;
  readonly seed: number;
}

function surface(planet: Planet, { palette }: Scene, nx: number, ny: number): Colour {
  const warp = fractal(nx * 2.2, ny * 2.2, planet.seed, 4);
  const stripe = noise(planet.seed % 97, ny * planet.bands + warp * 1.6, planet.seed + 1);
  const spots = fractal(nx * 3 + warp, ny * (3 + planet.bands) + warp * 2, planet.seed + 2, 4);
  const ground = mix(palette.far, palette.low, clamp(0.5 + stripe * 0.8));
  return mix(mix(ground, palette.light, clamp(spots * 1.1)), palette.near, clamp(-spots * 1.3));
}

function paintPlanet(scene: Scene, planet: Planet): void {
  const { canvas, palette } = scene;
  const reach = planet.radius * 1.18;
  for (
    let y = Math.max(0, Math.floor(planet.y - reach));
    y < Math.min(canvas.height, planet.y + reach);
    y++
  ) {
    for (
      let x = Math.max(0, Math.floor(planet.x - reach));
      x < Math.min(canvas.width, planet.x + reach);
      x++
    ) {
      const nx = (x - planet.x) / planet.radius;
      const ny = (y - planet.y) / planet.radius;
      const distance = Math.hypot(nx, ny);
      const pixel = y * canvas.width + x;
      const toLight = nx * planet.light[0] + ny * planet.light[1];
      if (distance > 1) {
        const air = smoothstep(1.18, 1, distance) ** 3 * clamp(0.25 + toLight);
        shine(canvas, pixel, palette.accent, air * 0.7);
        continue;
      }
      const nz = Math.sqrt(1 - distance * distance);
      const day = smoothstep(-0.12, 0.85, toLight + nz * planet.light[2]);
      const colour = mix(
        [0.012, 0.012, 0.025],
        surface(planet, scene, nx / (0.5 + nz * 0.5), ny / (0.5 + nz * 0.5)),
        day,
      );
      const rim = (1 - nz) ** 3 * clamp(0.2 + toLight) * 0.9;
      over(canvas, pixel, mix(colour, palette.accent, rim), clamp((1 - distance) * planet.radius));
    }
  }
}

/** The half of the rings before (`side` 1) or behind (-1) the planet. */
function paintRings({ canvas, palette }: Scene, planet: Planet, side: 1 | -1): void {
  const tilt = 0.26;
  const reach = planet.radius * 2.2;
  for (
    let y = Math.max(0, Math.floor(planet.y - reach));
    y < Math.min(canvas.height, planet.y + reach);
    y++
  ) {
    for (
      let x = Math.max(0, Math.floor(planet.x - reach));
      x < Math.min(canvas.width, planet.x + reach);
      x++
    ) {
      const dx = (x - planet.x) / planet.radius;
      const dy = (y - planet.y) / planet.radius - dx * 0.22;
      if (dy * side < 0) continue;
      const distance = Math.hypot(dx, dy / tilt);
      if (distance < 1.25 || distance > 2.1) continue;
      const gaps = 0.55 + 0.45 * noise(distance * 19, 0.5, planet.seed + 3);
      const edge = smoothstep(1.25, 1.32, distance) * smoothstep(2.1, 1.95, distance);
      const lit = 0.35 + 0.65 * clamp(0.6 + dx * planet.light[0]);
      over(
        canvas,
        y * canvas.width + x,
        mix(palette.far, palette.light, gaps * lit),
        edge * gaps * 0.85 * lit,
      );
    }
  }
}

export function paintSpace(scene: Scene): void {
  const { canvas, features, random, seed } = scene;
  const unit = unitOf(canvas);
  paintNebula(scene);
  paintStars(scene, canvas.height * 3, 1);
  const angle = between(random, -2.7, -0.4);
  const light = [Math.cos(angle) * 0.83, Math.sin(angle) * 0.83, 0.56] as const;
  const planet: Planet = {
    x: canvas.width * between(random, 0.36, 0.64),
    y: canvas.height * between(random, 0.42, 0.62),
    radius: unit * between(random, 0.2, 0.29),
    light,
    bands: between(random, 1, 6),
    seed: seed + 21,
  };
  const ringed = features.has("rings") || random() < 0.4;
  if (ringed) paintRings(scene, planet, -1);
  paintPlanet(scene, planet);
  if (ringed) paintRings(scene, planet, 1);
  paintPlanet(scene, {
    ...planet,
    x: planet.x + planet.radius * between(random, 1.1, 1.5) * (random() < 0.5 ? -1 : 1),
    y: planet.y - planet.radius * between(random, 0.7, 1.2),
    radius: planet.radius * between(random, 0.1, 0.22),
    bands: 1,
    seed: seed + 22,
  });
}
