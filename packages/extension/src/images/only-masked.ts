/**
 * Repainting a part of a picture, for every backend that cannot do it itself.
 *
 * A plan says what to draw from and how the drawing comes back. With "only masked" the surroundings
 * of the mask are drawn at full size and shrunk into place, so a face of 80 pixels gets the detail
 * of a whole picture. Pixels that the mask does not touch are byte for byte those of the init
 * picture. The backend draws; nothing here does.
 */

import { scale, scaleMask } from "./encode.ts";
import type { Mask, Raster, Region, Size } from "./raster.ts";
import { composite, crop } from "./raster.ts";

/** Pixels of surroundings that "only masked" shows the backend: AUTOMATIC1111's default. */
export const MASK_PADDING = 32;

export interface RepaintPlan {
  /** What the backend draws from; always of the size it was asked for. */
  readonly init: Raster;
  /** What the backend is to repaint of it: of the same size, undefined for all. */
  readonly mask: Mask | undefined;
  /** Puts the finished drawing, of the same size, back into the whole picture. */
  finish(drawn: Raster): Promise<Raster>;
}

/** The smallest rectangle that holds all of the mask, or undefined when it is all black. */
export function maskBounds(mask: Mask): Region | undefined {
  let left = mask.width;
  let right = -1;
  let top = mask.height;
  let bottom = -1;
  for (let y = 0; y < mask.height; y++) {
    for (let x = 0; x < mask.width; x++) {
      if (mask.data[y * mask.width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  if (right < 0) return undefined;
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** One axis: `length` pixels around the middle of [start, start + extent), kept within [0, limit). */
function place(start: number, extent: number, length: number, limit: number): number {
  const ideal = Math.round(start + extent / 2 - length / 2);
  return Math.max(0, Math.min(limit - length, ideal));
}

/**
 * The rectangle around `bounds` with `padding`, grown to the aspect of the whole picture so that
 * scaling it up does not distort. It never leaves the picture.
 */
export function paddedRegion(bounds: Region, padding: number, whole: Size): Region {
  const wide = Math.min(whole.width, bounds.width + 2 * padding);
  const high = Math.min(whole.height, bounds.height + 2 * padding);
  const share = Math.max(wide / whole.width, high / whole.height);
  const width = Math.min(whole.width, Math.ceil(whole.width * share));
  const height = Math.min(whole.height, Math.ceil(whole.height * share));
  return {
    left: place(bounds.left, bounds.width, width, whole.width),
    top: place(bounds.top, bounds.height, height, whole.height),
    width,
    height,
  };
}

/**
 * Plans one job: without a mask the drawing is the result; with one it is laid over `init`; with
 * `maskedOnly` only the mask's surroundings are drawn.
 * @returns undefined when the mask is all black: there is nothing to draw, `init` is the result.
 */
export async function planRepaint(
  init: Raster,
  mask: Mask | undefined,
  maskedOnly: boolean,
): Promise<RepaintPlan | undefined> {
  if (mask === undefined) return { init, mask: undefined, finish: async (drawn) => drawn };
  const bounds = maskBounds(mask);
  if (bounds === undefined) return undefined;
  const whole: Region = { left: 0, top: 0, width: init.width, height: init.height };
  const region = maskedOnly ? paddedRegion(bounds, MASK_PADDING, whole) : whole;
  return {
    init: await scale(crop(init, region, 3), whole),
    mask: await scaleMask(crop(mask, region, 1), whole),
    finish: async (drawn) => composite(init, await scale(drawn, region), mask, region),
  };
}
