/**
 * Runs a plan: every situation on its stage, every subject in it, round by round in an order drawn
 * anew, so that a machine that grows slower slows all of them.
 */

import {
  BUSY_BYTES,
  BUSY_SETTLE_MS,
  COMMON_BYTES,
  IDLE_LIMIT_MS,
  type Task,
  TRANSFER_LIMIT_MS,
} from "./plan.ts";
import { CellBook } from "./report/cell-book.ts";
import type { Cell, Sample } from "./report/result-schema.ts";
import { seededRandom, shuffled } from "./report/statistics.ts";
import type { Situation } from "./situations.ts";
import { BenchBrowser } from "./stage/browser.ts";
import type { Stage } from "./stage/stage.ts";
import { cpuMsOf, PeakMemory } from "./stage/usage.ts";
import type { Connection, Prepared, Subject } from "./subjects/subject.ts";

const MB = 1_000_000;
/** A subject that could not connect so often in a row will not connect in this situation. */
const FAILURES_ENOUGH = 2;

export interface Scene {
  readonly situation: Situation;
  readonly openStage: () => Promise<Stage>;
  readonly casts: readonly { readonly subject: Subject; readonly task: Task }[];
}

export interface MatrixOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Nothing is begun after it (`performance.now`); what it cost is in `missing`. */
  readonly endsAtMs: number;
  /** For whoever watches. */
  onProgress(line: string): void;
}

export interface MatrixResult {
  readonly cells: Cell[];
  readonly missing: { what: string; why: string }[];
}

interface Actor {
  readonly subject: Subject;
  readonly task: Task;
  readonly prepared: Prepared;
  failures: number;
}

export async function runMatrix(
  scenes: readonly Scene[],
  options: MatrixOptions,
): Promise<MatrixResult> {
  const book = new CellBook();
  const missing: { what: string; why: string }[] = [];
  const random = seededRandom(options.seed);
  for (const scene of scenes) {
    const { name } = scene.situation;
    if (performance.now() > options.endsAtMs) {
      missing.push({ what: name, why: "the time for the whole run was over" });
      continue;
    }
    options.onProgress(`${name}: setting the stage`);
    try {
      const why = await playScene(scene, book, random, options);
      missing.push(...why);
    } catch (error) {
      missing.push({ what: name, why: reasonOf(error) });
    }
  }
  return { cells: book.cells, missing };
}

async function playScene(
  scene: Scene,
  book: CellBook,
  random: () => number,
  options: MatrixOptions,
): Promise<{ what: string; why: string }[]> {
  const { name } = scene.situation;
  const missing: { what: string; why: string }[] = [];
  const stage = await scene.openStage();
  const actors: Actor[] = [];
  let browser: BenchBrowser | undefined;
  try {
    const { page } = stage.seats;
    const theBrowser = await BenchBrowser.open(page);
    browser = theBrowser;
    // Programs start together: only what runs in rounds is measured.
    const preparing = scene.casts.map(async ({ subject, task }) => {
      try {
        const prepared = await subject.prepare(stage, theBrowser);
        actors.push({ subject, task, prepared, failures: 0 });
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
  for (const { subject, failures } of actors) {
    if (failures < FAILURES_ENOUGH) continue;
    const what = `${name}: ${subject.name}`;
    missing.push({ what, why: `did not connect ${failures} times in a row; not tried again` });
  }
  return missing;
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

  constructor(actor: Actor, situation: string, round: number, book: CellBook) {
    this.#actor = actor;
    this.#situation = situation;
    this.#round = round;
    this.#book = book;
  }

  async play(): Promise<void> {
    const { task, prepared } = this.#actor;
    const memory = new PeakMemory(prepared.processes);
    let connection: Connection | undefined;
    try {
      connection = await this.#open();
      this.#noteJoin(connection);
      this.#noteTrips("idle", await connection.roundTrips(task.idleRoundTrips, IDLE_LIMIT_MS));
      for (const errand of task.errands) {
        connection ??= await this.#open();
        const isDone = await this.#transfer(connection, errand);
        if (isDone) continue;
        // What was stopped is still under way in there.
        await connection.close();
        connection = undefined;
      }
      if (task.busyMs > 0) {
        connection ??= await this.#open();
        const given = [BUSY_BYTES, BUSY_SETTLE_MS, task.busyMs] as const;
        this.#noteTrips("under bulk", await connection.busyRoundTrips(...given));
      }
    } catch (error) {
      this.#fail(reasonOf(error));
    } finally {
      await connection?.close().catch(() => {});
      for (const [part, bytes] of Object.entries(memory.stop())) {
        this.#note({ question: "memory", part, unit: "MB" }, { value: bytes / MB });
      }
    }
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

  async #transfer(connection: Connection, errand: Task["errands"][number]): Promise<boolean> {
    const { bytes, direction } = errand;
    const { processes } = this.#actor.prepared;
    const before = cpuOf(processes);
    const transfer = await connection.transfer(bytes, direction, TRANSFER_LIMIT_MS);
    const after = cpuOf(processes);
    const { isDone, ms, previewMs, isBlind } = transfer;
    const arrived = isBlind ? {} : { bytes: transfer.bytes };
    const outcome = isDone ? { value: ms } : { stopped: { ...arrived, ms } };
    const where = { direction, bytes };
    this.#note({ question: "transfer", part: "whole", unit: "ms", ...where }, outcome);
    if (previewMs !== undefined) {
      this.#note(
        { question: "preview", part: "first", unit: "ms", ...where },
        { value: previewMs },
      );
    }
    // One size for all: with less, a tick of the clock is more than what the bytes cost.
    if (isDone && bytes === COMMON_BYTES) {
      for (const [part, cpuMs] of Object.entries(after)) {
        const value = Math.max(0, cpuMs - (before[part] ?? 0)) / (transfer.bytes / MB);
        if (!Number.isFinite(value)) continue;
        this.#note({ question: "cpu", part, unit: "ms/MB", ...where }, { value });
      }
    }
    return isDone;
  }

  #noteJoin({ join }: Connection): void {
    if (!this.#actor.subject.measuresJoin) return;
    for (const [part, value] of Object.entries(join)) {
      this.#note({ question: "join", part, unit: "ms" }, { value });
    }
  }

  #noteTrips(part: "idle" | "under bulk", values: readonly number[]): void {
    for (const value of values) this.#note({ question: "round-trip", part, unit: "ms" }, { value });
  }

  /** Written down where a reader looks first. */
  #fail(why: string): void {
    const question = this.#actor.subject.measuresJoin ? "join" : "round-trip";
    const part = question === "join" ? "first answer" : "idle";
    this.#note({ question, part, unit: "ms" }, { failed: why });
  }

  #note(
    cell: Omit<Cell, "samples" | "situation" | "subject">,
    sample: Omit<Sample, "round">,
  ): void {
    const where = { situation: this.#situation, subject: this.#actor.subject.id };
    this.#book.add({ ...where, ...cell }, { round: this.#round, ...sample });
  }
}

function cpuOf(processes: Prepared["processes"]): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([part, pids]) => [part, cpuMsOf(pids)]));
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
