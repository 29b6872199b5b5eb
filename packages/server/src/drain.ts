/**
 * Closing many connections evenly over a time, so that those who come back do not all come at once.
 *
 * How many are due is read from the clock: a timer takes a millisecond at least, so one for each of
 * a hundred thousand connections would take minutes. Does not wait for anybody to be gone.
 */

export interface DrainClock {
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

export async function drain<T>(
  all: readonly T[],
  ms: number,
  close: (one: T) => void,
  { now, wait }: DrainClock,
): Promise<void> {
  if (ms <= 0) return;
  const startedAtMs = now();
  const pauseMs = Math.max(1, ms / all.length);
  for (let closed = 0; closed < all.length; ) {
    const elapsedMs = now() - startedAtMs;
    const due = Math.floor((all.length * elapsedMs) / ms) + 1;
    for (const one of all.slice(closed, due)) close(one);
    closed = Math.max(closed, due);
    await wait(pauseMs);
  }
}
