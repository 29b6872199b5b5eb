/**
 * The cycle in which BBR looks for more rate: draft-ietf-ccwg-bbr section 5.3.3 (ProbeBW). Down
 * drains what the last probe queued, cruise leaves others room, refill fills the pipe for a round,
 * up sends a quarter faster until the rate, the loss or the flight says that this is all.
 */

import { type BbrModel, BETA, HOST_DELAY_MS } from "./bbr-model.ts";
import type { Ack } from "./congestion-control.ts";
import type { FullPipe } from "./full-pipe.ts";

export type ProbePhase = "down" | "cruise" | "refill" | "up";

/** What the acknowledgements of now belong to: BBR.ack_phase (section 2.14). */
type AckPhase = "none" | "refilling" | "probe-starting" | "probe-feedback" | "probe-stopping";

export interface ProbeView {
  readonly windowBytes: number;
  /** The window was full at some time of this round. */
  readonly wasWindowFull: boolean;
}

export const PACING_GAIN: Record<ProbePhase, number> = {
  // 0.9 after 1.25: the least difference that lets flows converge (5.3.3.1).
  down: 0.9,
  cruise: 1,
  refill: 1,
  up: 1.25,
};

/**
 * Between probes: 2 to 3 s, or as many rounds as Reno would take for the flight, 62 to 63 at most,
 * whichever comes first (5.3.3.8.2). Departures, both measured in test/sim/congestion-fairness:
 * after a probe among others a second longer, as TCP CUBIC at 100 ms must grow for seconds without
 * loss to come back; and never below a second, as flights of five packets would have us probe, and
 * overflow, a third of the time.
 */
const WAIT_MS = 2_000;
const WAIT_AMONG_OTHERS_MS = 3_000;
const WAIT_SPREAD_MS = 1_000;
const WAIT_ROUNDS = 63;
const LEAST_WAIT_MS = 1_000;
/**
 * A start that ended by a hiccup of this host (code that is not compiled yet) found a part of the rate
 * only. So the first probe comes when the start's queue is drained and a round has shown it.
 */
const FIRST_WAIT_ROUNDS = 2;

/**
 * Alone, a flight of 1.25 times the product of rate and delay after a round of up says that nothing
 * more comes: what is above it queues. The draft waits three rounds for a plateau and queues three
 * times as much before a command of the same user. A rate that does grow moves the product along.
 * A queue that was there before is other flows': against them one round wins nothing, and a late
 * joiner would stay poor, so there the draft's plateau decides. And a flight that grew because this
 * host or the other stood still for a moment is none: only with a queue is it enough.
 */
const UP_FLIGHT = 1.25;

/** 2^30 packets in a round are beyond any path. */
const MOST_DOUBLINGS = 30;

export class BbrProbing {
  phase: ProbePhase = "down";
  /** Samples of now come from packets sent while probing. */
  isProbeSample = false;
  /** Loss ended the last probe, for `onSpurious`. */
  wasEndedByLoss = false;

  readonly #model: BbrModel;
  readonly #fullPipe: FullPipe;
  readonly #random: () => number;
  #ackPhase: AckPhase = "none";
  #startedAtMs = 0;
  #phaseAtMs = 0;
  #waitMs = 0;
  /** The last probe began with a queue. */
  isAmongOthers = false;
  #hasProbed = false;
  #rounds = 0;
  #wasTooHigh = false;
  #wasPrecautionary = false;
  #upDoublings = 0;
  #upAckedBytes = 0;
  #bytesPerIncrease = Number.POSITIVE_INFINITY;

  constructor(model: BbrModel, fullPipe: FullPipe, random: () => number) {
    this.#model = model;
    this.#fullPipe = fullPipe;
    this.#random = random;
  }

  /** What is acknowledged and lost now was sent by the probe that is over. */
  get isStopping(): boolean {
    return this.#ackPhase === "probe-stopping";
  }

