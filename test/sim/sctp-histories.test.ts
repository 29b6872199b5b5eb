/**
 * Random histories of an SCTP association, in virtual time: see test/support/sctp-history.ts for what
 * befalls them and what must hold. Seeds that failed once are kept here and come first.
 *
 * `npm run test:sim` runs 5,000. SCTP_SEED sets where to begin, SCTP_RUNS how many:
 * `SCTP_SEED=1234 SCTP_RUNS=1 npx vitest run --project sim test/sim/sctp-histories.test.ts`
 */
import { expect, test } from "vitest";
import { type HistoryFigures, runSctpHistory } from "../support/sctp-history.ts";

const isFullRun = process.env.npm_lifecycle_event === "test:sim";
const RUNS = Number(process.env.SCTP_RUNS ?? (isFullRun ? 5000 : 200));
const FIRST_SEED = Number(process.env.SCTP_SEED ?? 1);

/** 5,000 histories take some minutes on one core. */
const TIMEOUT_MS = 20_000 + RUNS * 300;

test(`${RUNS} random histories of an association lose nothing, repeat nothing and end`, {
  timeout: TIMEOUT_MS,
}, () => {
  const all: HistoryFigures[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) all.push(run(seed));
  if (isFullRun) process.stdout.write(report(all));
  if (RUNS < 100) return;
  // Otherwise the histories were too tame to prove anything.
  expect(sum(all, "lostPackets")).toBeGreaterThan(RUNS * 5);
  expect(sum(all, "darkTimes")).toBeGreaterThan(RUNS / 5);
  expect(sum(all, "skipped")).toBeGreaterThan(RUNS / 5);
  expect(sum(all, "wrapped")).toBeGreaterThan(RUNS / 5);
});

function run(seed: number): HistoryFigures {
  try {
    return runSctpHistory(seed);
  } catch (cause) {
    throw new Error(`history with seed ${seed}: ${(cause as Error).message}`, { cause });
  }
}

function report(all: readonly HistoryFigures[]): string {
  return [
    `${all.length} histories of an association, seeds from ${FIRST_SEED}`,
    `messages ${sum(all, "messages")}, bytes ${sum(all, "bytes")}, given up ${sum(all, "skipped")}`,
    `packets lost ${sum(all, "lostPackets")}, dark times ${sum(all, "darkTimes")}`,
    `bytes sent again ${sum(all, "resentBytes")}, lost ${sum(all, "lostDataBytes")}`,
    "",
  ].join("\n");
}

function sum(all: readonly HistoryFigures[], key: keyof HistoryFigures): number {
  return all.reduce((total, figures) => total + figures[key], 0);
}
