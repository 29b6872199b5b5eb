/**
 * Who is next: first come, first served within a client, in turns between clients.
 *
 * A client with thirty jobs and one with a single job each get every second turn while both wait.
 * Pure bookkeeping; turns.ts waits and wakes. How many may wait is decided where jobs are admitted.
 */

export interface QueuedJob {
  readonly id: string;
  readonly client: string;
  /** Counts commands as they come. Preparing some takes longer, and that costs them no place. */
  readonly arrival: number;
}

export class JobQueue {
  /** By arrival. */
  readonly #waiting: QueuedJob[] = [];
  /** When each client had its last turn, counted in turns; only of clients for whom it still matters. */
  readonly #servedAt = new Map<string, number>();
  #turn = 0;

  push(job: QueuedJob): void {
    const later = this.#waiting.findIndex((other) => other.arrival > job.arrival);
    this.#waiting.splice(later < 0 ? this.#waiting.length : later, 0, job);
  }

  /** @returns whether it was waiting. */
  remove(id: string): boolean {
    const index = this.#waiting.findIndex((job) => job.id === id);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** Takes the next one out. */
  next(): string | undefined {
    const [id] = this.order();
    const job = this.#waiting.find((waiting) => waiting.id === id);
    if (job === undefined) return undefined;
    this.remove(job.id);
    this.#turn += 1;
    this.#servedAt.set(job.client, this.#turn);
    this.#forgetAbsent(job.client);
    return job.id;
  }

  /** Ids in the order in which they will come, if nobody else arrives. */
  order(): readonly string[] {
    const rest = [...this.#waiting];
    const servedAt = new Map(this.#servedAt);
    const order: string[] = [];
    for (let turn = this.#turn + 1; rest.length > 0; turn++) {
      // `reduce` keeps the earlier arrival of two clients that waited equally long.
      const job = rest.reduce((first, other) =>
        (servedAt.get(other.client) ?? 0) < (servedAt.get(first.client) ?? 0) ? other : first,
      );
      rest.splice(rest.indexOf(job), 1);
      servedAt.set(job.client, turn);
      order.push(job.id);
    }
    return order;
  }

  #forgetAbsent(justServed: string): void {
    const present = new Set(this.#waiting.map((job) => job.client)).add(justServed);
    for (const client of this.#servedAt.keys()) {
      if (!present.has(client)) this.#servedAt.delete(client);
    }
  }
}
