/** How much is measured: the whole section in 23 minutes, a look in one. */

export interface ChannelScale {
  readonly isQuick: boolean;
  /** Rounds of the cells that are compared; medians of three forgive one wild run. */
  readonly rounds: number;
  /** Of those without a network, which are short, and differ by a fifth from one to the next. */
  readonly machineRounds: number;
  readonly machineBytes: number;
  /** How long goodput is measured over the long cells, and over those of the grid of losses. */
  readonly longMs: number;
  readonly gridMs: number;
  readonly busyMs: number;
  readonly neighbourMs: number;
  readonly neighbourRounds: number;
  readonly seed: number;
  /** No round of the grid, which is last, begins after it (`performance.now`). */
  readonly endsAtMs: number;
}

/** A cell stops after this, wherever it is. */
export const CELL_LIMIT_MS = 20_000;

export function channelScale(isQuick: boolean, seed: number, nowMs: number): ChannelScale {
  if (isQuick) {
    return {
      isQuick,
      rounds: 1,
      machineRounds: 1,
      machineBytes: 8_000_000,
      longMs: 2_000,
      gridMs: 1_500,
      busyMs: 1_000,
      neighbourMs: 4_000,
      neighbourRounds: 1,
      seed,
      // Its one cell of the grid belongs to a look, also on a machine that is busy.
      endsAtMs: nowMs + 90_000,
    };
  }
  return {
    isQuick,
    rounds: 3,
    machineRounds: 7,
    machineBytes: 64_000_000,
    // Long against a start of one or two seconds, and against BBR's cycle of some seconds.
    longMs: 10_000,
    // Twelve cells and four subjects: more would leave no time for a second round.
    gridMs: 5_000,
    busyMs: 4_000,
    // Two senders need some seconds to find their shares.
    neighbourMs: CELL_LIMIT_MS,
    neighbourRounds: 2,
    seed,
    // A turn of all cells of the grid takes up to six minutes, and is broken off between two of them.
    endsAtMs: nowMs + 22 * 60_000,
  };
}
