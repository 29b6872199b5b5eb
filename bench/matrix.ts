/**
 * Runs a plan: every situation on its stage, every subject in it, round by round in an order drawn
 * anew, so that a machine that grows slower slows all of them.
 */

import {
  BUSY_BYTES,
  BUSY_SETTLE_MS,
  COMMON_BYTES,
  type Errand,
  IDLE_LIMIT_MS,
  type Task,
  TRANSFER_LIMIT_MS,
} from "./plan.ts";
import { CellBook } from "./report/cell-book.ts";
import { type Cell, keyOf, type Sample } from "./report/result-schema.ts";
import { seededRandom, shuffled } from "./report/statistics.ts";
import type { Situation } from "./situations.ts";
import type { BenchBrowser } from "./stage/browser.ts";
import { untilCalm } from "./stage/calm.ts";
import type { Seat, Stage } from "./stage/stage.ts";
import { cpuMsOf, PeakMemory } from "./stage/usage.ts";
import type { Connection, Prepared, Subject } from "./subjects/subject.ts";

const MB = 1_000_000;
/** A subject that could not connect so often in a row will not connect in this situation. */
const FAILURES_ENOUGH = 2;

export interface Scene {
  readonly situation: Situation;
  readonly openStage: () => Promise<Stage>;
  readonly openBrowser: (seat: Seat) => Promise<BenchBrowser>;
  readonly casts: readonly { readonly subject: Subject; readonly task: Task }[];
}

export interface MatrixOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Nothing is begun after it (`performance.now`); what it cost is in `missing`. */
  readonly endsAtMs: number;
  /** Between two looks at the links. */
  pause(ms: number): Promise<void>;
  /** For whoever watches. */
  onProgress(line: string): void;
}

/** What happened to what, and why. */
interface Remark {
  readonly what: string;
  readonly why: string;
}

export interface MatrixResult {
  readonly cells: Cell[];
  readonly missing: Remark[];
  /** What was measured, but not as it should have been. */
  readonly troubles: Remark[];
}

interface Actor {
  readonly subject: Subject;
  readonly task: Task;
  readonly prepared: Prepared;
  failures: number;
  /** Rounds without a join. Which phases a subject's join has, only one that came about can tell. */
  readonly unjoined: Sample[];
}

/** What is asked of a subject in a situation. */
type Asked = Omit<Cell, "samples" | "situation" | "subject">;

export async function runMatrix(
  scenes: readonly Scene[],
  options: MatrixOptions,
): Promise<MatrixResult> {
  const book = new CellBook();
  const missing: Remark[] = [];
  const troubles: Remark[] = [];
  const random = seededRandom(options.seed);
  for (const scene of scenes) {
    const { name } = scene.situation;
    if (performance.now() > options.endsAtMs) {
      missing.push({ what: name, why: "the time for the whole run was over" });
      continue;
    }
    options.onProgress(`${name}: setting the stage`);
    try {
      const remarks = await playScene(scene, book, random, options);
      missing.push(...remarks.missing);
      troubles.push(...remarks.troubles);
    } catch (error) {
      missing.push({ what: name, why: reasonOf(error) });
    }
  }
  return { cells: book.cells, missing, troubles };
}

