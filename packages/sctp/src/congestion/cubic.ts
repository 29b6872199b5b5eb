/**
 * The other controller: CUBIC (RFC 9438; the numbers are its sections) with HyStart++ and
 * proportional rate reduction, paced. What TCP does everywhere: fair among its like, helpless at
 * random loss.
 */

import type {
  Ack,
  CongestionControl,
  CreateCongestionControl,
  SentPacket,
} from "./congestion-control.ts";
import { HyStart } from "./hystart.ts";
import { RateReduction } from "./rate-reduction.ts";

/** 5: packets per second cubed, and what stays of the window after loss. */
const C = 0.4;
const BETA = 0.7;
/** Reno's growth that yields the same average with that decrease (4.3). */
const RENO_GROWTH = (3 * (1 - BETA)) / (1 + BETA);
/** RFC 6928. */
const INITIAL_PACKETS = 10;
const LEAST_PACKETS = 2;
/** A target further than half the window ahead would make bursts (4.2). */
const MOST_GROWTH = 1.5;

/** What Linux paces by: twice as fast while the window doubles, a fifth to a quarter above it else. */
const SLOW_START_PACE = 2;
const AVOIDANCE_PACE = 1.25;
const QUANTUM_MS = 1;
const MOST_QUANTUM_BYTES = 65_536;
const MS_PER_SECOND = 1_000;

/** RFC 7661 section 4.1: what was validated so long ago tells nothing of the path any more. */
const VALID_MS = 300_000;

/** In packets, as the RFC has it. */
interface Growth {
  window: number;
  threshold: number;
  most: number;
  epochMs: number | undefined;
  k: number;
  origin: number;
  reno: number;
  renoGrowth: number;
}

