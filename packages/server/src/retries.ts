/**
 * What failed and must happen all the same, because nothing else would make it good: tried again, each
 * time after a longer pause, for as long as this process lives.
 */

const FIRST_PAUSE_MS = 1_000;
/** Thousands of peers may have left while Redis refused to write; it must not be asked by all at once. */
const LONGEST_PAUSE_MS = 30_000;

export class Retries {
  readonly #wait: (ms: number) => Promise<void>;
  #isOver = false;

  constructor(wait: (ms: number) => Promise<void>) {
    this.#wait = wait;
  }

  /** Runs `task` until it does not reject, for the first time after a pause. */
  async insist(task: () => Promise<void>): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let isDone = false;
    while (!isDone && !this.#isOver) {
      // What failed together does not come back together.
      await this.#wait(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      if (this.#isOver) return;
      isDone = await task().then(
        () => true,
        () => false,
      );
    }
  }

  /** What is not done by now is given up. */
  end(): void {
    this.#isOver = true;
  }
}
