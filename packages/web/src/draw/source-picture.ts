/**
 * From a file and a mask drawn by hand to the two pictures of an img2img request.
 *
 * Both are sent at exactly the drawing size, cut as the page shows them, so that what was masked is
 * what gets repainted, whatever the backend does about other sizes.
 */

import { BeelineError } from "@beeline/protocol";
import { coverCrop, type Stroke } from "./mask-history.ts";

export interface SourcePicture {
  readonly blob: Blob;
  readonly width: number;
  readonly height: number;
}

/** Larger files are no photographs; decoding them would take a phone's memory. */
const LARGEST_FILE_BYTES = 64 * 1024 * 1024;

/** @throws {BeelineError} `IMAGE_UNREADABLE` for what the browser cannot decode. */
export async function readSource(file: Blob): Promise<SourcePicture> {
  if (file.size > LARGEST_FILE_BYTES) {
    throw new BeelineError("IMAGE_UNREADABLE", "the picture is larger than 64 MB");
  }
  const bitmap = await decode(file);
  const { width, height } = bitmap;
  bitmap.close();
  return { blob: file, width, height };
}

/** The picture as PNG at the drawing size. */
export async function renderSource(
  source: SourcePicture,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  const bitmap = await decode(source.blob);
  const { canvas, context } = blankCanvas(size.width, size.height);
  const crop = coverCrop(bitmap, size);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, crop.x, crop.y, crop.width, crop.height, 0, 0, size.width, size.height);
  bitmap.close();
  return toPng(canvas);
}

/** The mask as PNG at the drawing size: white is repainted, black is kept. */
export async function renderMask(
  strokes: readonly Stroke[],
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  const { canvas, context } = blankCanvas(size.width, size.height);
  for (const stroke of strokes) paintStroke(context, stroke, "#fff");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, size.width, size.height);
  return toPng(canvas);
}

/** Paints one stroke, from its point `from` on, in the canvas's own size. */
export function paintStroke(
  context: CanvasRenderingContext2D,
  stroke: Stroke,
  color: string,
  from = 0,
): void {
  const { width, height } = context.canvas;
  const points = stroke.points.slice(from);
  const first = points[0];
  if (first === undefined) return;
  context.save();
  context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
  context.strokeStyle = color;
  context.lineWidth = stroke.radius * width * 2;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(first.x * width, first.y * height);
  // A line to itself makes the dot of a single tap.
  for (const point of points) context.lineTo(point.x * width, point.y * height);
  context.stroke();
  context.restore();
}

async function decode(blob: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob);
  } catch (thrown) {
    throw new BeelineError("IMAGE_UNREADABLE", "this browser cannot read that file as a picture", {
      cause: thrown,
    });
  }
}

function blankCanvas(width: number, height: number) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null)
    throw new BeelineError("IMAGE_UNREADABLE", "this browser cannot draw on a canvas");
  return { canvas, context };
}

async function toPng(canvas: HTMLCanvasElement): Promise<Uint8Array> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new BeelineError("IMAGE_UNREADABLE", "the picture could not be encoded");
  return new Uint8Array(await blob.arrayBuffer());
}
