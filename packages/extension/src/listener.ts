/**
 * One who asked, from the service's side: hears things in order until the final response, until it
 * stops listening, or until it throws, which harms nobody else.
 */

import type { StoredImage, Subscriber } from "./service.ts";

export class Listener implements Subscriber {
  readonly #subscriber: Subscriber;
  #open = true;
  #stop: (() => void) | undefined;

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  /** What ends the job's knowledge of this listener; called at once if that has happened already. */
  stopsWith(stop: () => void): void {
    this.#stop = stop;
    if (!this.#open) stop();
  }

  response(response: Readonly<Record<string, unknown>>, final: boolean): void {
    this.#call((subscriber) => subscriber.response(response, final));
    if (final) this.close();
  }

  preview(preview: { index: number; mime: string; bytes: Uint8Array }): void {
    this.#call((subscriber) => subscriber.preview(preview));
  }

  image(image: StoredImage): void {
    this.#call((subscriber) => subscriber.image(image));
  }

  close(): void {
    this.#open = false;
    this.#stop?.();
  }

  #call(call: (subscriber: Subscriber) => void): void {
    if (!this.#open) return;
    try {
      call(this.#subscriber);
    } catch {
      this.close();
    }
  }
}
