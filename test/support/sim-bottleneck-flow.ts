/**
 * One flow through a {@link SimBottleneck}: a sender without protocol (every transmission has a
 * number of its own, loss is found by time as in RFC 8985, what was lost is sent again as new) and a
 * receiver that acknowledges every second packet, at once when one is missing, as SCTP does.
 */

import {
  type Ack,
  type CongestionControl,
  Pacer,
  RateSampler,
  type SendStamp,
} from "@beeline/sctp";
import type { SimBottleneck, SimTimeline } from "./sim-bottleneck.ts";
import { Random } from "./sim-random.ts";

export const PACKET_BYTES = 1200;
/** dcSCTP, the stack of Chromium, waits this long for a second packet at most. */
const DELAYED_ACK_MS = 20;
const LEAST_TIMEOUT_MS = 200;
/** Before the first round trip was measured: RFC 6298 section 2.1. */
const FIRST_TIMEOUT_MS = 1_000;

export interface FlowOptions {
  readonly control: CongestionControl;
  /** Both ways, without queue and jitter. */
  readonly rttMs: number;
  /** Added to each packet, uniform from zero; order is kept. */
  readonly jitterMs?: number;
  readonly seed: number;
  readonly startMs?: number;
  /** The owner's timer ticks in whole milliseconds and comes late by up to this. */
  readonly timerLateMs?: number;
  /** True while the application has data; always, if left out. Asked again by `poke`. */
  readonly hasData?: (nowMs: number) => boolean;
  /** Acknowledgements arrive in heaps, this often. */
  readonly ackHeapMs?: number;
  readonly standstills?: Standstills;
}

/** The receiver does not read for a while; what its socket has no room for meanwhile is lost. */
export interface Standstills {
  /** Means; both are drawn between half and one and a half of it. */
  readonly everyMs: number;
  readonly forMs: number;
  readonly roomPackets: number;
}

interface FlyingPacket {
  readonly number: number;
  readonly stamp: SendStamp;
  isAcked: boolean;
}

export class SimFlow {
  readonly control: CongestionControl;
  deliveredBytes = 0;
  sentBytes = 0;
  lostBytes = 0;
  /** Called for every packet that leaves. */
  onSent: (nowMs: number, bytes: number) => void = () => {};

  readonly #timeline: SimTimeline;
  readonly #bottleneck: SimBottleneck;
  readonly #options: FlowOptions;
  readonly #random: Random;
  readonly #pacer: Pacer;
  readonly #sampler = new RateSampler();

  #flying: FlyingPacket[] = [];
  #flyingHead = 0;
  readonly #byNumber = new Map<number, FlyingPacket>();
  #nextNumber = 0;
  #inFlightBytes = 0;
  #largestAcked = -1;
  #recoveryUntil = -1;
  #smoothedRttMs = 0;
  #latestRttMs = 0;
  #minRttMs = Number.POSITIVE_INFINITY;
  #lastProgressMs = 0;
  #idleSinceMs = 0;
  #wasWindowLimited = false;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #isTimeoutSet = false;

  /** What waits for a receiver that stands still; undefined while it reads. */
  #socket: number[] | undefined;
  #received: number[] = [];
  #expected = 0;
  #isMissing = false;
  #ackNumber = 0;
  #lastArrivalMs = 0;
  #lastAckMs = 0;

  constructor(timeline: SimTimeline, bottleneck: SimBottleneck, options: FlowOptions) {
    this.#timeline = timeline;
    this.#bottleneck = bottleneck;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.control = options.control;
    this.#pacer = new Pacer(options.control);
    timeline.at(options.startMs ?? 0, () => this.poke());
    if (options.standstills !== undefined) this.#standStillLater(options.standstills);
  }

