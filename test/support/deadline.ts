/**
 * Waiting for what must happen, without sleeping: an event or a state, and a deadline after which
 * the test fails with the name of what did not come.
 */

/** Settles like `promise`, or rejects after `ms` with a sentence that names `what`. */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Something that changes, and whoever waits until it has become what they want. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** To be called after every change. */
  notify(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves with the first value of `read` that is not undefined, now or after a change. */
  async until<T>(ms: number, what: string, read: () => T | undefined): Promise<T> {
    let look: () => void = () => {};
    const found = new Promise<T>((resolve) => {
      look = () => {
        const value = read();
        if (value === undefined) return;
        // At once: a `read` that takes what it finds must not be asked again before the caller runs.
        this.#waiting.delete(look);
        resolve(value);
      };
    });
    this.#waiting.add(look);
    look();
    try {
      return await within(ms, what, found);
    } finally {
      this.#waiting.delete(look);
    }
  }
}
