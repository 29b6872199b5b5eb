/** Holds drawing in the middle until a test lets it go on. Open unless closed. */
export class Gate {
  #open: Promise<void> = Promise.resolve();
  #release: () => void = () => {};
  #reached: Promise<void> = Promise.resolve();
  #arrive: () => void = () => {};

  /** From now on, whoever passes waits. */
  hold(): void {
    this.#open = new Promise((resolve) => {
      this.#release = resolve;
    });
    this.#reached = new Promise((resolve) => {
      this.#arrive = resolve;
    });
  }

  release(): void {
    this.#release();
  }

  /** Resolves when somebody waits, or at once when the gate was never held. */
  get reached(): Promise<void> {
    return this.#reached;
  }

  /** Resolves when released, or when `given up`. */
  async pass(givenUp: AbortSignal): Promise<void> {
    this.#arrive();
    if (givenUp.aborted) return;
    const stop = new Promise<void>((resolve) => {
      givenUp.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#open, stop]);
  }
}
