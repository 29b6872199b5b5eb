/**
 * The default controller: rate-based, after BBRv3 (draft-ietf-ccwg-bbr-06; the numbers are its
 * sections). It measures how fast the path delivers and how short its round trip is, sends at that
 * rate and keeps about that much on the way; loss bounds it, but loss that comes without a queue is
 * a property of the path (see loss-limits.ts). Departures from the draft say why where they are.
 */

import { BbrModel, type Bounds, HOST_DELAY_MS } from "./bbr-model.ts";
import { BbrProbing, PACING_GAIN } from "./bbr-probing.ts";
import type {
  Ack,
  CongestionControl,
  CreateCongestionControl,
  SentPacket,
} from "./congestion-control.ts";
import { FullPipe } from "./full-pipe.ts";
import { FULL_LOSS_RUNS } from "./loss-limits.ts";
import { StartupQueue } from "./startup-queue.ts";

type State = "startup" | "drain" | "probe-bw" | "probe-rtt";

/** 4 ln 2, the least gain by which the rate doubles each round (2.5). */
const STARTUP_GAIN = 2.77;
/** Drains what starting queued in a round (2.5). */
const DRAIN_GAIN = 0.5;
const DRAIN_ROUNDS = 2;
/** 1 % below the rate, so that queues shrink rather than grow by errors (5.6.2). */
const MARGIN = 0.99;
const WINDOW_GAIN = 2;
const UP_WINDOW_GAIN = 2.25;
const PROBE_RTT_GAIN = 0.5;
const PROBE_RTT_MS = 200;
/**
 * RFC 6928 has ten, RFC 9260 section 7.2.1 about three. These are 24 kB, what routers with the shortest
 * buffers hold at 5 Mbit/s, and a round trip less until a picture is there.
 */
const INITIAL_PACKETS = 20;
/** Nothing was measured yet: the first packets leave as they come (5.6.2 takes 1 ms too). */
const INITIAL_RTT_MS = 1;
/**
 * Rounds without growth that mean a full pipe: the draft's three while probing. While starting, a
 * queue that stands says the same at once, and two rounds more of 2.8 times the rate overflow it
 * (measured at 100 Mbit/s, 50 ms: up to 1.4 MB lost). Without a queue it is this host that sends no
 * faster, as code that was not compiled yet; where nobody queues there is time to see that pass.
 */
const FULL_ROUNDS = 3;
const FULL_ROUNDS_WITH_QUEUE = 1;
const FULL_ROUNDS_WITHOUT_QUEUE = 8;

/**
 * A quarter of a long flight is more than the 40 ms which the shortest buffers of home routers hold. It
 * leaves a rate that does grow room to do so by that much in each round.
 */
const MOST_PROBED_QUEUE_MS = 40;
/** From here on a round of the start queues more than that. */
const QUEUEING_ROUND_MS = MOST_PROBED_QUEUE_MS / (STARTUP_GAIN - 1);

/** A quantum: 1 ms of the rate, from two packets to 64 KiB (5.6.3). */
const QUANTUM_MS = 1;
const MOST_QUANTUM_BYTES = 65_536;
/** One waits here, one is read there, one is not acknowledged yet (5.5.8.1). */
const QUANTA = 3;

class Bbr implements CongestionControl {
  readonly name = "bbr";
  windowBytes: number;
  pacingBytesPerMs: number;
  burstBytes: number;

  readonly #model: BbrModel;
  readonly #fullPipe = new FullPipe();
  readonly #startupQueue: StartupQueue;
  readonly #probing: BbrProbing;
  #state: State = "startup";
  #drainRound = 0;
  #isRestarting = false;
  #probeRttUntilMs: number | undefined;
  #isProbeRttRoundDone = false;
  /** The window before the round trip was looked for or a timeout cut it. */
  #priorWindowBytes = 0;
  #undo: { readonly bounds: Bounds; readonly state: State; readonly wasFull: boolean } | undefined;
  #wasWindowFull = false;
  #isWindowFullThisRound = false;
  #lastAck: Ack | undefined;
  /** Since the last time-out nothing was acknowledged. */
  #isTimedOut = false;

  constructor(packetBytes: number, random: () => number) {
    this.#model = new BbrModel(packetBytes);
    this.#startupQueue = new StartupQueue(this.#model.rtt, QUEUEING_ROUND_MS);
    this.#probing = new BbrProbing(this.#model, this.#fullPipe, random);
    this.windowBytes = INITIAL_PACKETS * packetBytes;
    this.pacingBytesPerMs = (STARTUP_GAIN * this.windowBytes) / INITIAL_RTT_MS;
    this.burstBytes = this.windowBytes;
  }

