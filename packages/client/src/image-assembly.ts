/**
 * One image on its way in: pieces in order from wherever the last stream stopped, checked against
 * its SHA-256 at the end. Survives the stream, so a new session continues where the old one broke.
 */

import { BeelineError, type ImageInfo, MAX_IMAGE_BYTES, type PathKind } from "@beeline/protocol";
import { sha256Hex } from "./sha256.ts";

export class ImageAssembly {
  readonly info: ImageInfo;
  readonly #bytes: Uint8Array;
  #received = 0;
  /** The path that carried the newest piece. */
  path: PathKind = "relay";

  /** @throws {BeelineError} `LIMIT_EXCEEDED` before anything is allocated. */
  constructor(info: ImageInfo) {
    if (info.size > MAX_IMAGE_BYTES) {
      throw new BeelineError("LIMIT_EXCEEDED", `an image of ${info.size} bytes`);
    }
    this.info = info;
    this.#bytes = new Uint8Array(info.size);
  }

  get received(): number {
    return this.#received;
  }

  get isComplete(): boolean {
    return this.#received === this.info.size;
  }

  /** A stream that begins at `offset` continues this image only if it leaves no gap. */
  continuesAt(offset: number): boolean {
    return offset <= this.#received;
  }

  /** Starts over at `offset`, below what was received. */
  rewind(offset: number): void {
    this.#received = Math.min(this.#received, offset);
  }

  push(bytes: Uint8Array, path: PathKind): void {
    if (this.#received + bytes.byteLength > this.info.size) {
      throw new BeelineError("IMAGE_CORRUPT", "more bytes than the image has");
    }
    this.#bytes.set(bytes, this.#received);
    this.#received += bytes.byteLength;
    this.path = path;
  }

  /** A view of what was received from `start` on. */
  from(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#received);
  }

  /** @throws {BeelineError} `IMAGE_CORRUPT` when the bytes are not those that were announced. */
  async finish(): Promise<Uint8Array> {
    if (!this.isComplete || (await sha256Hex(this.#bytes)) !== this.info.sha256) {
      throw new BeelineError("IMAGE_CORRUPT", `image ${this.info.index} is not what was announced`);
    }
    return this.#bytes;
  }
}
