/**
 * The shell round one simulated session: drains it into links, feeds it what arrives, and keeps its
 * timer, as the real driver does. A stalled peer does nothing until the stall is over, then
 * everything that came meanwhile, timers first.
 */

import type { PathId, PathKind, Session } from "@beeline/protocol";
import type { SimApp } from "./sim-app.ts";
import type { VirtualClock } from "./sim-clock.ts";
import type { Ledger } from "./sim-ledger.ts";
import type { Parcel, Side, SimLink } from "./sim-link.ts";

/** Timers that may fire at one moment before we call it a busy loop. */
const MAX_TICKS_AT_ONCE = 8;

export class SimPeer {
  readonly side: Side;
  readonly session: Session;
  readonly links: SimLink[] = [];
  app!: SimApp;
  ticks = 0;
  /** Timers fire at multiples of this only, as a hidden tab's do; 0: on time. */
  timerStepMs = 0;
  readonly maxInFlightBytes: Record<PathKind, number> = { relay: 0, direct: 0 };
  readonly #clock: VirtualClock;
  readonly #ledger: Ledger;
  #cancelTimer: (() => void) | undefined;
  #ticksNow = 0;
  #lastTickMs = -1;
  #isRunning = false;
  #stalledUntilMs = 0;

  constructor(side: Side, session: Session, clock: VirtualClock, ledger: Ledger) {
    this.side = side;
    this.session = session;
    this.#clock = clock;
    this.#ledger = ledger;
  }

  attach(link: SimLink): void {
    this.whenAwake(() => {
      this.links.push(link);
      this.session.openPath(link.id, this.#clock.nowMs);
      this.run();
    });
  }

  detach(id: PathId): void {
    this.whenAwake(() => {
      const index = this.links.findIndex((link) => isSame(link.id, id));
      if (index < 0) return;
      this.links.splice(index, 1);
      this.session.closePath(id, this.#clock.nowMs);
      this.run();
    });
  }

  stall(ms: number): void {
    this.#stalledUntilMs = this.#clock.nowMs + ms;
  }

  receive(link: SimLink, parcel: Parcel): void {
    this.whenAwake(() => {
      // What comes on a path that was closed meanwhile is not taken in.
      const isOpen = this.session.paths().some(({ id }) => isSame(id, link.id));
      this.session.receive(parcel.bytes, this.#clock.nowMs);
      if (isOpen) this.#ledger.onReceive(this.side, parcel.frames);
      this.run();
    });
  }

  /** Does something as soon as the peer is not stalled, in the order of asking. */
  whenAwake(act: () => void): void {
    if (this.#clock.nowMs >= this.#stalledUntilMs) act();
    else this.#clock.at(this.#stalledUntilMs, () => this.whenAwake(act));
  }

  run(): void {
    if (this.#isRunning) return;
    if (this.#clock.nowMs < this.#stalledUntilMs) {
      this.whenAwake(() => this.run());
      return;
    }
    this.#isRunning = true;
    do {
      for (const link of [...this.links]) this.#drain(link);
      for (const event of this.session.takeEvents()) this.app.handle(event);
    } while (this.session.hasEvents);
    for (const link of [...this.links]) this.#drain(link);
    this.#isRunning = false;
    for (const { id, flight } of this.session.paths()) {
      this.maxInFlightBytes[id.kind] = Math.max(this.maxInFlightBytes[id.kind], flight.bytes);
    }
    this.#schedule();
  }

  #drain(link: SimLink): void {
    while (link.canSend(this.side)) {
      const bytes = this.session.nextRecord(link.id, this.#clock.nowMs);
      if (bytes === undefined) return;
      link.send(this.side, this.#ledger.onSend(this.side, bytes));
    }
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const wakeAtMs = this.session.wakeAtMs(this.#clock.nowMs);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    const step = this.timerStepMs;
    const firesAtMs = step === 0 ? wakeAtMs : Math.ceil(wakeAtMs / step) * step;
    this.#cancelTimer = this.#clock.at(firesAtMs, () => this.whenAwake(() => this.#tick()));
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs;
    this.ticks += 1;
    this.#ticksNow = nowMs === this.#lastTickMs ? this.#ticksNow + 1 : 1;
    this.#lastTickMs = nowMs;
    if (this.#ticksNow > MAX_TICKS_AT_ONCE) {
      throw new Error(`${this.side} wakes without end at ${nowMs} ms`);
    }
    this.session.tick(nowMs);
    this.run();
  }
}

function isSame(a: PathId, b: PathId): boolean {
  return a.kind === b.kind && a.generation === b.generation;
}