  onSent(packet: SentPacket): void {
    if (packet.inFlightBytes + this.#model.packetBytes > this.windowBytes) {
      this.#isWindowFullThisRound = true;
    }
  }

  onAck(ack: Ack): void {
    this.#lastAck = ack;
    if (ack.ackedBytes > 0) this.#isTimedOut = false;
    const model = this.#model;
    model.learn(ack);
    if (model.isRoundStart) {
      this.#wasWindowFull = this.#isWindowFullThisRound;
      this.#isWindowFullThisRound = false;
    }
    if (!this.#isProbingRate()) model.adaptShortTerm(ack, this.windowBytes);
    const isStarting = !this.#fullPipe.wasReached;
    model.aggregation.update(ack, model.bw, this.windowBytes, model.roundCount, isStarting);
    this.#fullPipe.update(model.isRoundStart, ack.rate, this.#roundsToFull());
    this.#leaveStartup(ack);
    this.#leaveDrain(ack);
    if (this.#fullPipe.wasReached) this.#probe(ack);
    model.rtt.update(ack.nowMs, ack.rttMs, this.#isRestarting);
    this.#goOnStarting(ack);
    this.#lookForRoundTrip(ack);
    model.finish(ack);
    this.#setPace(this.#pacingGain());
    this.#setWindow(ack);
  }

  /** 5.6.4.4: the window as it was is kept for the end, the bounds in case it was no loss. */
  onRecoveryStart(): void {
    this.#saveWindow();
    this.#undo = {
      bounds: this.#model.bounds,
      state: this.#state,
      wasFull: this.#fullPipe.wasReached,
    };
  }

  onRecoveryEnd(): void {
    this.windowBytes = Math.max(this.windowBytes, this.#priorWindowBytes);
  }

  /** The next in a row is of the same loss: what was kept before the first is what there is to go back to. */
  onTimeout(_nowMs: number, inFlightBytes: number): void {
    if (!this.#isTimedOut) this.onRecoveryStart();
    this.#isTimedOut = true;
    this.windowBytes = inFlightBytes + this.#model.packetBytes;
  }

  /** 5.5.11.2. */
  onSpurious(): void {
    const undo = this.#undo;
    this.#undo = undefined;
    this.#isTimedOut = false;
    this.windowBytes = Math.max(this.windowBytes, this.#priorWindowBytes);
    if (undo === undefined) return;
    this.#model.restore(undo.bounds);
    this.#fullPipe.reset(0);
    const ack = this.#lastAck;
    if (ack === undefined || this.#state === "probe-rtt") return;
    if (undo.state === "startup" && !undo.wasFull && this.#state !== "startup") {
      this.#fullPipe.wasReached = false;
      this.#startupQueue.settle();
      this.#state = "startup";
    } else if (this.#state === "probe-bw" && this.#probing.wasEndedByLoss) {
      this.#probing.wasEndedByLoss = false;
      this.#probing.startRefill(ack);
    }
  }

  /** 5.4.1: what was learnt stays, the pace is exactly the rate, nothing bursts. */
  onIdleRestart(nowMs: number): void {
    this.#isRestarting = true;
    this.#model.aggregation.restart(nowMs);
    if (this.#state === "probe-bw") this.#setPace(1);
    else if (this.#state === "probe-rtt" && this.#lastAck) this.#endProbeRtt(nowMs, this.#lastAck);
  }

  onPacketSize(bytes: number): void {
    this.#model.packetBytes = bytes;
    this.windowBytes = Math.max(this.windowBytes, this.#model.leastWindowBytes);
    this.burstBytes = Math.max(this.burstBytes, bytes);
  }

  /** What the start lost says nothing of the rate after it. */
  #isProbingRate(): boolean {
    if (this.#state === "startup" || this.#state === "drain") return true;
    const { phase } = this.#probing;
    return this.#state === "probe-bw" && (phase === "refill" || phase === "up");
  }

  #probe(ack: Ack): void {
    const view = {
      windowBytes: this.windowBytes,
      wasWindowFull: this.#wasWindowFull || this.#isWindowFullThisRound,
    };
    this.#probing.onAck(ack, view, this.#state === "probe-bw");
  }

  #roundsToFull(): number {
    if (this.#state !== "startup") return FULL_ROUNDS;
    return this.#model.rtt.hasQueue ? FULL_ROUNDS_WITH_QUEUE : FULL_ROUNDS_WITHOUT_QUEUE;
  }

  /**
   * By a rate that no longer grows, by loss (5.3.1.3), or by a queue: at once, not when the round ends, as
   * in the rest of a long one three times the rate would go into a queue that is full.
   */
  #leaveStartup(ack: Ack): void {
    if (this.#state !== "startup") return;
    const model = this.#model;
    if (ack.rate.lossRuns >= FULL_LOSS_RUNS && model.isFlightTooLarge(ack)) {
      this.#fullPipe.wasReached = true;
      model.inflightLong = Math.max(model.bdpBytes(model.bw), model.inflightLatest);
    }
    if (this.#fullPipe.wasReached) this.#startupQueue.settle();
    else if (this.#isOfApplication(ack)) return;
    else if (!this.#startupQueue.leave(ack.nowMs, model.roundCount)) return;
    this.#fullPipe.wasReached = true;
    this.#state = "drain";
    this.#drainRound = model.roundCount;
  }

  /** Less than the first flight, and all there was to send, queues nothing. */
  #isOfApplication({ ackedBytes, rate }: Ack): boolean {
    if (ackedBytes === 0) return true;
    return rate.isAppLimited && rate.sentInFlightBytes <= INITIAL_PACKETS * this.#model.packetBytes;
  }

  #leaveDrain(ack: Ack): void {
    if (this.#state !== "drain") return;
    const isDrained = ack.inFlightBytes <= this.#inflight(1);
    if (!isDrained && this.#model.roundCount <= this.#drainRound + DRAIN_ROUNDS) return;
    this.#state = "probe-bw";
    this.#probing.startDown(ack);
    this.#startupQueue.onDrained(ack.nowMs);
  }

  #goOnStarting(ack: Ack): void {
    if (this.#state === "probe-rtt" || !this.#startupQueue.goesOn(ack.nowMs, ack.rttMs)) return;
    this.#fullPipe.wasReached = false;
    this.#fullPipe.reset(0);
    this.#model.resetShortTerm();
    this.#probing.isProbeSample = false;
    this.#state = "startup";
  }

  /** 5.3.4.3. */
  #lookForRoundTrip(ack: Ack): void {
    if (this.#state !== "probe-rtt" && this.#model.rtt.isProbeDue && !this.#isRestarting) {
      this.#saveWindow();
      this.#state = "probe-rtt";
      this.#probeRttUntilMs = undefined;
      this.#probing.stop(ack);
    }
    if (this.#state === "probe-rtt") this.#waitForRoundTrip(ack);
    if (ack.ackedBytes > 0) this.#isRestarting = false;
  }

  #waitForRoundTrip(ack: Ack): void {
    if (this.#probeRttUntilMs === undefined) {
      if (ack.inFlightBytes > this.#probeRttWindow()) return;
      this.#probeRttUntilMs = ack.nowMs + PROBE_RTT_MS;
      this.#isProbeRttRoundDone = false;
      this.#model.startRound(ack);
      return;
    }
    if (this.#model.isRoundStart) this.#isProbeRttRoundDone = true;
    if (this.#isProbeRttRoundDone) this.#endProbeRtt(ack.nowMs, ack);
  }

  #endProbeRtt(nowMs: number, ack: Ack): void {
    if (this.#probeRttUntilMs === undefined || nowMs <= this.#probeRttUntilMs) return;
    this.#model.rtt.postponeProbe(nowMs);
    this.windowBytes = Math.max(this.windowBytes, this.#priorWindowBytes);
    this.#model.resetShortTerm();
    if (!this.#fullPipe.wasReached) {
      this.#state = "startup";
      return;
    }
    this.#state = "probe-bw";
    this.#probing.startCruise(ack);
  }

  #pacingGain(): number {
    if (this.#state === "startup") return STARTUP_GAIN;
    if (this.#state === "drain") return DRAIN_GAIN;
    return this.#state === "probe-rtt" ? 1 : PACING_GAIN[this.#probing.phase];
  }

  #windowGain(): number {
    if (this.#state === "probe-rtt") return PROBE_RTT_GAIN;
    return this.#state === "probe-bw" && this.#probing.phase === "up"
      ? UP_WINDOW_GAIN
      : WINDOW_GAIN;
  }

  #setPace(gain: number): void {
    const rate = Math.max(gain * this.#model.bw * MARGIN, this.#leastStartingRate);
    // Samples while starting may be the application's: they never slow the start down (5.6.2).
    if (rate > 0 && (this.#fullPipe.wasReached || rate > this.pacingBytesPerMs || this.#isFirst)) {
      this.pacingBytesPerMs = rate;
      this.#isFirst = false;
    }
    const quantum = Math.min(QUANTUM_MS * this.pacingBytesPerMs, MOST_QUANTUM_BYTES);
    this.burstBytes = Math.max(quantum, 2 * this.#model.packetBytes);
  }

  /** The pace before the first sample was for a round trip of 1 ms. */
  #isFirst = true;

  /** The first flight in a round (5.6.2): what an application with little to send measured is less. */
  get #leastStartingRate(): number {
    const { packetBytes, rtt } = this.#model;
    if (this.#fullPipe.wasReached) return 0;
    return (STARTUP_GAIN * INITIAL_PACKETS * packetBytes) / Math.max(rtt.minMs, INITIAL_RTT_MS);
  }

  #setWindow(ack: Ack): void {
    const model = this.#model;
    const most = this.#inflight(this.#windowGain(), model.aggregation.extraBytes);
    // What is lost at the start's end has left the path, but what takes its place comes at three times
    // the rate, and must not come all at once.
    const lostBytes = this.#fullPipe.wasReached ? 0 : ack.lostBytes;
    this.windowBytes = Math.max(this.windowBytes - lostBytes, ack.inFlightBytes);
    const grown = this.windowBytes + ack.ackedBytes;
    if (this.#fullPipe.wasReached) this.windowBytes = Math.min(grown, most);
    else if (this.windowBytes < most || ack.deliveredBytes < INITIAL_PACKETS * model.packetBytes) {
      this.windowBytes = grown;
    }
    this.windowBytes = Math.max(this.windowBytes, model.leastWindowBytes);
    if (this.#state === "probe-rtt") {
      this.windowBytes = Math.min(this.windowBytes, this.#probeRttWindow());
    }
    this.windowBytes = Math.min(this.windowBytes, this.#windowCap());
  }

  /** 5.6.4.7. */
  #windowCap(): number {
    const model = this.#model;
    let cap = Number.POSITIVE_INFINITY;
    const isCruising = this.#state === "probe-bw" && this.#probing.phase === "cruise";
    if (this.#state === "probe-rtt" || isCruising) cap = model.inflightWithHeadroom;
    else if (this.#state === "probe-bw") cap = Math.min(model.inflightLong, this.#probeCap());
    return Math.max(Math.min(cap, model.inflightShort), model.leastWindowBytes);
  }

  /** Nobody else's queue is to be beaten: more than routers keep would be lost, not measured. */
  #probeCap(): number {
    if (this.#probing.phase !== "up" || this.#probing.isAmongOthers)
      return Number.POSITIVE_INFINITY;
    const { bw, rtt, packetBytes } = this.#model;
    return bw * (rtt.minMs + MOST_PROBED_QUEUE_MS) + 2 * packetBytes;
  }

  /**
   * 5.6.4.2, with what the hosts need beside it: twice the shortest round trip of a short link would
   * hold the rate where it is, whatever it is.
   */
  #inflight(gain: number, extraBytes = 0): number {
    const { bw, rtt, leastWindowBytes, packetBytes } = this.#model;
    if (rtt.minMs === Number.POSITIVE_INFINITY) return INITIAL_PACKETS * packetBytes;
    const isUp = this.#state === "probe-bw" && this.#probing.phase === "up";
    return (
      Math.max(
        gain * bw * rtt.minMs + extraBytes,
        bw * (rtt.minMs + HOST_DELAY_MS),
        QUANTA * Math.min(QUANTUM_MS * this.pacingBytesPerMs, MOST_QUANTUM_BYTES),
        leastWindowBytes,
      ) + (isUp ? 2 * packetBytes : 0)
    );
  }

  #probeRttWindow(): number {
    const bdpBytes = this.#model.bdpBytes(this.#model.bw);
    return Math.max(PROBE_RTT_GAIN * bdpBytes, this.#model.leastWindowBytes);
  }

  #saveWindow(): void {
    const isCut = this.#state === "probe-rtt";
    this.#priorWindowBytes = isCut
      ? Math.max(this.#priorWindowBytes, this.windowBytes)
      : this.windowBytes;
  }
}

export const createBbr: CreateCongestionControl = ({ packetBytes, random }) =>
  new Bbr(packetBytes, random);