  get smoothedRttMs(): number {
    return this.#smoothedRttMs;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Send what may be sent now. */
  poke(): void {
    const nowMs = this.#timeline.nowMs;
    for (;;) {
      if (!(this.#options.hasData?.(nowMs) ?? true)) {
        this.#sampler.markAppLimited(this.#inFlightBytes);
        return;
      }
      if (this.#inFlightBytes === 0 && this.#nextNumber > 0 && this.#idleSinceMs < nowMs) {
        this.control.onIdleRestart(nowMs, this.#idleSinceMs);
        this.#idleSinceMs = nowMs;
      }
      if (this.#inFlightBytes + PACKET_BYTES > this.control.windowBytes) {
        this.#wasWindowLimited = true;
        return;
      }
      if (!this.#pacer.canSend(nowMs, PACKET_BYTES)) return this.#wakeByPacer();
      this.#send(nowMs);
    }
  }

  #wakeByPacer(): void {
    const late = this.#random.between(0, this.#options.timerLateMs ?? 0);
    const wakeAtMs = this.#pacer.wakeAtMs;
    const atMs = this.#options.timerLateMs === undefined ? wakeAtMs : Math.ceil(wakeAtMs) + late;
    if (this.#wakeAtMs <= atMs && this.#wakeAtMs > this.#timeline.nowMs) return;
    this.#wakeAtMs = atMs;
    this.#timeline.at(atMs, () => {
      if (this.#wakeAtMs === atMs) this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.poke();
    });
  }

  #send(nowMs: number): void {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    this.#inFlightBytes += PACKET_BYTES;
    const packet = {
      number,
      stamp: this.#sampler.onSent(nowMs, PACKET_BYTES, this.#inFlightBytes),
      isAcked: false,
    };
    if (this.#inFlightBytes === PACKET_BYTES) this.#lastProgressMs = nowMs;
    this.#flying.push(packet);
    this.#byNumber.set(number, packet);
    this.sentBytes += PACKET_BYTES;
    this.#pacer.onSent(nowMs, PACKET_BYTES);
    this.control.onSent({
      nowMs,
      bytes: PACKET_BYTES,
      inFlightBytes: this.#inFlightBytes,
      isRetransmission: false,
    });
    this.onSent(nowMs, PACKET_BYTES);
    this.#bottleneck.offer(PACKET_BYTES, () => this.#travel(number));
    this.#setTimeout();
  }

  #travel(number: number): void {
    const jitterMs = this.#random.between(0, this.#options.jitterMs ?? 0);
    const atMs = this.#timeline.nowMs + this.#options.rttMs / 2 + jitterMs;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs);
    this.#timeline.at(this.#lastArrivalMs, () => this.#receive(number));
  }

  #standStillLater(standstills: Standstills): void {
    const drawn = (meanMs: number) => meanMs * this.#random.between(0.5, 1.5);
    this.#timeline.at(this.#timeline.nowMs + drawn(standstills.everyMs), () => {
      this.#socket = [];
      this.#timeline.at(this.#timeline.nowMs + drawn(standstills.forMs), () => {
        const waiting = this.#socket ?? [];
        this.#socket = undefined;
        for (const number of waiting) this.#receive(number);
        this.#standStillLater(standstills);
      });
    });
  }

  #receive(number: number): void {
    if (this.#socket !== undefined) {
      const { roomPackets = 0 } = this.#options.standstills ?? {};
      if (this.#socket.length < roomPackets) this.#socket.push(number);
      return;
    }
    this.#received.push(number);
    const isGap = number !== this.#expected;
    this.#expected = number + 1;
    // RFC 9260 section 6.7: every packet is acknowledged while one is missing, for about a round trip.
    if (isGap) {
      this.#isMissing = true;
      this.#timeline.at(this.#timeline.nowMs + this.#smoothedRttMs, () => {
        this.#isMissing = false;
      });
    }
    if (this.#received.length >= 2 || this.#isMissing) return this.#acknowledge();
    const ackNumber = this.#ackNumber;
    this.#timeline.at(this.#timeline.nowMs + DELAYED_ACK_MS, () => {
      if (this.#ackNumber === ackNumber) this.#acknowledge();
    });
  }

  #acknowledge(): void {
    this.#ackNumber += 1;
    const numbers = this.#received;
    this.#received = [];
    let atMs = this.#timeline.nowMs + this.#options.rttMs / 2;
    const heapMs = this.#options.ackHeapMs;
    if (heapMs !== undefined) atMs = Math.ceil(atMs / heapMs) * heapMs;
    this.#lastAckMs = Math.max(this.#lastAckMs, atMs);
    this.#timeline.at(this.#lastAckMs, () => this.#onAck(numbers));
  }

  #onAck(numbers: readonly number[]): void {
    const nowMs = this.#timeline.nowMs;
    const priorInFlightBytes = this.#inFlightBytes;
    let ackedBytes = 0;
    let newest: FlyingPacket | undefined;
    for (const number of numbers) {
      const packet = this.#byNumber.get(number);
      if (packet === undefined) continue;
      this.#byNumber.delete(number);
      packet.isAcked = true;
      ackedBytes += PACKET_BYTES;
      newest = packet;
      this.#sampler.onDelivered(nowMs, PACKET_BYTES, packet.stamp);
    }
    this.#inFlightBytes -= ackedBytes;
    this.deliveredBytes += ackedBytes;
    if (newest !== undefined) {
      this.#lastProgressMs = nowMs;
      this.#largestAcked = Math.max(this.#largestAcked, newest.number);
      this.#noteRtt(nowMs - newest.stamp.sentAtMs);
    }
    const lostBytes = this.#findLost(nowMs);
    if (newest === undefined && lostBytes === 0) return;
    if (this.#recoveryUntil >= 0 && this.#largestAcked >= this.#recoveryUntil) {
      this.#recoveryUntil = -1;
      this.control.onRecoveryEnd(nowMs, this.#inFlightBytes);
    }
    this.#tell(nowMs, ackedBytes, lostBytes, priorInFlightBytes, newest !== undefined);
    if (this.#inFlightBytes === 0) this.#idleSinceMs = nowMs;
    this.poke();
  }

  #tell(
    nowMs: number,
    ackedBytes: number,
    lostBytes: number,
    priorInFlightBytes: number,
    hasRtt: boolean,
  ): void {
    if (lostBytes > 0 && this.#recoveryUntil < 0) {
      this.#recoveryUntil = this.#nextNumber;
      this.control.onRecoveryStart(nowMs, this.#inFlightBytes);
    }
    const ack: Ack = {
      nowMs,
      ackedBytes,
      lostBytes,
      priorInFlightBytes,
      inFlightBytes: this.#inFlightBytes,
      deliveredBytes: this.#sampler.deliveredBytes,
      totalLostBytes: this.#sampler.lostBytes,
      totalLossRuns: this.#sampler.lossRuns,
      rttMs: hasRtt ? this.#latestRttMs : undefined,
      smoothedRttMs: this.#smoothedRttMs,
      rate: this.#sampler.takeSample(this.#minRttMs),
      isWindowLimited: this.#wasWindowLimited,
    };
    this.#wasWindowLimited = false;
    this.control.onAck(ack);
  }

  #noteRtt(rttMs: number): void {
    this.#latestRttMs = rttMs;
    this.#minRttMs = Math.min(this.#minRttMs, rttMs);
    this.#smoothedRttMs =
      this.#smoothedRttMs === 0 ? rttMs : this.#smoothedRttMs + (rttMs - this.#smoothedRttMs) / 8;
  }

  /** RFC 8985 section 6.2: lost is what was sent a round trip and a quarter before, when later ones arrived. */
  #findLost(nowMs: number): number {
    let lostBytes = 0;
    const toleranceMs = this.#minRttMs / 4;
    for (; this.#flyingHead < this.#flying.length; this.#flyingHead += 1) {
      const packet = this.#flying[this.#flyingHead] as FlyingPacket;
      if (packet.isAcked) continue;
      if (packet.number > this.#largestAcked) break;
      const lostAtMs = packet.stamp.sentAtMs + this.#latestRttMs + toleranceMs;
      if (nowMs < lostAtMs - 1e-9) {
        this.#timeline.at(lostAtMs, () => this.#onAck([]));
        break;
      }
      lostBytes += this.#lose(packet);
    }
    if (this.#flyingHead > 1024) {
      this.#flying = this.#flying.slice(this.#flyingHead);
      this.#flyingHead = 0;
    }
    return lostBytes;
  }

  #lose(packet: FlyingPacket): number {
    this.#byNumber.delete(packet.number);
    packet.isAcked = true;
    this.#inFlightBytes -= PACKET_BYTES;
    this.lostBytes += PACKET_BYTES;
    this.#sampler.onLost(PACKET_BYTES, packet.number);
    return PACKET_BYTES;
  }

  #timeoutMs(): number {
    if (this.#smoothedRttMs === 0) return FIRST_TIMEOUT_MS;
    return Math.max(LEAST_TIMEOUT_MS, 3 * this.#smoothedRttMs);
  }

  #setTimeout(): void {
    if (this.#isTimeoutSet) return;
    this.#isTimeoutSet = true;
    this.#timeline.at(this.#lastProgressMs + this.#timeoutMs(), () => {
      this.#isTimeoutSet = false;
      if (this.#inFlightBytes === 0) return;
      if (this.#timeline.nowMs >= this.#lastProgressMs + this.#timeoutMs() - 1e-9) this.#timeOut();
      this.#setTimeout();
    });
  }

  #timeOut(): void {
    for (const packet of this.#byNumber.values()) this.#lose(packet);
    this.#lastProgressMs = this.#timeline.nowMs;
    this.#recoveryUntil = this.#nextNumber;
    this.control.onTimeout(this.#timeline.nowMs, this.#inFlightBytes);
    this.poke();
  }
}