async function playScene(
  scene: Scene,
  book: CellBook,
  random: () => number,
  options: MatrixOptions,
): Promise<Pick<MatrixResult, "missing" | "troubles">> {
  const { name } = scene.situation;
  const missing: Remark[] = [];
  const troubles: Remark[] = [];
  const stage = await scene.openStage();
  const actors: Actor[] = [];
  let browser: BenchBrowser | undefined;
  try {
    const { page } = stage.seats;
    const theBrowser = await scene.openBrowser(page);
    browser = theBrowser;
    // Programs start together: only what runs in rounds is measured.
    const preparing = scene.casts.map(async ({ subject, task }) => {
      try {
        const prepared = await subject.prepare(stage, theBrowser);
        actors.push({ subject, task, prepared, failures: 0, unjoined: [] });
      } catch (error) {
        missing.push({ what: `${name}: ${subject.name}`, why: reasonOf(error) });
      }
    });
    await Promise.all(preparing);
    for (const { actor, round } of turnsOf(actors, options.rounds, random)) {
      const { subject, failures } = actor;
      if (performance.now() > options.endsAtMs) {
        const what = `${name}: ${subject.name} in round ${round + 1}, and what came after it`;
        missing.push({ what, why: "the time for the whole run was over" });
        break;
      }
      if (failures >= FAILURES_ENOUGH) continue;
      const unrest = await untilCalm(stage, options.pause);
      if (unrest !== undefined) {
        troubles.push({ what: `${name}: ${subject.name} in round ${round + 1}`, why: unrest });
      }
      const startedAtMs = performance.now();
      await new Run(actor, scene.situation.id, round, book).play();
      const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
      const which = `round ${round + 1} of ${options.rounds}`;
      options.onProgress(`${name}: ${which}: ${subject.name} (${seconds} s)`);
    }
  } finally {
    for (const { prepared } of actors) await prepared.close().catch(() => {});
    await browser?.close();
    await stage.close();
  }
  for (const { subject, failures, unjoined } of actors) {
    const isPhase = (cell: Cell): boolean =>
      cell.question === "join" && cell.part !== "first answer" && cell.subject === subject.id;
    for (const { samples, ...cell } of book.cells.filter(isPhase)) {
      if (cell.situation !== scene.situation.id) continue;
      for (const sample of unjoined) book.add(cell, sample);
    }
    if (failures < FAILURES_ENOUGH) continue;
    const what = `${name}: ${subject.name}`;
    missing.push({ what, why: `did not connect ${failures} times in a row; not tried again` });
  }
  return { missing, troubles };
}

/** Everybody once in each round, each round in an order drawn anew. */
function turnsOf(
  actors: readonly Actor[],
  rounds: number,
  random: () => number,
): { actor: Actor; round: number }[] {
  // Whoever was prepared first: the same seed draws the same orders.
  const sorted = [...actors].sort((a, b) => (a.subject.id < b.subject.id ? -1 : 1));
  return Array.from({ length: rounds }, (_, round) =>
    shuffled(sorted, random).map((actor) => ({ actor, round })),
  ).flat();
}

/** One subject, once, in one situation. */
class Run {
  readonly #actor: Actor;
  readonly #situation: string;
  readonly #round: number;
  readonly #book: CellBook;
  /** Keys of the cells that this round is in. */
  readonly #noted = new Set<string>();
  #connection: Connection | undefined;

  constructor(actor: Actor, situation: string, round: number, book: CellBook) {
    this.#actor = actor;
    this.#situation = situation;
    this.#round = round;
    this.#book = book;
  }

  /**
   * Everybody at rest, then what all are asked to carry, then under bulk: so what a connection has
   * carried before is the same for all. What only some are asked comes last, on another connection,
   * because bulk is left unfinished.
   */
  async play(): Promise<void> {
    const { task, prepared } = this.#actor;
    const memory = new PeakMemory(prepared.processes);
    try {
      const connection = await this.#connected();
      this.#noteJoin(connection);
      this.#noteTrips("idle", await connection.roundTrips(task.idleRoundTrips, IDLE_LIMIT_MS));
      for (const errand of task.errands) await this.#transfer(errand);
      if (task.busyMs > 0) {
        const given = [BUSY_BYTES, BUSY_SETTLE_MS, task.busyMs] as const;
        const bulk = await this.#connected();
        this.#noteTrips("under bulk", await bulk.busyRoundTrips(...given));
        await this.#leave();
      }
      for (const errand of task.more) await this.#transfer(errand);
    } catch (error) {
      this.#fail(reasonOf(error));
    } finally {
      await this.#leave().catch(() => {});
      for (const [part, bytes] of Object.entries(memory.stop())) {
        this.#note({ question: "memory", part, unit: "MB" }, { value: bytes / MB });
      }
    }
  }

