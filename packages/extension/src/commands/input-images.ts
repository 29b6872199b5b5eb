/**
 * The pictures that img2img starts from, wherever the client put them: beside the command (a blob),
 * in it (base64), or at an address, which is fetched under the same rules as models are.
 *
 * Says early whether a picture is one, so that a bad one fails at once and not after an hour in the
 * queue. Does not decode it: the backend does.
 */

import { BeelineError, type InputImage, MAX_INPUT_IMAGE_BYTES } from "@beeline/protocol";
import { pictureType } from "../images/decode.ts";
import type { GuardedFetch } from "../resources/guarded-fetch.ts";
import type { InputBlobs } from "../service.ts";

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

export interface InputSources {
  readonly fetch: GuardedFetch;
  readonly blobs: InputBlobs;
  readonly signal: AbortSignal;
}

/**
 * The bytes of an input picture.
 * @throws {BeelineError} `IMAGE_UNREADABLE` naming the field, `URL_REFUSED`, `DOWNLOAD_FAILED`, or
 * what {@link InputBlobs.read} throws.
 */
export async function readInputImage(
  field: string,
  input: InputImage,
  sources: InputSources,
): Promise<Uint8Array> {
  const bytes = await bytesOf(field, input, sources);
  if (bytes.length > MAX_INPUT_IMAGE_BYTES) throw tooLarge(field);
  if (pictureType(bytes) === undefined) {
    throw new BeelineError("IMAGE_UNREADABLE", `${field} is neither PNG, JPEG nor WebP`);
  }
  return bytes;
}

async function bytesOf(
  field: string,
  input: InputImage,
  sources: InputSources,
): Promise<Uint8Array> {
  if (typeof input !== "string") return sources.blobs.read(input.blob);
  if (/^[a-z][a-z0-9+.-]*:/i.test(input) && !input.startsWith("data:")) {
    return fetchImage(field, input, sources);
  }
  const base64 = input.replace(/^data:[^,]*,/, "");
  if (input.startsWith("data:") && !/^data:[^,]*;base64,/.test(input)) {
    throw new BeelineError("IMAGE_UNREADABLE", `${field} is a data: address without base64`);
  }
  // Four characters hold three bytes: known before anything is decoded.
  if (base64.length > (MAX_INPUT_IMAGE_BYTES / 3) * 4 + 4) throw tooLarge(field);
  if (!BASE64.test(base64)) {
    throw new BeelineError("IMAGE_UNREADABLE", `${field} is neither an address nor base64`);
  }
  return Buffer.from(base64, "base64");
}

async function fetchImage(field: string, url: string, sources: InputSources): Promise<Uint8Array> {
  try {
    return await sources.fetch.getBytes(url, MAX_INPUT_IMAGE_BYTES, sources.signal);
  } catch (error) {
    if (error instanceof BeelineError && error.code === "LIMIT_EXCEEDED") throw tooLarge(field);
    throw error;
  }
}

function tooLarge(field: string): BeelineError {
  return new BeelineError(
    "IMAGE_UNREADABLE",
    `${field} is larger than ${MAX_INPUT_IMAGE_BYTES} bytes`,
  );
}
