/**
 * Updates between a job and the loop that reads them. Bounded whatever the reader's speed: an update
 * that is overtaken by a newer one of its kind (progress, preview) is replaced, the others are few.
 */

export class UpdateQueue<T> implements AsyncIterable<T> {
  readonly #isReplacedBy: (older: T, newer: T) => boolean;
  readonly #items: T[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(isReplacedBy: (older: T, newer: T) => boolean) {
    this.#isReplacedBy = isReplacedBy;
  }

  push(item: T): void {
    if (this.#isEnded) return;
    const older = this.#items.findIndex((queued) => this.#isReplacedBy(queued, item));
    if (older >= 0) this.#items.splice(older, 1);
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#isEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
