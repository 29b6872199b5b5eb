/**
 * One picture on its way from noise to scene, step by step.
 *
 * The walk is that of a diffusion model: noise is taken away along a sampler's schedule, each step
 * asking what the clean picture looks like. Here the answer is known, the painted scene, blurred as
 * much as the noise would hide. Work is done only inside `step`, so stopping between two steps stops
 * it; equal recipes and init pictures give equal bytes.
 */

import type { Raster } from "../../images/raster.ts";
import type { Canvas } from "./colour.ts";
import { clamp, luma, smoothstep } from "./colour.ts";
import { drawLabel } from "./label.ts";
import { hashText, mix32, whiteNoise } from "./noise.ts";
import type { Pyramid } from "./pyramid.ts";
import { blurredRow, pyramidOf } from "./pyramid.ts";
import type { Recipe } from "./recipe.ts";
import { stepsToDraw } from "./recipe.ts";
import { noiseLevels, SAMPLERS, stepWeights } from "./samplers.ts";
import { paint } from "./scenes/paint.ts";

/**
 * How far a step believes what it already sees, against the scene. It makes the path matter: another
 * sampler or number of steps leaves other traces.
 */
const BELIEF = 0.16;

/** Strength of the film grain, a share of full scale: just under one level of 255. */
const GRAIN = 0.003;

/** How many halvings across noise of this level hides detail. */
const blurOf = (sigma: number): number => Math.log2(1 + 3 * sigma);

/**
 * The scene as img2img sees it: low strengths keep the init picture, middle ones keep its lights and
 * shadows in the scene's colours, 1 forgets it.
 */
function blendInit(scene: Canvas, init: Raster, denoise: number): void {
  const keepPicture = 1 - smoothstep(0, 0.65, denoise);
  const keepLight = 1 - smoothstep(0.35, 1, denoise);
  const { data } = scene;
  for (let pixel = 0; pixel < scene.width * scene.height; pixel++) {
    const at = pixel * 3;
    const r = (init.data[at] ?? 0) / 255;
    const g = (init.data[at + 1] ?? 0) / 255;
    const b = (init.data[at + 2] ?? 0) / 255;
    const shift = luma(r, g, b) - luma(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
    const source = [r, g, b];
    for (let channel = 0; channel < 3; channel++) {
      const restyled = (data[at + channel] ?? 0) + shift * keepLight;
      data[at + channel] = restyled + ((source[channel] ?? 0) - restyled) * keepPicture;
    }
  }
}

/** Screen values (0 to 1) to the sampler's (-1 to 1). */
function centre(canvas: Canvas): void {
  for (let index = 0; index < canvas.data.length; index++) {
    canvas.data[index] = clamp(canvas.data[index] ?? 0) * 2 - 1;
  }
}

export class Drawing {
  readonly #recipe: Recipe;
  readonly #init: Raster | undefined;
  readonly #levels: readonly number[];
  #scene: Pyramid = [];
  #current: Float32Array = new Float32Array(0);
  #lastClean: Float32Array | undefined;
  #done = 0;

  constructor(recipe: Recipe, init: Raster | undefined) {
    this.#recipe = recipe;
    this.#init = init;
    const levels = noiseLevels(SAMPLERS[recipe.sampler], recipe.steps);
    this.#levels = levels.slice(recipe.steps - stepsToDraw(recipe));
  }

  /** Removes some noise. Call it `stepsToDraw` times; the first call also paints the scene. */
  step(): void {
    if (this.#done === 0) this.#start();
    const sigma = this.#levels[this.#done] ?? 0;
    const next = this.#levels[this.#done + 1] ?? 0;
    const sampler = SAMPLERS[this.#recipe.sampler];
    const weights = stepWeights(sampler, sigma, next, this.#levels[this.#done - 1]);
    const { width, height } = this.#recipe;
    const noiseSeed = mix32(this.#recipe.seed + 7919 * (this.#done + 1));
    const level = blurOf(sigma);
    const seen = BELIEF / Math.sqrt(1 + sigma * sigma);
    const row = new Float32Array(width * 3);
    const current = this.#current;
    const last = this.#lastClean;
    for (let y = 0; y < height; y++) {
      blurredRow(this.#scene, y, level, row);
      const from = y * width * 3;
      for (let x = 0; x < row.length; x++) {
        const at = from + x;
        const value = current[at] ?? 0;
        const clean = (row[x] ?? 0) * (1 - BELIEF) + value * seen;
        let sum = weights.keep * value + weights.clean * clean;
        if (last !== undefined) {
          sum += weights.past * (last[at] ?? 0);
          last[at] = clean;
        }
        if (weights.noise > 0) sum += weights.noise * whiteNoise(at, noiseSeed);
        current[at] = sum;
      }
    }
    this.#done += 1;
  }

  /** The state as a small picture: noise at first, no side longer than `side`. */
  preview(side: number): Raster {
    const { width, height } = this.#recipe;
    const every = Math.max(1, Math.ceil(Math.max(width, height) / side));
    const small = { width: Math.floor(width / every), height: Math.floor(height / every) };
    const data = new Uint8Array(small.width * small.height * 3);
    const scale = this.#scale();
    for (let y = 0; y < small.height; y++) {
      for (let x = 0; x < small.width; x++) {
        for (let channel = 0; channel < 3; channel++) {
          let sum = 0;
          for (let dy = 0; dy < every; dy++) {
            for (let dx = 0; dx < every; dx++) {
              const at = ((y * every + dy) * width + x * every + dx) * 3 + channel;
              sum += this.#current[at] ?? 0;
            }
          }
          const mean = (sum / (every * every)) * scale;
          data[(y * small.width + x) * 3 + channel] = Math.round(clamp(mean * 0.5 + 0.5) * 255);
        }
      }
    }
    return { ...small, data };
  }

  /** The finished picture, with grain and label. Every field of the recipe seeds the grain. */
  result(): Raster {
    const { width, height } = this.#recipe;
    const data = new Uint8Array(width * height * 3);
    const seed = hashText(JSON.stringify(this.#recipe));
    for (let pixel = 0; pixel < width * height; pixel++) {
      const grain = whiteNoise(pixel, seed) * GRAIN;
      for (let at = pixel * 3; at < pixel * 3 + 3; at++) {
        const value = (this.#current[at] ?? 0) * 0.5 + 0.5 + grain;
        data[at] = Math.round(clamp(value) * 255);
      }
    }
    const raster = { width, height, data };
    drawLabel(raster);
    return raster;
  }

  /** Brings noise of any level into the picture's range. */
  #scale(): number {
    const sigma = this.#levels[this.#done] ?? 0;
    return 1 / Math.sqrt(1 + sigma * sigma);
  }

  #start(): void {
    const scene = paint(this.#recipe);
    const init = this.#recipe.denoise < 1 ? this.#init : undefined;
    if (init !== undefined) blendInit(scene, init, this.#recipe.denoise);
    centre(scene);
    this.#scene = pyramidOf(scene);
    const sigma = this.#levels[0] ?? 0;
    const seed = mix32(this.#recipe.seed);
    this.#current = new Float32Array(scene.data.length);
    for (let at = 0; at < this.#current.length; at++) {
      const base = init === undefined ? 0 : ((init.data[at] ?? 0) / 255) * 2 - 1;
      this.#current[at] = base + sigma * whiteNoise(at, seed);
    }
    if (SAMPLERS[this.#recipe.sampler].order === 2) {
      this.#lastClean = new Float32Array(this.#current.length);
    }
  }
}
