/** What every scene is painted from, and the seed it may draw its randomness from. */

import type { Canvas } from "../colour.ts";
import type { Random } from "../noise.ts";
import type { Palette } from "../palette.ts";
import type { Feature } from "../prompt.ts";

export interface Scene {
  readonly canvas: Canvas;
  readonly palette: Palette;
  readonly features: ReadonlySet<Feature>;
  /** The composition: the same for one image seed and model, whatever its size. */
  readonly random: Random;
  /** For noise fields. */
  readonly seed: number;
}

/** The picture's shorter side: lengths are shares of it, so a scene looks alike at any size. */
export const unitOf = ({ width, height }: Canvas): number => Math.min(width, height);