class Cubic implements CongestionControl {
  readonly name = "cubic";
  #packetBytes: number;
  #growth: Growth = {
    window: INITIAL_PACKETS,
    threshold: Number.POSITIVE_INFINITY,
    most: 0,
    epochMs: undefined,
    k: 0,
    origin: 0,
    reno: 0,
    renoGrowth: RENO_GROWTH,
  };
  #undo: Growth | undefined;
  readonly #hystart = new HyStart();
  #reduction: RateReduction | undefined;
  #reducedBytes = 0;
  #rttMs = 0;
  /** Since the last time-out nothing was acknowledged. */
  #isTimedOut = false;

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  get windowBytes(): number {
    if (this.#reduction !== undefined) return this.#reducedBytes;
    return this.#growth.window * this.#packetBytes;
  }

  get pacingBytesPerMs(): number {
    if (this.#rttMs === 0) return Number.POSITIVE_INFINITY;
    const gain = this.#isSlowStart() ? SLOW_START_PACE : AVOIDANCE_PACE;
    return (gain * this.#growth.window * this.#packetBytes) / this.#rttMs;
  }

  get burstBytes(): number {
    const quantum = Math.min(QUANTUM_MS * this.pacingBytesPerMs, MOST_QUANTUM_BYTES);
    return Math.max(quantum, 2 * this.#packetBytes);
  }

  onSent(packet: SentPacket): void {
    this.#reduction?.onSent(packet.bytes);
  }

  onAck(ack: Ack): void {
    this.#rttMs = ack.smoothedRttMs;
    if (ack.ackedBytes > 0) this.#isTimedOut = false;
    if (this.#reduction !== undefined) {
      this.#reducedBytes = Math.max(
        this.#reduction.windowAfter(ack.ackedBytes, ack.inFlightBytes, this.#packetBytes),
        this.#packetBytes,
      );
      return;
    }
    // 5.8 and RFC 7661 section 4.2: a window that is not used is not proved, and does not grow.
    if (!ack.isWindowLimited && 2 * ack.priorInFlightBytes < this.windowBytes) return;
    if (this.#isSlowStart()) this.#slowStart(ack);
    else this.#avoidCongestion(ack);
  }

  /** 4.6 and 4.7. */
  onRecoveryStart(_nowMs: number, inFlightBytes: number): void {
    const before = this.windowBytes;
    this.#reduce();
    this.#reducedBytes = Math.max(inFlightBytes, this.#packetBytes);
    const target = this.#growth.window * this.#packetBytes;
    this.#reduction = new RateReduction(Math.max(before, inFlightBytes), target);
  }

  onRecoveryEnd(): void {
    this.#reduction = undefined;
  }

  /** 4.8. The next in a row is of the same loss: it halves nothing again (RFC 5681 section 3.1). */
  onTimeout(): void {
    if (!this.#isTimedOut) this.#reduce();
    this.#isTimedOut = true;
    this.#reduction = undefined;
    this.#growth.window = 1;
    this.#hystart.restart();
  }

  /** 4.9: as if nothing had been lost. */
  onSpurious(nowMs: number): void {
    if (this.#undo === undefined) return;
    this.#growth = this.#undo;
    this.#growth.epochMs = this.#growth.epochMs === undefined ? undefined : nowMs;
    this.#undo = undefined;
    this.#reduction = undefined;
    this.#isTimedOut = false;
  }

  /** 5.8: the curve stands still meanwhile. The pace keeps the window from leaving at once. */
  onIdleRestart(nowMs: number, idleSinceMs: number): void {
    const idleMs = nowMs - idleSinceMs;
    if (this.#growth.epochMs !== undefined) this.#growth.epochMs += idleMs;
    if (idleMs < VALID_MS) return;
    this.#growth.threshold = Math.max(this.#growth.threshold, this.#growth.window);
    this.#growth.window = Math.min(this.#growth.window, INITIAL_PACKETS);
    this.#hystart.restart();
  }

  onPacketSize(bytes: number): void {
    // The same bytes in packets of another size.
    const factor = this.#packetBytes / bytes;
    this.#growth.window = Math.max(LEAST_PACKETS, this.#growth.window * factor);
    this.#growth.threshold *= factor;
    this.#growth.most *= factor;
    this.#growth.epochMs = undefined;
    this.#packetBytes = bytes;
  }

  #isSlowStart(): boolean {
    return this.#growth.window < this.#growth.threshold;
  }

  #slowStart(ack: Ack): void {
    const growth = this.#growth;
    this.#hystart.onAck(ack);
    growth.window += (this.#hystart.growth * ack.ackedBytes) / this.#packetBytes;
    if (this.#hystart.growth === 0) growth.threshold = growth.window;
  }

  #avoidCongestion(ack: Ack): void {
    const growth = this.#growth;
    const acked = ack.ackedBytes / this.#packetBytes;
    if (growth.epochMs === undefined) this.#startEpoch(ack.nowMs);
    const sinceMs = ack.nowMs + ack.smoothedRttMs - (growth.epochMs ?? ack.nowMs);
    const seconds = sinceMs / MS_PER_SECOND - growth.k;
    const cubic = growth.origin + C * seconds ** 3;
    growth.reno += (growth.renoGrowth * acked) / growth.window;
    if (growth.reno >= growth.origin) growth.renoGrowth = 1;
    const target = Math.min(Math.max(cubic, growth.window), MOST_GROWTH * growth.window);
    // 4.3: where Reno would be further, be there.
    if (growth.reno > target) growth.window = growth.reno;
    else growth.window += ((target - growth.window) / growth.window) * acked;
  }

  /** 4.2: the window at the last loss is where the curve is flat. */
  #startEpoch(nowMs: number): void {
    const growth = this.#growth;
    growth.epochMs = nowMs;
    growth.reno = growth.window;
    growth.renoGrowth = RENO_GROWTH;
    growth.origin = Math.max(growth.most, growth.window);
    growth.k = Math.cbrt((growth.origin - growth.window) / C);
  }

  #reduce(): void {
    const growth = this.#growth;
    this.#undo = { ...growth };
    // 4.7: a window below the last one makes room for whoever took it.
    const isFalling = growth.window < growth.most;
    growth.most = isFalling ? (growth.window * (1 + BETA)) / 2 : growth.window;
    growth.window = Math.max(LEAST_PACKETS, growth.window * BETA);
    growth.threshold = growth.window;
    growth.epochMs = undefined;
  }
}

export const createCubic: CreateCongestionControl = ({ packetBytes }) => new Cubic(packetBytes);
