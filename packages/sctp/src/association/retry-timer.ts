/** Something to be sent again until it is answered: when, how often, and when to give up. */

export interface RetryOptions {
  /** Waits double up to this. */
  readonly mostWaitMs: number;
  /** After so many sendings without an answer it has failed. */
  readonly mostSendings: number;
}

export class RetryTimer {
  readonly #options: RetryOptions;
  #atMs = Number.POSITIVE_INFINITY;
  #waitMs = 0;
  #sendings = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  get wakeAtMs(): number {
    return this.#atMs;
  }

  get isRunning(): boolean {
    return this.#atMs !== Number.POSITIVE_INFINITY;
  }

  start(atMs: number, waitMs: number): void {
    this.#atMs = atMs;
    this.#waitMs = waitMs;
    this.#sendings = 0;
  }

  stop(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#atMs;
  }

  get hasFailed(): boolean {
    return this.#sendings >= this.#options.mostSendings;
  }

  onSent(nowMs: number): void {
    this.#sendings += 1;
    this.#atMs = nowMs + this.#waitMs;
    this.#waitMs = Math.min(this.#waitMs * 2, this.#options.mostWaitMs);
  }
}
