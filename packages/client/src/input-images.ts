/**
 * Input pictures of img2img: bytes and base64 leave the command and travel as blobs beside it, so
 * that no base64 is on our wire. URLs stay: the extension fetches them, under its own guards.
 */

import { BeelineError, MAX_INPUT_IMAGE_BYTES, type RequestInput } from "@beeline/protocol";
import type { Img2ImgInput, Picture } from "./api.ts";
import type { InputBlob } from "./calls.ts";

/** @throws {BeelineError} `IMAGE_UNREADABLE`, `LIMIT_EXCEEDED`. */
export function takeInputs(request: Img2ImgInput): {
  command: RequestInput<"image:img2img">;
  inputs: InputBlob[];
} {
  const inputs: InputBlob[] = [];
  const take = (picture: Picture): string | { blob: number } => {
    if (typeof picture === "string" && /^https?:/i.test(picture)) return picture;
    const bytes = typeof picture === "string" ? fromBase64(picture) : picture;
    if (bytes.byteLength === 0 || bytes.byteLength > MAX_INPUT_IMAGE_BYTES) {
      throw new BeelineError("LIMIT_EXCEEDED", `an input picture of ${bytes.byteLength} bytes`);
    }
    inputs.push({ bytes });
    return { blob: inputs.length - 1 };
  };
  const { initImage, maskImage, ...params } = request.params;
  const command = {
    ...request,
    params: {
      ...params,
      initImage: take(initImage),
      ...(maskImage === undefined ? {} : { maskImage: take(maskImage) }),
    },
  };
  return { command, inputs };
}

function fromBase64(text: string): Uint8Array {
  const base64 = text.replace(/^data:[^,]*,/, "");
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new BeelineError("IMAGE_UNREADABLE", "neither a URL nor base64", { cause });
  }
}
