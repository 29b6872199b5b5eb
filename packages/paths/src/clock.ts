/** Time as a port: the shells take it as an argument, so that tests can move it by hand. */

export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  nowMs(): number;
  /** @returns a function that calls the timer off. */
  after(delayMs: number, callback: () => void): () => void;
}

/** setTimeout takes 31 bits; a longer wait is cut into pieces by its caller waking up early. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const realClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(MAX_TIMER_MS, Math.max(0, delayMs)));
    return () => clearTimeout(timer);
  },
};
