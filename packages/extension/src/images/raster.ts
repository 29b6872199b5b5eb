/**
 * Decoded pictures in memory, and the few operations on them that need no library.
 *
 * Rows run from the top, bytes are tightly packed. Pictures are opaque RGB because that is what
 * Stable Diffusion draws; masks are one grey byte a pixel, 255 for "repaint" and 0 for "keep".
 * Nothing here scales, encodes or decodes.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Opaque sRGB, three bytes a pixel. */
export interface Raster extends Size {
  readonly data: Uint8Array;
}

/** One byte a pixel: 255 is repainted, 0 is kept, between is blended. */
export interface Mask extends Size {
  readonly data: Uint8Array;
}

/** A rectangle of whole pixels inside a picture. */
export interface Region extends Size {
  readonly left: number;
  readonly top: number;
}

/** Copies a rectangle out of a picture (`channels` 3) or a mask (1). */
export function crop(source: Raster | Mask, region: Region, channels: 1 | 3): Raster {
  const { left, top, width, height } = region;
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * source.width + left) * channels;
    data.set(source.data.subarray(from, from + width * channels), row * width * channels);
  }
  return { width, height, data };
}

/**
 * Lays `drawn` over `base` at `region` as far as the mask of the whole picture lets it. Pixels where
 * the mask is 0, and all outside the region, keep the very bytes of `base`.
 */
export function composite(base: Raster, drawn: Raster, mask: Mask, region: Region): Raster {
  const data = Uint8Array.from(base.data);
  for (let row = 0; row < region.height; row++) {
    for (let column = 0; column < region.width; column++) {
      const pixel = (region.top + row) * base.width + region.left + column;
      const weight = mask.data[pixel] ?? 0;
      if (weight === 0) continue;
      const from = (row * drawn.width + column) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const under = base.data[pixel * 3 + channel] ?? 0;
        const over = drawn.data[from + channel] ?? 0;
        data[pixel * 3 + channel] = Math.round(under + ((over - under) * weight) / 255);
      }
    }
  }
  return { width: base.width, height: base.height, data };
}
