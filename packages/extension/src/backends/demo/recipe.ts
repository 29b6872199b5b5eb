/**
 * Everything that decides the pixels of one picture, and nothing else: no time, no job id, no place
 * in a batch. Two equal recipes give equal pictures.
 */

import type { Look } from "./look.ts";
import type { PaletteName } from "./palette.ts";
import type { SamplerName } from "./samplers.ts";

export interface Recipe {
  readonly width: number;
  readonly height: number;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly cfgScale: number;
  readonly clipSkip: number;
  readonly sampler: SamplerName;
  /** The checkpoint's palette, used where the prompt names none. */
  readonly palette: PaletteName;
  /** The checkpoint's, VAE's and networks' looks together. */
  readonly look: Look;
  /** The files by hash with their strengths: two files of the same look still differ. */
  readonly files: readonly string[];
  /** How much of the init picture is repainted, above 0; 1 without one. */
  readonly denoise: number;
}

/** Steps one picture takes: fewer than asked for when an init picture is only partly repainted. */
export function stepsToDraw({ steps, denoise }: Recipe): number {
  return Math.max(1, Math.round(steps * denoise));
}
