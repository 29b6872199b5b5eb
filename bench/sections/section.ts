/**
 * What every section on loopback shares: figures, and rounds that take turns.
 *
 * Whatever is compared runs in the same process, in the same minute, each round in another order, so
 * that a machine that grows slower slows all of it. Nothing is thrown away: a bad round is a figure.
 */

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Ratios and other conclusions that follow from the figures. */
  readonly notes: readonly string[];
  /** A sentence. */
  readonly unshown: string;
}

export interface Scale {
  readonly isQuick: boolean;
}

/** A thing that is measured; each run gives one value. */
export interface Subject {
  readonly name: string;
  run(): Promise<number>;
}

/** Runs all subjects `rounds` times; each round begins with the next one. */
export async function takeTurns(
  rounds: number,
  unit: string,
  subjects: readonly Subject[],
): Promise<Figure[]> {
  const values = subjects.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const index = (round + turn) % subjects.length;
      values[index]?.push((await subjects[index]?.run()) ?? Number.NaN);
    }
  }
  return subjects.map(({ name }, index) => ({ name, unit, values: values[index] ?? [] }));
}
