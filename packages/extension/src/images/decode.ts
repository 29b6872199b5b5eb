/**
 * Encoded pictures to pixels: the gate for every picture that comes from elsewhere.
 *
 * Only PNG, JPEG and WebP pass, told by their first bytes before libvips sees them, so its other
 * loaders (SVG, PDF, TIFF, GIF and more) are never reached. Bytes and pixels are bounded before
 * anything is inflated. Whatever goes wrong is `IMAGE_UNREADABLE`; nothing is fetched from here.
 */

import { BeelineError, MAX_INPUT_IMAGE_BYTES } from "@beeline/protocol";
import type { Sharp } from "sharp";
import sharp from "sharp";
import type { Mask, Raster, Size } from "./raster.ts";

/** The page takes pictures of 2048² at most; phones send larger ones to be scaled down. */
export const MAX_INPUT_PIXELS = 4096 * 4096;

/**
 * A mask drawn in JPEG rings by a few grey levels around its edges. Below the first level nothing is
 * repainted and above the second all is, so "black" and "white" survive such an encoder.
 */
const MASK_BLACK = 16;
const MASK_WHITE = 239;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
const RIFF = [0x52, 0x49, 0x46, 0x46];
const WEBP = [0x57, 0x45, 0x42, 0x50];

function has(bytes: Uint8Array, offset: number, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[offset + index] === byte);
}

function unreadable(what: string, cause?: unknown): BeelineError {
  return new BeelineError("IMAGE_UNREADABLE", what, { cause });
}

/** The type of an encoded picture by its first bytes, or undefined when it is none that we take. */
export function pictureType(
  bytes: Uint8Array,
): "image/png" | "image/jpeg" | "image/webp" | undefined {
  if (has(bytes, 0, PNG)) return "image/png";
  if (has(bytes, 0, JPEG)) return "image/jpeg";
  if (has(bytes, 0, RIFF) && has(bytes, 8, WEBP)) return "image/webp";
  return undefined;
}

function open(bytes: Uint8Array): Sharp {
  if (bytes.length > MAX_INPUT_IMAGE_BYTES) {
    throw unreadable(`the picture has ${bytes.length} bytes; ${MAX_INPUT_IMAGE_BYTES} are allowed`);
  }
  if (pictureType(bytes) === undefined) {
    throw unreadable("the picture is neither PNG, JPEG nor WebP");
  }
  // `error`: a truncated file fails, a merely untidy one (a warning of libvips) passes.
  return sharp(bytes, { limitInputPixels: MAX_INPUT_PIXELS, failOn: "error" }).autoOrient();
}

async function pixels(picture: Sharp): Promise<Raster> {
  try {
    const { data, info } = await picture
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw unreadable(`the picture cannot be decoded: ${words.split("\n", 1)[0]}`, error);
  }
}

/**
 * Pixels of an encoded picture, turned upright, transparent parts on white, stretched to `size` if
 * given (as AUTOMATIC1111's "just resize" does, which its API takes by default).
 * @throws {BeelineError} `IMAGE_UNREADABLE`: another format, damaged, above `MAX_INPUT_IMAGE_BYTES`
 *   or above `MAX_INPUT_PIXELS`.
 */
export async function decodePicture(bytes: Uint8Array, size?: Size): Promise<Raster> {
  const picture = open(bytes).flatten({ background: "#ffffff" }).toColourspace("srgb");
  if (size !== undefined) picture.resize(size.width, size.height, { fit: "fill" });
  return pixels(picture);
}

/**
 * A mask from an encoded picture, stretched to `size`: white is repainted, black and transparent
 * are kept.
 * @throws {BeelineError} `IMAGE_UNREADABLE`, as {@link decodePicture}.
 */
export async function decodeMask(bytes: Uint8Array, size: Size): Promise<Mask> {
  const mask = await pixels(
    open(bytes)
      .flatten({ background: "#000000" })
      .resize(size.width, size.height, { fit: "fill", kernel: "linear" })
      .toColourspace("b-w"),
  );
  const data = mask.data.map((level) =>
    Math.max(
      0,
      Math.min(255, Math.round(((level - MASK_BLACK) * 255) / (MASK_WHITE - MASK_BLACK))),
    ),
  );
  return { ...size, data };
}
