/**
 * Keeps a picture beside a model file, from an address that a page gave.
 *
 * The bytes that arrive are never what is kept: they are decoded within limits and encoded again, so
 * that nothing but pixels remains of them.
 */

import sharp from "sharp";
import writeFileAtomic from "write-file-atomic";
import { previewPathOf } from "./folders.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";

/** Showcase pictures are PNGs of 1 to 5 MB. */
const MAX_PREVIEW_BYTES = 10 * 1024 * 1024;
/** A small file can promise a huge picture: 32 megapixels decode to 128 MB at most. */
const MAX_PREVIEW_PIXELS = 32 * 1024 * 1024;
/** Pixels a side: cards in a page are smaller. */
const PREVIEW_SIDE = 512;

/** @throws what fetching, decoding or writing throws; a model is complete without its picture. */
export async function savePreview(
  url: string,
  modelPath: string,
  fetch: GuardedFetch,
  signal: AbortSignal,
): Promise<void> {
  const bytes = await fetch.getBytes(url, MAX_PREVIEW_BYTES, signal);
  const png = await sharp(bytes, { limitInputPixels: MAX_PREVIEW_PIXELS })
    .rotate()
    .resize(PREVIEW_SIDE, PREVIEW_SIDE, { fit: "inside", withoutEnlargement: true })
    .png()
    .toBuffer();
  await writeFileAtomic(previewPathOf(modelPath), png);
}
