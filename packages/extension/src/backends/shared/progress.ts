/**
 * Turns what a backend says of one picture into the progress of the whole job.
 *
 * Never goes back, whatever a backend reports: some count every batch from zero again.
 */

import type { GenerateHooks } from "../../image-backend.ts";

export interface ProgressOptions {
  readonly images: number;
  /** Steps of one picture as asked for, used where the backend names none. */
  readonly steps: number;
  readonly onProgress: GenerateHooks["onProgress"];
  /** Milliseconds. */
  readonly clock: () => number;
}

export class JobProgress {
  readonly #options: ProgressOptions;
  #startedAt: number | undefined;
  #done = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** The backend is busy with others' jobs. */
  waiting(queued: number): void {
    if (this.#startedAt !== undefined) return;
    const { steps, onProgress } = this.#options;
    onProgress({ progress: 0, step: 0, steps, etaMs: undefined, queued });
  }

  /**
   * Pictures up to `finished` are done, and of the next `batch` the share `fraction` (0 to 1).
   * @param steps what the backend counts to, if it says.
   */
  at(finished: number, batch: number, fraction: number, steps = this.#options.steps): void {
    const { images, onProgress, clock } = this.#options;
    this.#startedAt ??= clock();
    const share = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
    this.#done = Math.max(this.#done, Math.min(1, (finished + share * batch) / images));
    const elapsedMs = clock() - this.#startedAt;
    // The first hundredth holds loading and says nothing of the rest.
    const etaMs = this.#done > 0.01 ? (elapsedMs * (1 - this.#done)) / this.#done : undefined;
    const whole = Math.max(1, Math.round(steps));
    onProgress({
      progress: this.#done * 100,
      step: Math.min(whole, Math.round(share * whole)),
      steps: whole,
      etaMs,
    });
  }
}
