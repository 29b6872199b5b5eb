/** What a job tells whoever asked for it, written down; and the error that it ended with. */
import type { DrawnImage, GenerateHooks, GenerateProgress } from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";

export class Heard implements GenerateHooks {
  readonly abort = new AbortController();
  readonly signal = this.abort.signal;
  readonly images: DrawnImage[] = [];
  readonly progress: GenerateProgress[] = [];
  readonly previews: Uint8Array[] = [];
  #waiting: (() => void)[] = [];

  onProgress = (progress: GenerateProgress): void => {
    this.progress.push(progress);
    for (const wake of this.#waiting.splice(0)) wake();
  };
  onPreview = ({ bytes }: { bytes: Uint8Array }): void => {
    this.previews.push(bytes);
    for (const wake of this.#waiting.splice(0)) wake();
  };
  onImage = (image: DrawnImage): void => void this.images.push(image);

  /** Resolves when what was heard so far is enough. */
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** The error that a promise is rejected with. */
export async function errorOf(work: Promise<unknown>): Promise<BeelineError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof BeelineError) return error;
  throw new Error(`rejected with ${String(error)}, not with a BeelineError`);
}
