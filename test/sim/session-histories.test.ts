/**
 * Random histories of one session, in virtual time: see test/support/sim-history.ts for what befalls
 * the paths and what must hold. Seeds that failed once are kept in regressions.json and come first.
 *
 * `npm run test:sim` runs 10,000. SIM_RUNS sets another number, SIM_SEED where to begin.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Figures, runHistory } from "../support/sim-history.ts";

const isFullRun = process.env.npm_lifecycle_event === "test:sim";
const RUNS = Number(process.env.SIM_RUNS ?? (isFullRun ? 10_000 : 300));
const FIRST_SEED = Number(process.env.SIM_SEED ?? 1);

/** 10,000 histories take about a minute and a half on one core. */
const TIMEOUT_MS = 10_000 + RUNS * 100;

const regressions = JSON.parse(
  readFileSync(new URL("./regressions.json", import.meta.url), "utf8"),
) as { readonly seed: number; readonly found: string }[];

test.each(regressions)("seed $seed, which once found: $found", ({ seed }) => {
  run(seed);
});

test(`${RUNS} random histories lose nothing, repeat nothing and come to an end`, {
  timeout: TIMEOUT_MS,
}, () => {
  const all: Figures[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) all.push(run(seed));
  // Otherwise the histories were too tame to prove anything.
  expect(sum(all, "cuts")).toBeGreaterThan(RUNS);
  expect(sum(all, "streams")).toBeGreaterThan(RUNS);
  if (isFullRun) process.stdout.write(report(all));
});

function run(seed: number): Figures {
  try {
    return runHistory(seed);
  } catch (cause) {
    throw new Error(`history with seed ${seed}: ${(cause as Error).message}`, { cause });
  }
}

function report(all: readonly Figures[]): string {
  return [
    `${all.length} histories, seeds from ${FIRST_SEED}: 0 lost, 0 repeated`,
    `streams ${sum(all, "streams")}, bytes ${sum(all, "bytes")}, cuts ${sum(all, "cuts")}`,
    `worst re-sent though held, after one cut: ${max(all, "maxResentHeldBytes")} bytes`,
    `worst queue in the relay: ${max(all, "maxRelayBytes")} bytes`,
    `longest settling: ${Math.round(max(all, "settledMs"))} virtual ms`,
    "",
  ].join("\n");
}

function sum(all: readonly Figures[], key: keyof Figures): number {
  return all.reduce((total, figures) => total + figures[key], 0);
}

function max(all: readonly Figures[], key: keyof Figures): number {
  return all.reduce((most, figures) => Math.max(most, figures[key]), 0);
}
