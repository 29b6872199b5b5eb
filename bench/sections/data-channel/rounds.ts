/** Figures by round, and what one is of another: medians of the ratios within each round. Pure. */

import { median } from "../../report/statistics.ts";
import { rounded } from "../../report/summary.ts";
import type { Figure } from "../section.ts";

interface Row {
  readonly unit: string;
  /** Several of one round: round trips. */
  readonly byRound: Map<number, number[]>;
}

export class Rounds {
  readonly #rows = new Map<string, Row>();

  note(name: string, unit: string, round: number, ...values: readonly number[]): void {
    const row = this.#rows.get(name) ?? { unit, byRound: new Map() };
    this.#rows.set(name, row);
    row.byRound.set(round, [...(row.byRound.get(round) ?? []), ...values]);
  }

  get figures(): Figure[] {
    return [...this.#rows].map(([name, { unit, byRound }]) => ({
      name,
      unit,
      values: [...byRound.values()].flat(),
    }));
  }

  /** NaN: there is none. */
  medianOf(name: string): number {
    return median([...(this.#rows.get(name)?.byRound.values() ?? [])].flat());
  }

  /** Only of rounds in which both were measured, so that a machine that slows down slows both. */
  ratio(name: string, to: string): number {
    const [row, other] = [this.#rows.get(name), this.#rows.get(to)];
    const ratios = [...(row?.byRound ?? [])].flatMap(([round, values]) => {
      const others = other?.byRound.get(round);
      return others === undefined ? [] : median(values) / median(others);
    });
    return median(ratios);
  }

  /** A sentence of a comparison with what is aimed at. */
  compare(name: string, to: string, aim: string): string {
    return `${name} over ${to}: ${rounded(this.ratio(name, to))} × (median of the rounds' ratios; aim: ${aim}).`;
  }
}
