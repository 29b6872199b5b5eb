/** The word "demo" in the lower right corner, so that no picture passes for Stable Diffusion's. */

import type { Raster } from "../../images/raster.ts";

/** Five rows of bits, drawn by hand. */
const GLYPHS: readonly (readonly string[])[] = [
  ["..#", "..#", "###", "#.#", "###"],
  ["...", "###", "###", "#..", "###"],
  [".....", "##.#.", "#.#.#", "#.#.#", "#.#.#"],
  ["...", "###", "#.#", "#.#", "###"],
];

/** The word as one bitmap, a blank column between letters. */
const WORD: readonly string[] = Array.from({ length: 5 }, (_, row) =>
  GLYPHS.map((glyph) => glyph[row] ?? "").join("."),
);

/** White over a shadow, half seen: legible on snow and at night. */
const INK = 0.75;
const SHADOW = 0.5;

/** Draws the label into `raster`, scaled with it: one bitmap pixel for every 256 of its shorter side. */
export function drawLabel(raster: Raster): void {
  const { width, height, data } = raster;
  const dot = Math.max(1, Math.round(Math.min(width, height) / 256));
  const wordWidth = (WORD[0]?.length ?? 0) * dot;
  const left = width - wordWidth - 4 * dot;
  const top = height - WORD.length * dot - 4 * dot;
  const stamp = (offset: number, level: number, alpha: number): void => {
    for (let y = 0; y < WORD.length * dot; y++) {
      for (let x = 0; x < wordWidth; x++) {
        if (WORD[Math.floor(y / dot)]?.[Math.floor(x / dot)] !== "#") continue;
        const row = top + y + offset;
        const column = left + x + offset;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        for (let channel = 0; channel < 3; channel++) {
          const at = (row * width + column) * 3 + channel;
          data[at] = Math.round((data[at] ?? 0) * (1 - alpha) + level * alpha);
        }
      }
    }
  };
  stamp(dot, 0, SHADOW);
  stamp(0, 255, INK);
}
