/** Subjects prepared for one stage, with one browser; each turn opens a connection of its own. */

import { setTimeout as pause } from "node:timers/promises";
import type { Transfer } from "../../ends/asker.ts";
import { seededRandom, shuffled } from "../../report/statistics.ts";
import { BenchBrowser } from "../../stage/browser.ts";
import { untilCalm } from "../../stage/calm.ts";
import type { Stage } from "../../stage/stage.ts";
import type { Connection, Prepared, Subject } from "../../subjects/subject.ts";

/** More than anything here carries in its time, and what the wire's number can hold. */
export const ENDLESS_BYTES = 4_000_000_000;
/** A subject that could not connect so often in a row will not connect here. */
const FAILURES_ENOUGH = 2;

interface Actor {
  readonly prepared: Prepared;
  failures: number;
}

export class Troupe {
  readonly stage: Stage;
  /** Why there is less than was asked for. */
  readonly troubles: string[] = [];
  readonly #browser: BenchBrowser;
  readonly #actors = new Map<string, Actor>();
  readonly #random: () => number;

  private constructor(stage: Stage, browser: BenchBrowser, seed: number) {
    this.stage = stage;
    this.#browser = browser;
    this.#random = seededRandom(seed);
  }

  /** @param subjects by a name for each. Closes the stage with itself. */
  static async open(
    stage: Stage,
    subjects: Readonly<Record<string, Subject>>,
    seed: number,
  ): Promise<Troupe> {
    try {
      const browser = await BenchBrowser.open(stage.seats.page);
      const troupe = new Troupe(stage, browser, seed);
      for (const [name, subject] of Object.entries(subjects)) {
        await troupe.#prepare(name, subject);
      }
      return troupe;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** In an order drawn anew each time. */
  get order(): string[] {
    return shuffled([...this.#actors.keys()], this.#random);
  }

  /** Opens, does, closes. @returns undefined when it did not work, which `troubles` tells. */
  async turn<T>(
    name: string,
    act: (connection: Connection, prepared: Prepared) => Promise<T>,
  ): Promise<T | undefined> {
    const actor = this.#actors.get(name);
    if (actor === undefined || actor.failures >= FAILURES_ENOUGH) return undefined;
    const unrest = await untilCalm(this.stage, pause);
    if (unrest !== undefined) this.troubles.push(`before ${name}: ${unrest}`);
    let connection: Connection | undefined;
    try {
      connection = await actor.prepared.open();
      actor.failures = 0;
      return await act(connection, actor.prepared);
    } catch (error) {
      if (connection === undefined) actor.failures += 1;
      this.#tell(name, error);
      return undefined;
    } finally {
      await connection?.close().catch(() => {});
    }
  }

  async close(): Promise<void> {
    for (const { prepared } of this.#actors.values()) await prepared.close().catch(() => {});
    await this.#browser.close();
    await this.stage.close();
  }

  async #prepare(name: string, subject: Subject): Promise<void> {
    try {
      const prepared = await subject.prepare(this.stage, this.#browser);
      this.#actors.set(name, { prepared, failures: 0 });
    } catch (error) {
      this.#tell(name, error);
    }
  }

  #tell(name: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.troubles.push(`${name} failed once: ${why.split("\n")[0]}`);
  }
}

/** Mbit/s of what arrived, whether it was all or not. */
export function goodputOf({ bytes, ms }: Transfer): number {
  return (bytes * 8) / (ms * 1000);
}
