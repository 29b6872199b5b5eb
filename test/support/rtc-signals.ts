/** Carries signals between two ends of an RTC pair, as a room would, or as badly as a room could. */

import type { RtcSignal } from "@beeline/paths";
import type { RtcEnd } from "./rtc-end.ts";

export interface RtcPair {
  readonly offerer: RtcEnd;
  readonly answerer: RtcEnd;
}

/** Carries every signal both ways as it comes, until both ends are closed. */
export async function carrySignals({ offerer, answerer }: RtcPair): Promise<void> {
  await Promise.all([carry(offerer, answerer), carry(answerer, offerer)]);
}

async function carry(from: RtcEnd, to: RtcEnd): Promise<void> {
  for (;;) {
    const signals = await from.takeSignals();
    if (signals.length === 0) return;
    await to.accept(signals);
  }
}

/** Each side's first candidates overtake its description; what comes later is carried as it comes. */
export async function carryCandidatesFirst(pair: RtcPair): Promise<void> {
  await pair.answerer.accept(candidatesFirst(await firstSignals(pair.offerer)));
  await pair.offerer.accept(candidatesFirst(await firstSignals(pair.answerer)));
  await carrySignals(pair);
}

async function firstSignals(end: RtcEnd): Promise<RtcSignal[]> {
  const signals: RtcSignal[] = [];
  const has = (isCandidate: boolean): boolean =>
    signals.some(({ kind }) => (kind === "candidate") === isCandidate);
  while (!has(true) || !has(false)) {
    const more = await end.takeSignals();
    if (more.length === 0) throw new Error("the end closed before it had signaled");
    signals.push(...more);
  }
  return signals;
}

function candidatesFirst(signals: readonly RtcSignal[]): RtcSignal[] {
  const of = (isCandidate: boolean): RtcSignal[] =>
    signals.filter(({ kind }) => (kind === "candidate") === isCandidate);
  return [...of(true), ...of(false)];
}
