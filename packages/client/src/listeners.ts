/** Typed listeners. One that throws does not keep the others from hearing. */

export class Listeners<E extends { [K in keyof E]: (...values: never[]) => void }> {
  readonly #byEvent = new Map<keyof E, Set<E[keyof E]>>();

  add<K extends keyof E>(event: K, listener: E[K]): () => void {
    const listeners = this.#byEvent.get(event) ?? new Set();
    this.#byEvent.set(event, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<K extends keyof E>(event: K, ...values: Parameters<E[K]>): void {
    for (const listener of [...(this.#byEvent.get(event) ?? [])]) {
      try {
        listener(...values);
      } catch (thrown) {
        // The listener's own bug: reported where such bugs are looked for, not swallowed.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
}
