/**
 * The shell round a session machine: owns its timer, feeds it what paths receive, gives paths what it
 * wants to send, and hands its events to the application.
 *
 * Everything happens in {@link SessionDriver.run}: drain the paths, deliver the events, set the timer.
 */

import { BeelineError, type PathId, type Session, type SessionEvent } from "@beeline/protocol";
import type { Clock } from "./clock.ts";
import type { Path } from "./path.ts";

/**
 * Records sent in one go before other work gets the event loop: 64 × 16 KiB take about 5 ms of a
 * slow core, below what a person or a heartbeat notices.
 */
const RECORDS_PER_TURN = 64;

export class SessionDriver {
  readonly session: Session;
  readonly #clock: Clock;
  readonly #onEvent: (event: SessionEvent) => void;
  readonly #paths: Path[] = [];
  #cancelTimer: () => void = () => {};
  /** Infinity: no timer is set. */
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isRunning = false;
  #isScheduled = false;

  constructor(session: Session, clock: Clock, onEvent: (event: SessionEvent) => void) {
    this.session = session;
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  attach(path: Path): void {
    this.#paths.push(path);
    this.session.openPath(path.id, this.#clock.nowMs(), path.isSelfPaced);
    this.run();
  }

  /** Forgets a path; closing the path itself is the caller's. */
  detach(id: PathId): void {
    const index = this.#paths.findIndex((path) => isSame(path.id, id));
    if (index < 0) return;
    this.#paths.splice(index, 1);
    this.session.closePath(id, this.#clock.nowMs());
    this.run();
  }

  find(id: PathId): Path | undefined {
    return this.#paths.find((path) => isSame(path.id, id));
  }

  receive(record: Uint8Array): void {
    try {
      this.session.receive(record, this.#clock.nowMs());
    } catch (thrown) {
      // A malformed record or a broken rule: nothing this peer says can be trusted any more.
      this.session.abort(BeelineError.from(thrown));
    }
    this.run();
  }

  /** Runs soon; many calls in one turn of the event loop cost one run. */
  touch(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.run();
    });
  }

  run(): void {
    // Called by whom an event was given to: what changed meanwhile is seen to in another run.
    if (this.#isRunning) return this.touch();
    this.#isRunning = true;
    let hasMore = false;
    try {
      do {
        hasMore = this.#sendAll();
        for (const event of this.session.takeEvents()) this.#onEvent(event);
      } while (!hasMore && this.session.hasEvents);
    } finally {
      this.#isRunning = false;
    }
    this.#schedule(hasMore);
  }

  /** Stops the timer for good. The machine may still be asked for its state. */
  stop(): void {
    this.#cancelTimer();
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    for (const path of this.#paths.splice(0)) path.close();
  }

  /** @returns whether a path could have taken more than one turn's share. */
  #sendAll(): boolean {
    let hasMore = false;
    for (const path of [...this.#paths]) {
      let count = 0;
      while (path.canSend) {
        if (count === RECORDS_PER_TURN) {
          hasMore = true;
          break;
        }
        const record = this.session.nextRecord(path.id, this.#clock.nowMs());
        if (record === undefined) break;
        if (!this.#send(path, record)) break;
        count += 1;
      }
    }
    return hasMore;
  }

  /** @returns false when the path closed: its owner hears of it, and the record is lost like others. */
  #send(path: Path, record: Uint8Array): boolean {
    try {
      path.send(record, this.session.batchBytes(path.id));
      return true;
    } catch (thrown) {
      if (thrown instanceof BeelineError && thrown.code === "SESSION_CLOSED") return false;
      throw thrown;
    }
  }

  /**
   * Waking early is harmless, so a timer that is due soon enough stays: a session that is busy would
   * set a new one for every record.
   */
  #schedule(hasMore: boolean): void {
    const nowMs = this.#clock.nowMs();
    const wakeAtMs = hasMore ? nowMs : this.session.wakeAtMs(nowMs);
    if (this.#timerAtMs <= wakeAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = wakeAtMs;
    this.#cancelTimer = this.#clock.after(Math.ceil(wakeAtMs - nowMs), () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.session.tick(this.#clock.nowMs());
      this.run();
    });
  }
}

function isSame(a: PathId, b: PathId): boolean {
  return a.kind === b.kind && a.generation === b.generation;
}
