/**
 * A job while it runs, and those who listen to it.
 *
 * Whoever comes late is told what the others know: the pictures so far and the latest response, then
 * everything that follows. The last call to each is the final response. Listeners must not throw (see
 * listener.ts, which makes sure).
 */

import type { Status } from "@beeline/protocol";
import type { StoredImage, Subscriber } from "../service.ts";

/** A whole response, as it goes to a client. */
export interface JobResponse {
  readonly status: Status;
  readonly [field: string]: unknown;
}

/** Ten a second look smooth; more would only crowd the link. */
const PROGRESS_EVERY_MS = 100;

export interface JobIdentity {
  /** In lower case. */
  readonly id: string;
  readonly type: string;
  /** Digest of the client's secret. */
  readonly owner: string;
  readonly linkId: string;
  readonly bodyDigest: string;
  /** Counts jobs as their commands came. */
  readonly arrival: number;
}

export class LiveJob {
  readonly identity: JobIdentity;
  /** Resolves with the final response. */
  readonly ended: Promise<JobResponse>;
  readonly #clock: () => number;
  readonly #onResponse: (job: LiveJob, response: JobResponse) => void;
  readonly #abort = new AbortController();
  readonly #subscribers = new Set<Subscriber>();
  readonly #images: StoredImage[] = [];
  #latest: JobResponse | undefined;
  #final = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #resolveEnded: (response: JobResponse) => void = () => undefined;

  /**
   * @param onResponse hears every response before the listeners do, also those that they are spared;
   * what it throws is lost, because a record of the job is no reason for it to fail.
   */
  constructor(
    identity: JobIdentity,
    clock: () => number,
    onResponse: (job: LiveJob, response: JobResponse) => void,
  ) {
    this.identity = identity;
    this.#clock = clock;
    this.#onResponse = onResponse;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** Fires when the job is to stop; its reason is the BeelineError to end with. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get hasEnded(): boolean {
    return this.#final;
  }

  get latest(): JobResponse | undefined {
    return this.#latest;
  }

  /** @returns a function that stops listening. */
  attach(subscriber: Subscriber): () => void {
    if (!this.#final) this.#subscribers.add(subscriber);
    for (const image of this.#images) subscriber.image(image);
    if (this.#latest !== undefined) subscriber.response(this.#latest, this.#final);
    return () => this.#subscribers.delete(subscriber);
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Tells at once. */
  report(response: JobResponse): void {
    if (this.#final) return;
    this.#note(response);
    this.#tell(response);
  }

  /** Tells, unless something was told less than 100 ms ago: then only who comes later hears of it. */
  progress(response: JobResponse): void {
    if (this.#final) return;
    this.#note(response);
    if (this.#clock() - this.#toldAt >= PROGRESS_EVERY_MS) this.#tell(response);
  }

  preview(preview: { index: number; mime: string; bytes: Uint8Array }): void {
    if (!this.#final) this.#callAll((subscriber) => subscriber.preview(preview));
  }

  image(image: StoredImage): void {
    if (this.#final) return;
    this.#images.push(image);
    this.#callAll((subscriber) => subscriber.image(image));
  }

  end(response: JobResponse): void {
    if (this.#final) return;
    this.#final = true;
    this.#note(response);
    try {
      this.#callAll((subscriber) => subscriber.response(response, true));
    } finally {
      this.#subscribers.clear();
      this.#resolveEnded(response);
    }
  }

  #note(response: JobResponse): void {
    this.#latest = response;
    try {
      this.#onResponse(this, response);
    } catch {}
  }

  #tell(response: JobResponse): void {
    this.#toldAt = this.#clock();
    this.#callAll((subscriber) => subscriber.response(response, false));
  }

  #callAll(call: (subscriber: Subscriber) => void): void {
    for (const subscriber of [...this.#subscribers]) call(subscriber);
  }
}
