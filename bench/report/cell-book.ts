/** Collects samples into cells while a run goes on. */

import { type Cell, keyOf, type Sample } from "./result-schema.ts";

export class CellBook {
  readonly #cells = new Map<string, Cell>();

  add(cell: Omit<Cell, "samples">, sample: Sample): void {
    const key = keyOf(cell);
    const known = this.#cells.get(key);
    if (known === undefined) this.#cells.set(key, { ...cell, samples: [sample] });
    else known.samples.push(sample);
  }

  get cells(): Cell[] {
    return [...this.#cells.values()];
  }
}