  async #connected(): Promise<Connection> {
    this.#connection ??= await this.#open();
    return this.#connection;
  }

  async #leave(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  async #open(): Promise<Connection> {
    try {
      const connection = await this.#actor.prepared.open();
      this.#actor.failures = 0;
      return connection;
    } catch (error) {
      this.#actor.failures += 1;
      throw error;
    }
  }

  async #transfer({ bytes, direction }: Errand): Promise<void> {
    const connection = await this.#connected();
    const { processes } = this.#actor.prepared;
    const before = cpuOf(processes);
    const transfer = await connection.transfer(bytes, direction, TRANSFER_LIMIT_MS);
    const after = cpuOf(processes);
    const { isDone, ms, previewMs, isBlind } = transfer;
    const arrived = isBlind ? {} : { bytes: transfer.bytes };
    const outcome = isDone ? { value: ms } : { stopped: { ...arrived, ms } };
    const where = { direction, bytes };
    this.#note(wholeOf(where), outcome);
    if (previewMs !== undefined) this.#note(previewOf(where), { value: previewMs });
    // One size for all: with less, a tick of the clock is more than what the bytes cost.
    if (isDone && bytes === COMMON_BYTES) {
      for (const [part, cpuMs] of Object.entries(after)) {
        const value = Math.max(0, cpuMs - (before[part] ?? 0)) / (transfer.bytes / MB);
        if (!Number.isFinite(value)) continue;
        this.#note(cpuPartOf(where, part), { value });
      }
    }
    // What was stopped is still under way in there.
    if (!isDone) await this.#leave();
  }

  #noteJoin({ join }: Connection): void {
    if (!this.#actor.subject.measuresJoin) return;
    for (const [part, value] of Object.entries(join)) {
      this.#note({ question: "join", part, unit: "ms" }, { value });
    }
  }

  #noteTrips(part: "idle" | "under bulk", values: readonly number[]): void {
    for (const value of values) this.#note(tripsOf(part), { value });
  }

  /** Written down wherever this round should have left a value: a cell without it would look better. */
  #fail(why: string): void {
    const { subject, task, prepared, unjoined } = this.#actor;
    const isNoted = (cell: Asked): boolean => this.#noted.has(this.#keyOf(cell));
    const first: Asked = { question: "join", part: "first answer", unit: "ms" };
    if (subject.measuresJoin && !isNoted(first)) {
      this.#note(first, { failed: why });
      unjoined.push({ round: this.#round, failed: why });
    }
    const lost = [...task.errands, ...task.more]
      .filter((errand) => !isNoted(wholeOf(errand)))
      .flatMap((errand) => askedOf(errand, Object.keys(prepared.processes)));
    const trips = task.busyMs > 0 ? (["idle", "under bulk"] as const) : (["idle"] as const);
    for (const cell of [...trips.map(tripsOf).filter((cell) => !isNoted(cell)), ...lost]) {
      this.#note(cell, { failed: why });
    }
  }

  #note(cell: Asked, sample: Omit<Sample, "round">): void {
    this.#noted.add(this.#keyOf(cell));
    this.#book.add(this.#whole(cell), { round: this.#round, ...sample });
  }

  #keyOf(cell: Asked): string {
    return keyOf(this.#whole(cell));
  }

  #whole(cell: Asked): Omit<Cell, "samples"> {
    return { situation: this.#situation, subject: this.#actor.subject.id, ...cell };
  }
}

function tripsOf(part: "idle" | "under bulk"): Asked {
  return { question: "round-trip", part, unit: "ms" };
}

function wholeOf(where: Errand): Asked {
  return { question: "transfer", part: "whole", unit: "ms", ...where };
}

function previewOf(where: Errand): Asked {
  return { question: "preview", part: "first", unit: "ms", ...where };
}

function cpuPartOf(where: Errand, part: string): Asked {
  return { question: "cpu", part, unit: "ms/MB", ...where };
}

/** Every cell that an errand leaves something in. */
function askedOf(errand: Errand, parts: readonly string[]): Asked[] {
  return [
    wholeOf(errand),
    ...(errand.direction === "down" ? [previewOf(errand)] : []),
    ...(errand.bytes === COMMON_BYTES ? parts.map((part) => cpuPartOf(errand, part)) : []),
  ];
}

function cpuOf(processes: Prepared["processes"]): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([part, pids]) => [part, cpuMsOf(pids)]));
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
