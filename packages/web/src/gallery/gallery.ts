/**
 * The pictures on the page, newest first. Pure.
 *
 * Invariant: a picture is there once, whoever reported it, and all of them together stay within
 * {@link KEPT_BYTES}: the oldest leave first, because a phone's browser kills a tab that holds more.
 */

import type { LinkImage } from "@beeline/client";
import type { DrawRequest } from "../draw/pending-job.ts";

export interface Picture {
  /** Job and index: the same image reported twice has the same key. */
  readonly key: string;
  readonly jobId: string;
  readonly blob: Blob;
  readonly mime: string;
  readonly seed: number;
  readonly sha256: string;
  readonly size: number;
  readonly width: number;
  readonly height: number;
  /** Which path brought its last byte, and how long from the request until then. */
  readonly path: "relay" | "direct";
  readonly elapsedMs: number;
  readonly draw: DrawRequest;
  readonly modelName: string | undefined;
}

export interface Gallery {
  readonly pictures: readonly Picture[];
  /** Pictures that had to leave. */
  readonly dropped: number;
}

export const EMPTY_GALLERY: Gallery = { pictures: [], dropped: 0 };

/** 256 MiB: about 500 pictures of 512², or five of the largest allowed. */
export const KEPT_BYTES = 256 * 1024 * 1024;

export function addPicture(gallery: Gallery, picture: Picture): Gallery {
  if (gallery.pictures.some(({ key }) => key === picture.key)) return gallery;
  const all = [picture, ...gallery.pictures];
  let bytes = 0;
  // The newest is kept at any size.
  const kept = all.filter(({ size }, index) => {
    bytes += size;
    return index === 0 || bytes <= KEPT_BYTES;
  });
  return { pictures: kept, dropped: gallery.dropped + all.length - kept.length };
}

export function removePicture(gallery: Gallery, key: string): Gallery {
  return { ...gallery, pictures: gallery.pictures.filter((picture) => picture.key !== key) };
}

export function pictureOf(
  image: LinkImage,
  job: { readonly id: string; readonly draw: DrawRequest; readonly modelName: string | undefined },
): Picture {
  const mime = imageType(image.mime);
  return {
    key: `${job.id}:${image.index}`,
    jobId: job.id,
    blob: imageBlob(image.bytes, mime),
    mime,
    seed: image.seed,
    sha256: image.sha256,
    size: image.size,
    width: image.width,
    height: image.height,
    path: image.path,
    elapsedMs: image.elapsedMs,
    draw: job.draw,
    modelName: job.modelName,
  };
}

/**
 * The type a browser may be told about bytes from the wire. An SVG or HTML "picture" opened in a tab
 * of its own would run its scripts as this page, so all but the three known types become plain bytes.
 */
export function imageType(mime: string): string {
  return ["image/png", "image/jpeg", "image/webp"].includes(mime)
    ? mime
    : "application/octet-stream";
}

export function imageBlob(bytes: Uint8Array, mime: string): Blob {
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: imageType(mime) });
}

/** `beeline-4157.png`. */
export function fileName(picture: Picture): string {
  const ending =
    { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" }[picture.mime] ?? "bin";
  return `beeline-${picture.seed}.${ending}`;
}

/** What to read under a picture, in order. */
export function metadataOf(picture: Picture): readonly (readonly [label: string, value: string])[] {
  const { params } = picture.draw.request;
  const rows: [string, string | undefined][] = [
    ["Prompt", params.prompt],
    ["Negative prompt", params.negativePrompt],
    ["Seed", String(picture.seed)],
    ["Size", `${picture.width} × ${picture.height}`],
    ["Steps", params.steps?.toString()],
    ["CFG", params.cfgScale?.toString()],
    ["Sampler", params.sampler],
    ["Model", picture.modelName],
    ["LoRA", networksText(picture.draw)],
    [
      "Denoise",
      picture.draw.kind === "img2img"
        ? picture.draw.request.params.denoiseStrength?.toString()
        : undefined,
    ],
    ["SHA-256", picture.sha256],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "");
}

function networksText(draw: DrawRequest): string {
  return (draw.request.additionalNetworks ?? [])
    .map(({ name, hash, strength }) => `${name ?? hash.slice(0, 10)} ${strength ?? 1}`)
    .join(", ");
}
