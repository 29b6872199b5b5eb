/**
 * One job at a time has the backend; the others wait for their turn and are told their place.
 *
 * The order is job-queue.ts's. Here is only the waiting: a turn is a promise, and giving it back
 * wakes the next.
 */

import { JobQueue, type QueuedJob } from "./job-queue.ts";

export interface TurnRequest extends QueuedJob {
  readonly signal: AbortSignal;
  /** Called at once and whenever it changes: how many jobs are before this one. */
  onPosition(position: number): void;
}

interface Waiting {
  readonly grant: () => void;
  readonly onPosition: (position: number) => void;
  position: number;
}

export class Turns {
  readonly #queue = new JobQueue();
  readonly #waiting = new Map<string, Waiting>();
  #taken = false;

  /**
   * Resolves when it is this job's turn, with the function that ends it.
   * Rejects with the signal's reason when that fires before.
   */
  take(request: TurnRequest): Promise<() => void> {
    request.signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#queue.remove(request.id);
        this.#waiting.delete(request.id);
        reject(request.signal.reason);
        this.#tellPositions();
      };
      request.signal.addEventListener("abort", giveUp, { once: true });
      const grant = () => {
        request.signal.removeEventListener("abort", giveUp);
        resolve(() => {
          this.#taken = false;
          this.#advance();
        });
      };
      this.#queue.push(request);
      const onPosition = request.onPosition.bind(request);
      this.#waiting.set(request.id, { grant, onPosition, position: -1 });
      this.#advance();
    });
  }

  #advance(): void {
    const id = this.#taken ? undefined : this.#queue.next();
    const next = id === undefined ? undefined : this.#waiting.get(id);
    if (id !== undefined && next !== undefined) {
      this.#waiting.delete(id);
      this.#taken = true;
      next.grant();
    }
    this.#tellPositions();
  }

  #tellPositions(): void {
    for (const [index, id] of this.#queue.order().entries()) {
      const waiting = this.#waiting.get(id);
      // The job that is running is before the first that waits.
      const position = index + 1;
      if (waiting === undefined || waiting.position === position) continue;
      waiting.position = position;
      waiting.onPosition(position);
    }
  }
}
