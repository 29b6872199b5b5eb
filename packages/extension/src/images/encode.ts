/**
 * Pixels to encoded pictures: results as PNG that say how they were made, previews as small JPEG.
 *
 * Encoding runs on libvips' own threads, so the event loop stays free.
 */

import type { Sharp } from "sharp";
import sharp from "sharp";
import { insertPngText } from "./png-text.ts";
import type { Mask, Raster, Size } from "./raster.ts";

/** Longest side of a preview in pixels: what `GenerateHooks.onPreview` promises. */
export const PREVIEW_SIDE = 384;

/** A 384² JPEG of this quality measures 10 to 21 KB and takes 4 to 17 ms. */
const PREVIEW_QUALITY = 80;

/** Backends preview what they draw, and no side of that is above 2048. */
const MAX_PREVIEW_PIXELS = 4096 * 4096;

function open({ width, height, data }: Raster): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** A lossless PNG with `parameters` in its text chunk. */
export async function encodePng(raster: Raster, parameters: string): Promise<Uint8Array> {
  // 6 is zlib's own default: on drawn pictures higher levels gain under 2 % for twice the time.
  const png = await open(raster).png({ compressionLevel: 6 }).toBuffer();
  return insertPngText(png, "parameters", parameters);
}

/** A JPEG of the raster, which must already be small. */
export async function encodePreview(raster: Raster): Promise<Uint8Array> {
  return open(raster).jpeg({ quality: PREVIEW_QUALITY }).toBuffer();
}

/** The raster stretched to `size`. */
export async function scale(raster: Raster, { width, height }: Size): Promise<Raster> {
  if (raster.width === width && raster.height === height) return raster;
  const data = await open(raster).resize(width, height, { fit: "fill" }).raw().toBuffer();
  return { width, height, data };
}

/** The mask stretched to `size`. */
export async function scaleMask(mask: Mask, { width, height }: Size): Promise<Mask> {
  if (mask.width === width && mask.height === height) return mask;
  const data = await openMask(mask)
    .resize(width, height, { fit: "fill", kernel: "linear" })
    .toColourspace("b-w")
    .raw()
    .toBuffer();
  return { width, height, data };
}

/** A mask as every Stable Diffusion program reads one: a grey PNG, white is repainted. */
export async function encodeMask(mask: Mask): Promise<Uint8Array> {
  return openMask(mask).toColourspace("b-w").png().toBuffer();
}

/** Any picture as a preview: turned to JPEG and shrunk to {@link PREVIEW_SIDE}. */
export async function shrinkToPreview(bytes: Uint8Array): Promise<Uint8Array> {
  return sharp(bytes, { limitInputPixels: MAX_PREVIEW_PIXELS })
    .resize(PREVIEW_SIDE, PREVIEW_SIDE, { fit: "inside", withoutEnlargement: true })
    .flatten()
    .jpeg({ quality: PREVIEW_QUALITY })
    .toBuffer();
}

function openMask({ width, height, data }: Mask): Sharp {
  return sharp(data, { raw: { width, height, channels: 1 } });
}
