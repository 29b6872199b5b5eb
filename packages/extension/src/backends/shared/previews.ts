/**
 * Previews from elsewhere made small: at most a few a second, never two at once, never a stale one.
 *
 * Backends send what suits them, up to full-size PNGs twenty times a second. The newest waits while
 * one is being shrunk and replaces the one that waited before it.
 */

import type { GenerateHooks } from "../../image-backend.ts";
import { shrinkToPreview } from "../../images/encode.ts";

/** About three a second: more only crowds the link. */
const PREVIEW_MS = 300;

export class Previews {
  readonly #hooks: Pick<GenerateHooks, "signal" | "onPreview">;
  readonly #clock: () => number;
  #index: number | undefined;
  #shownAt = Number.NEGATIVE_INFINITY;
  #busy = false;

  /** @param clock milliseconds, for pacing only. */
  constructor(hooks: Pick<GenerateHooks, "signal" | "onPreview">, clock: () => number) {
    this.#hooks = hooks;
    this.#clock = clock;
  }

  /** Offers a preview of picture `index`; shown, or passed over when it comes too soon. */
  offer(index: number, bytes: Uint8Array): void {
    const now = this.#clock();
    if (this.#busy || now - this.#shownAt < PREVIEW_MS) return;
    this.#busy = true;
    this.#shownAt = now;
    this.#index = index;
    shrinkToPreview(bytes)
      .then((small) => {
        if (this.#index !== index || this.#hooks.signal.aborted) return;
        this.#hooks.onPreview({ index, mime: "image/jpeg", bytes: small });
      })
      // A preview that is no picture is no loss.
      .catch(() => undefined)
      .finally(() => {
        this.#busy = false;
      });
  }

  /** The picture is done or given up: what is still being shrunk is stale. */
  stop(): void {
    this.#index = undefined;
  }
}
