/**
 * What a run measures: which subject carries what in which situation, and how long that will take.
 * Pure. Everything in every combination would take a day, so what is left out is said, with the reason.
 */

import type { Direction } from "./report/result-schema.ts";
import { type Situation, wayOf } from "./situations.ts";

export interface Errand {
  readonly bytes: number;
  readonly direction: Direction;
}

export interface Task {
  readonly subject: string;
  /** The same for everybody in a situation, the common size down first. */
  readonly errands: readonly Errand[];
  /** What only this one is asked for; comes last. */
  readonly more: readonly Errand[];
  readonly idleRoundTrips: number;
  /** 0: not asked under bulk. */
  readonly busyMs: number;
}

export interface Scale {
  readonly isQuick: boolean;
}

export const SIZES = [500_000, 2_000_000, 8_000_000, 32_000_000] as const;

/** A cell that is not done then stops and reports its goodput so far. */
export const TRANSFER_LIMIT_MS = 20_000;
/** No transport here fills more than this part of a line; what needs more would always be stopped. */
const HOPEFUL_PART = 0.6;
/** Round trips at rest end after this long, however many they are: an ocean takes 150 ms each. */
export const IDLE_LIMIT_MS = 2_000;
/** A path finds its speed within this; then the answers under bulk are counted. */
export const BUSY_SETTLE_MS = 700;
/** More than can be carried while answers are awaited, wherever there is a network. */
export const BUSY_BYTES = 32_000_000;

/** With the sections on loopback (ten minutes, half a minute) the whole stays in its time. */
export const MATRIX_LIMIT_MS = { full: 78 * 60_000, quick: 80_000 } as const;

/** Five runs a side are the fewest of which a rank test can say anything (2 of 252). */
export const ROUNDS = { full: 5, quick: 2 } as const;

const OURS = ["relay", "direct"];
/** Where everything is asked: without a network, and with the most usual one. */
const WIDE = ["same-machine", "same-city"];
/** What everybody carries, and against which processor time is counted: a large picture. */
export const COMMON_BYTES = 8_000_000;
/** Input pictures are photographs and masks; the largest are asked for where everything is. */
const SIZES_UP = [500_000, 2_000_000];
/** Where a quick run looks: without a network, and in one without trouble. */
const QUICK_SITUATIONS = ["same-machine", "same-city"];
const QUICK_SUBJECTS = ["relay", "direct", "tcp-cubic"];

/** @returns undefined when this subject is not asked there at all. */
export function taskFor(subject: string, situation: Situation, scale: Scale): Task | undefined {
  const base = { subject, idleRoundTrips: 20, busyMs: 2_000 };
  if (scale.isQuick) {
    if (!QUICK_SITUATIONS.includes(situation.id) || !QUICK_SUBJECTS.includes(subject)) {
      return undefined;
    }
    return { ...base, errands: [down(COMMON_BYTES)], more: [], idleRoundTrips: 10, busyMs: 1_000 };
  }
  const isAsked = (errand: Errand): boolean => isPossible(errand, situation);
  const more = OURS.includes(subject) ? ourErrands(situation).filter(isAsked) : [];
  return { ...base, errands: commonErrands(situation).filter(isAsked), more };
}

function down(bytes: number): Errand {
  return { bytes, direction: "down" };
}

function up(bytes: number): Errand {
  return { bytes, direction: "up" };
}

function commonErrands({ id }: Situation): Errand[] {
  return [down(COMMON_BYTES), ...(WIDE.includes(id) ? [up(COMMON_BYTES)] : [])];
}

/** Those besides the common ones. */
function ourErrands(situation: Situation): Errand[] {
  const ups = WIDE.includes(situation.id) ? SIZES : SIZES_UP;
  const common = commonErrands(situation);
  const isCommon = ({ bytes, direction }: Errand): boolean =>
    common.some((errand) => errand.bytes === bytes && errand.direction === direction);
  return [...SIZES.map(down), ...ups.map(up)].filter((errand) => !isCommon(errand));
}

/** What a transport could only just finish in time, were it perfect, is not begun. */
function isPossible({ bytes, direction }: Errand, situation: Situation): boolean {
  return lineMs(bytes, direction, situation) < TRANSFER_LIMIT_MS * HOPEFUL_PART;
}

function lineMs(bytes: number, direction: Direction, situation: Situation): number {
  const [from, to] =
    direction === "down" ? (["home", "page"] as const) : (["page", "home"] as const);
  const { mbit, ms } = wayOf(situation, from, to);
  return 2 * ms + (bytes * 8) / (mbit * 1000);
}

/** For people who read a report and miss something. */
export function leftOut(situation: Situation, scale: Scale): { what: string; why: string }[] {
  if (scale.isQuick) {
    if (QUICK_SITUATIONS.includes(situation.id)) return [];
    return [{ what: situation.name, why: "a quick run looks at two situations only" }];
  }
  return [...commonErrands(situation), ...ourErrands(situation)]
    .filter((errand) => !isPossible(errand, situation))
    .map((errand) => {
      const { bytes, direction } = errand;
      const seconds = Math.round(lineMs(bytes, direction, situation) / 1000);
      const what = `${situation.name}: ${bytes / 1e6} MB ${direction}`;
      return { what, why: `the line alone needs ${seconds} s of the 20 s that are allowed` };
    });
}

/** What everybody misses in a full run, wherever. */
export const NEVER_ASKED: readonly { what: string; why: string }[] = [
  {
    what: "others than Beeline: sizes but 8 MB, and the way up outside same machine and same city",
    why: "a full run must end within 90 minutes",
  },
  {
    what: "Beeline: 8 MB and 32 MB up outside same machine and same city",
    why: "the same",
  },
  { what: "several pages or extensions at once", why: "one pair is what is asked" },
  { what: "Firefox, Safari, phones, Windows, the real internet", why: "not on this machine" },
];

/** Measured once here: a page, a connection, a reading of /proc, a close. */
const OPEN_MS = 1_700;
const PREPARE_MS = 2_000;
const STAGE_MS = 4_000;
/** Until links that nobody uses count as calm. */
const CALM_MS = 400;
/** A data channel on two busy cores without any network. */
const CPU_MBIT = 50;

/** Roughly how long this takes, so that a plan can be held to its hour. */
export function estimateMs(situation: Situation, tasks: readonly Task[], rounds: number): number {
  const rttMs = wayOf(situation, "home", "page").ms + wayOf(situation, "page", "home").ms;
  const perRound = tasks.map(({ errands, more, idleRoundTrips, busyMs }) => {
    const transfers = [...errands, ...more].map(({ bytes, direction }) => {
      const ms =
        1.6 * lineMs(bytes, direction, situation) + (bytes * 8) / (CPU_MBIT * 1000) + rttMs;
      return Math.min(TRANSFER_LIMIT_MS + OPEN_MS, ms);
    });
    const idleMs = Math.min(IDLE_LIMIT_MS, idleRoundTrips * (rttMs + 10));
    // Bulk is left unfinished: what comes after it needs another connection.
    const openings = more.length > 0 ? 2 : 1;
    const openMs = openings * (OPEN_MS + 4 * rttMs);
    return CALM_MS + sum(transfers) + idleMs + BUSY_SETTLE_MS + busyMs + openMs;
  });
  return STAGE_MS + tasks.length * PREPARE_MS + rounds * sum(perRound);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
