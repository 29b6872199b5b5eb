/**
 * Decides which steps are shown: a few a second, never two at once, never a stale one.
 *
 * A preview is only asked for when the one before is out and its time has come; one that finishes
 * encoding after its picture is done (or the job was canceled) is dropped.
 */

import type { GenerateHooks } from "../../image-backend.ts";
import { encodePreview, PREVIEW_SIDE } from "../../images/encode.ts";
import type { Raster } from "../../images/raster.ts";

export class PreviewFeed {
  readonly #onPreview: GenerateHooks["onPreview"];
  readonly #intervalMs: number;
  #nextAt = 0;
  #encoding = false;
  #index: number | undefined;

  constructor(onPreview: GenerateHooks["onPreview"], intervalMs: number) {
    this.#onPreview = onPreview;
    this.#intervalMs = intervalMs;
  }

  /** The side to ask of the next step: 0 when it need not be shown. */
  sideAt(now: number): number {
    return this.#encoding || now < this.#nextAt ? 0 : PREVIEW_SIDE;
  }

  /** Shows a step of picture `index`. Returns at once; a picture that cannot be encoded is skipped. */
  show(index: number, raster: Raster, now: number): void {
    this.#index = index;
    this.#nextAt = now + this.#intervalMs;
    this.#encoding = true;
    encodePreview(raster)
      .then((bytes) => {
        if (this.#index === index) this.#onPreview({ index, mime: "image/jpeg", bytes });
      })
      .catch(() => undefined)
      .finally(() => {
        this.#encoding = false;
      });
  }

  /** The picture is done or given up: what is still being encoded is stale. */
  stop(): void {
    this.#index = undefined;
  }
}