  /** `isCycling` is false while draining or looking for the round trip. */
  onAck(ack: Ack, view: ProbeView, isCycling: boolean): void {
    if (this.#model.isRoundStart) this.#rounds += 1;
    if (this.isProbeSample && this.#model.isFlightTooLarge(ack)) {
      this.#onTooHigh(ack, view, isCycling);
      return;
    }
    if (this.#adaptLongTerm(ack, view, isCycling) || !isCycling) return;
    this.#advance(ack, view);
  }

  startDown(ack: Ack): void {
    this.#model.resetSignals();
    this.#bytesPerIncrease = Number.POSITIVE_INFINITY;
    this.#rounds = this.#random() < 0.5 ? 0 : 1;
    this.#waitMs = this.#nextWaitMs();
    this.#startedAtMs = ack.nowMs;
    this.#ackPhase = "probe-stopping";
    this.#enter("down", ack);
  }

  #nextWaitMs(): number {
    if (!this.#hasProbed) {
      return FIRST_WAIT_ROUNDS * Math.max(this.#model.rtt.minMs, HOST_DELAY_MS);
    }
    const leastMs = this.isAmongOthers ? WAIT_AMONG_OTHERS_MS : WAIT_MS;
    return leastMs + WAIT_SPREAD_MS * this.#random();
  }

  startRefill(ack: Ack): void {
    this.#model.resetShortTerm();
    this.#model.startProbe();
    this.#upDoublings = 0;
    this.#upAckedBytes = 0;
    this.#wasPrecautionary = false;
    this.#ackPhase = "refilling";
    this.#enter("refill", ack);
  }

  /** The acknowledgements of now are no probe's: on the way to look for the round trip. */
  stop(ack: Ack): void {
    this.#ackPhase = "probe-stopping";
    this.#model.startRound(ack);
  }

  /** The end of that look has drained the queue already (5.3.4.4). */
  startCruise(ack: Ack): void {
    this.startDown(ack);
    this.phase = "cruise";
  }

  #enter(phase: ProbePhase, ack: Ack): void {
    this.phase = phase;
    this.#phaseAtMs = ack.nowMs;
    this.#model.startRound(ack);
  }

  #advance(ack: Ack, view: ProbeView): void {
    switch (this.phase) {
      case "down":
        if (this.#isTimeToProbe(ack, view)) this.startRefill(ack);
        else if (this.#isTimeToCruise(ack)) this.phase = "cruise";
        return;
      case "cruise":
        if (this.#isTimeToProbe(ack, view)) this.startRefill(ack);
        else if (this.#isQueueOurs) this.#model.lowerMaxBw();
        return;
      case "refill":
        if (this.#model.isRoundStart) this.#startUp(ack, view);
        return;
      case "up":
        if (!this.#isTimeToGoDown(ack, view)) return;
        this.#wasTooHigh = false;
        this.wasEndedByLoss = false;
        this.startDown(ack);
    }
  }

  #startUp(ack: Ack, view: ProbeView): void {
    this.isProbeSample = true;
    this.#hasProbed = true;
    this.isAmongOthers = this.#model.rtt.hasQueue;
    this.#ackPhase = "probe-starting";
    this.#fullPipe.reset(ack.rate.bytesPerMs ?? 0);
    this.#enter("up", ack);
    this.#raiseSlope(view);
  }

  #isTimeToProbe(ack: Ack, view: ProbeView): boolean {
    const elapsedMs = ack.nowMs - this.#startedAtMs;
    if (elapsedMs > this.#waitMs) return true;
    if (elapsedMs < LEAST_WAIT_MS) return false;
    const flight = Math.min(this.#model.bdpBytes(this.#model.bw), view.windowBytes);
    return this.#rounds >= Math.min(flight / this.#model.packetBytes, WAIT_ROUNDS);
  }

  /** A whole round waited, and nobody else did before the last probe. */
  get #isQueueOurs(): boolean {
    return this.#model.isRoundStart && !this.isAmongOthers && this.#model.rtt.hasQueue;
  }

  #isTimeToCruise(ack: Ack): boolean {
    if (ack.inFlightBytes > this.#model.inflightWithHeadroom) return false;
    const bdpBytes = this.#model.bdpBytes(this.#model.maxBw);
    return ack.inFlightBytes <= Math.max(bdpBytes, this.#model.leastWindowBytes);
  }

  #isTimeToGoDown(ack: Ack, view: ProbeView): boolean {
    const { inflightLong, maxBw, rtt, packetBytes } = this.#model;
    const elapsedMs = ack.nowMs - this.#phaseAtMs;
    if (this.#wasTooHigh && ack.inFlightBytes >= inflightLong) {
      this.#wasPrecautionary = true;
      return true;
    }
    if (view.wasWindowFull && view.windowBytes >= inflightLong) {
      // The bound, not the path, kept the rate from growing.
      this.#fullPipe.reset(ack.rate.bytesPerMs ?? 0);
      return false;
    }
    if (this.#fullPipe.isFullNow) return true;
    if (this.isAmongOthers || !rtt.seesQueue) return false;
    const enough = UP_FLIGHT * this.#model.bdpBytes(maxBw) + 2 * packetBytes;
    return elapsedMs > Math.max(rtt.minMs, HOST_DELAY_MS) && ack.priorInFlightBytes > enough;
  }

  #onTooHigh(ack: Ack, view: ProbeView, isCycling: boolean): void {
    this.#wasTooHigh = true;
    this.isProbeSample = false;
    if (!ack.rate.isAppLimited) {
      const target = Math.min(this.#model.bdpBytes(this.#model.bw), view.windowBytes);
      this.#model.inflightLong = Math.max(ack.rate.sentInFlightBytes, BETA * target);
    }
    if (!isCycling || this.phase !== "up") return;
    this.wasEndedByLoss = true;
    this.startDown(ack);
  }

  /** AdaptLongTermModel (5.3.3.9). True when it has decided where to go. */
  #adaptLongTerm(ack: Ack, view: ProbeView, isCycling: boolean): boolean {
    const model = this.#model;
    if (model.isRoundStart && this.#ackPhase === "probe-starting")
      this.#ackPhase = "probe-feedback";
    else if (model.isRoundStart && this.#ackPhase === "probe-stopping") {
      this.isProbeSample = false;
      this.#ackPhase = "none";
      if (isCycling && !ack.rate.isAppLimited) model.advanceMaxBw();
      if (isCycling && this.#wasPrecautionary && !this.#wasTooHigh) {
        this.startRefill(ack);
        return true;
      }
    }
    if (model.inflightLong === Number.POSITIVE_INFINITY || model.isFlightTooLarge(ack))
      return false;
    model.inflightLong = Math.max(model.inflightLong, ack.rate.sentInFlightBytes);
    if (isCycling && this.phase === "up") this.#probeUpward(ack, view);
    return false;
  }

  /** Slowly at first, twice as fast each round (5.3.3.5). */
  #probeUpward(ack: Ack, view: ProbeView): void {
    if (!view.wasWindowFull || view.windowBytes < this.#model.inflightLong) return;
    this.#upAckedBytes += ack.ackedBytes;
    if (this.#upAckedBytes >= this.#bytesPerIncrease) {
      const steps = Math.floor(this.#upAckedBytes / this.#bytesPerIncrease);
      this.#upAckedBytes -= steps * this.#bytesPerIncrease;
      this.#model.inflightLong += steps * this.#model.packetBytes;
    }
    if (this.#model.isRoundStart) this.#raiseSlope(view);
  }

  #raiseSlope(view: ProbeView): void {
    const growth = 2 ** this.#upDoublings;
    this.#upDoublings = Math.min(this.#upDoublings + 1, MOST_DOUBLINGS);
    this.#bytesPerIncrease = Math.max(view.windowBytes / growth, this.#model.packetBytes);
  }
}
