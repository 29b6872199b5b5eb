/**
 * Turns the questions of the bench into calls of an {@link Asker}; the same in a page and in Node, so
 * that the loop between two measurements is the same too.
 */

import type { Asker, Transfer } from "./asker.ts";

/** A round trip that takes longer than this is given up: the subject is stuck. */
const STUCK_MS = 20_000;

export class Asking {
  #asker: Asker | undefined;

  async open(opening: Promise<Asker>): Promise<Readonly<Record<string, number>>> {
    this.#asker = await opening;
    return this.#asker.join;
  }

  /** At rest, one after the other; ends early rather than exceed the limit. */
  async roundTrips(count: number, limitMs: number): Promise<number[]> {
    const endsAtMs = performance.now() + limitMs;
    const values: number[] = [];
    while (values.length < count && performance.now() < endsAtMs) {
      values.push(await this.#roundTrip());
    }
    return values;
  }

  /**
   * While bytes come down: answers within the first `settleMs` are not counted, because a path that has
   * just begun is still empty. One that is still missing at the end counts with the time it has waited:
   * to leave it out would praise who answers nothing. The transfer is left unfinished: whoever asks
   * closes the connection next.
   */
  async busyRoundTrips(bytes: number, settleMs: number, limitMs: number): Promise<number[]> {
    const startedAtMs = performance.now();
    const settledAtMs = startedAtMs + settleMs;
    let isBusy = true;
    const end = (): void => {
      isBusy = false;
    };
    void this.#theAsker.get(bytes, settleMs + limitMs).then(end, end);
    const over = new Promise<void>((resolve) => setTimeout(resolve, settleMs + limitMs));
    const values: number[] = [];
    while (isBusy && performance.now() < settledAtMs + limitMs) {
      const sentAtMs = performance.now();
      const answered = this.#roundTrip();
      answered.catch(() => {});
      await Promise.race([answered, over]);
      if (performance.now() >= settledAtMs) values.push(performance.now() - sentAtMs);
    }
    return values;
  }

  get(bytes: number, limitMs: number): Promise<Transfer> {
    return this.#theAsker.get(bytes, limitMs);
  }

  put(bytes: number, limitMs: number): Promise<Transfer> {
    return this.#theAsker.put(bytes, limitMs);
  }

  async close(): Promise<void> {
    const asker = this.#asker;
    this.#asker = undefined;
    await asker?.close();
  }

  get #theAsker(): Asker {
    if (this.#asker === undefined) throw new Error("nothing is open");
    return this.#asker;
  }

  async #roundTrip(): Promise<number> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stuck = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error("no answer to a command")), STUCK_MS);
    });
    try {
      return await Promise.race([this.#theAsker.roundTrip(), stuck]);
    } finally {
      clearTimeout(timer);
    }
  }
}
