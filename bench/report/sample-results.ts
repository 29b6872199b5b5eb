/** Result files made up for tests: cells with values drawn from a seed. */

import { type Cell, type ResultFile, SCHEMA } from "./result-schema.ts";
import { seededRandom } from "./statistics.ts";

export const ROUNDS = 5;

/** About one for a share of `spread`, as noise on a machine is: mostly small, sometimes not. */
export function noisy(random: () => number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const isOutlier = random() < 0.05;
  return Math.exp(spread * (isOutlier ? 4 * Math.abs(normal) : normal));
}

export interface Made {
  readonly seed: number;
  readonly spread: number;
  /** What a cell's times are multiplied by. */
  readonly shift?: (cell: Omit<Cell, "samples">) => number;
}

/** Three subjects, one of them ours, in many situations: 120 cells of transfers and round trips. */
export function madeResults({ seed, spread, shift = () => 1 }: Made): ResultFile {
  const random = seededRandom(seed);
  const cells: Cell[] = [];
  for (const subject of ["direct", "werift", "tcp"]) {
    for (let place = 0; place < 10; place += 1) {
      const situation = `place-${place}`;
      for (const bytes of [500_000, 8_000_000, 32_000_000]) {
        const cell = {
          question: "transfer",
          situation,
          subject,
          part: "whole",
          direction: "down",
          bytes,
          unit: "ms",
        } as const;
        const base = (100 + 50 * place) * (bytes / 1e6);
        cells.push({ ...cell, samples: drawn(base * shift(cell), 1) });
      }
      const trip = {
        question: "round-trip",
        situation,
        subject,
        part: "idle",
        unit: "ms",
      } as const;
      cells.push({ ...trip, samples: drawn((20 + place) * shift(trip), 10) });
    }
  }
  function drawn(base: number, perRound: number): Cell["samples"] {
    return Array.from({ length: ROUNDS * perRound }, (_, index) => ({
      round: Math.floor(index / perRound),
      value: base * noisy(random, spread),
    }));
  }
  return emptyResults({
    cells,
    situations: Array.from({ length: 10 }, (_, place) => ({
      id: `place-${place}`,
      name: `place ${place}`,
      what: "Made up.",
      unshown: "It does not show anything real.",
    })),
    subjects: ["direct", "werift", "tcp"].map((id) => ({
      id,
      name: id,
      isYardstick: id !== "direct",
      ends: "none",
      versions: {},
    })),
  });
}

export function emptyResults(parts: Partial<ResultFile> = {}): ResultFile {
  return {
    schema: SCHEMA,
    startedAt: "2026-11-23T12:00:00.000Z",
    tookMs: 60_000,
    command: "npm run bench",
    commit: "abc1234",
    isDirty: false,
    seed: 1,
    rounds: ROUNDS,
    isQuick: false,
    machine: { cpu: "2 × made up", kernel: "6", memory: "4 GiB" },
    loadAtStart: [0, 0, 0],
    situations: [],
    subjects: [],
    cells: [],
    sections: [],
    missing: [],
    troubles: [],
    ...parts,
  };
}
