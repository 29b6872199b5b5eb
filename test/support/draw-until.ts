/**
 * Drawing again where one picture proves nothing: on a machine that is busy for seconds a channel seems
 * silent, and then a picture rightly ends on the relay. A link that has a direct path brings one of
 * three by it. It judges nothing: what was measured around the last one is held to the test's bounds.
 */

const ROUNDS = 3;

export interface Drawn<T> {
  /** The first that was wanted; else the last one, for the test to judge. */
  readonly last: T;
  /** How many were drawn. */
  readonly rounds: number;
}

/** @param draw is told the round, from 1 on. */
export async function drawUntil<T>(
  draw: (round: number) => Promise<T>,
  isWanted: (drawn: T) => boolean,
): Promise<Drawn<T>> {
  for (let rounds = 1; ; rounds += 1) {
    const last = await draw(rounds);
    if (isWanted(last) || rounds === ROUNDS) return { last, rounds };
  }
}
