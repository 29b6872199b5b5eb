/**
 * The neighbour: TCP CUBIC about as Linux has it (RFC 9438, HyStart by delay, no pacing, bursts by
 * the clock of acknowledgements), written apart from ours so that it is nobody's relative.
 */

import type { Ack, CongestionControl } from "@beeline/sctp";

const C = 0.4;
const BETA = 0.7;

export class LinuxCubic implements CongestionControl {
  readonly name = "linux-cubic";
  readonly pacingBytesPerMs = Number.POSITIVE_INFINITY;
  readonly burstBytes = Number.POSITIVE_INFINITY;

  #packetBytes: number;
  #windowPackets = 10;
  #thresholdPackets = Number.POSITIVE_INFINITY;
  #maxPackets = 0;
  #epochMs: number | undefined;
  #originPackets = 0;
  #kSeconds = 0;
  #renoPackets = 0;

  #minRttMs = Number.POSITIVE_INFINITY;
  #roundEndBytes = 0;
  #roundRttMs = Number.POSITIVE_INFINITY;
  #roundSamples = 0;

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  get windowBytes(): number {
    return this.#windowPackets * this.#packetBytes;
  }

  onSent(): void {}

  onAck(ack: Ack): void {
    if (ack.rttMs !== undefined) this.#minRttMs = Math.min(this.#minRttMs, ack.rttMs);
    const acked = ack.ackedBytes / this.#packetBytes;
    if (!ack.isWindowLimited && ack.priorInFlightBytes < this.windowBytes / 2) return;
    if (this.#windowPackets < this.#thresholdPackets) {
      this.#windowPackets += acked;
      this.#watchDelay(ack);
      return;
    }
    this.#avoidCongestion(ack.nowMs, acked, ack.smoothedRttMs);
  }

  /** hystart_delay_min of tcp_cubic.c: the round's shortest of 8 samples an eighth above the shortest. */
  #watchDelay(ack: Ack): void {
    if (ack.rate.priorDeliveredBytes >= this.#roundEndBytes) {
      this.#roundEndBytes = ack.deliveredBytes;
      this.#roundRttMs = Number.POSITIVE_INFINITY;
      this.#roundSamples = 0;
    }
    if (ack.rttMs === undefined || this.#windowPackets < 16) return;
    this.#roundRttMs = Math.min(this.#roundRttMs, ack.rttMs);
    this.#roundSamples += 1;
    const margin = Math.min(16, Math.max(4, this.#minRttMs / 8));
    if (this.#roundSamples >= 8 && this.#roundRttMs > this.#minRttMs + margin) {
      this.#thresholdPackets = this.#windowPackets;
    }
  }

  #avoidCongestion(nowMs: number, acked: number, rttMs: number): void {
    if (this.#epochMs === undefined) {
      this.#epochMs = nowMs;
      this.#renoPackets = this.#windowPackets;
      this.#originPackets = Math.max(this.#maxPackets, this.#windowPackets);
      this.#kSeconds = Math.cbrt((this.#originPackets - this.#windowPackets) / C);
    }
    const t = (nowMs + rttMs - this.#epochMs) / 1000 - this.#kSeconds;
    const target = this.#originPackets + C * t * t * t;
    this.#renoPackets += (((3 * (1 - BETA)) / (1 + BETA)) * acked) / this.#windowPackets;
    const goal = Math.max(Math.min(target, 1.5 * this.#windowPackets), this.#renoPackets);
    if (goal > this.#windowPackets) {
      this.#windowPackets += ((goal - this.#windowPackets) / this.#windowPackets) * acked;
    }
  }

  onRecoveryStart(): void {
    const isFalling = this.#windowPackets < this.#maxPackets;
    this.#maxPackets = isFalling ? (this.#windowPackets * (1 + BETA)) / 2 : this.#windowPackets;
    this.#windowPackets = Math.max(2, this.#windowPackets * BETA);
    this.#thresholdPackets = this.#windowPackets;
    this.#epochMs = undefined;
  }

  onRecoveryEnd(): void {}

  onTimeout(): void {
    this.onRecoveryStart();
    this.#windowPackets = 2;
  }

  onSpurious(): void {}

  onIdleRestart(): void {
    this.#epochMs = undefined;
  }

  onPacketSize(bytes: number): void {
    this.#packetBytes = bytes;
  }
}
