/**
 * What decides how much may be on the way, as a port: told of every packet sent, acknowledged and
 * lost, it answers with a window and a pace. It knows no TSNs, no chunks and no clock.
 *
 * Units everywhere: bytes (as counted by {@link RateSampler}: whole SCTP packets), milliseconds
 * (fractions allowed), bytes per millisecond (1 = 8 kbit/s).
 */

/** A packet of data as it leaves. */
export interface SentPacket {
  readonly nowMs: number;
  readonly bytes: number;
  /** On the way once this packet is counted. */
  readonly inFlightBytes: number;
  readonly isRetransmission: boolean;
}

/**
 * A rate sample, draft-ietf-ccwg-bbr section 4.1 (delivery rate): what one SACK tells of the newest
 * packet among those it acknowledges.
 */
export interface RateSample {
  /** Delivered over the interval; undefined when the interval is too short or no packet is new. */
  readonly bytesPerMs: number | undefined;
  readonly isAppLimited: boolean;
  /** `deliveredBytes` when that packet was sent: a round trip ends when it reaches the last mark. */
  readonly priorDeliveredBytes: number;
  /** In flight right after that packet was sent. */
  readonly sentInFlightBytes: number;
  /** Lost while it was on its way, and in how many runs of neighbours. */
  readonly lostBytes: number;
  readonly lossRuns: number;
}

/** One SACK. */
export interface Ack {
  readonly nowMs: number;
  /** Newly acknowledged by this SACK, cumulative or by gap. */
  readonly ackedBytes: number;
  /** Newly declared lost while this SACK was processed. */
  readonly lostBytes: number;
  /** Before and after both were taken off. */
  readonly priorInFlightBytes: number;
  readonly inFlightBytes: number;
  /** All that was ever delivered, ever lost, and in how many runs. */
  readonly deliveredBytes: number;
  readonly totalLostBytes: number;
  readonly totalLossRuns: number;
  /** Of the newest packet acknowledged, if never retransmitted (Karn); includes the ack delay. */
  readonly rttMs: number | undefined;
  readonly smoothedRttMs: number;
  readonly rate: RateSample;
  /** The sender would have sent more if the controller had let it. */
  readonly isWindowLimited: boolean;
}

/** Of one SACK, `onRecoveryStart` and `onRecoveryEnd` are told before `onAck`. */
export interface CongestionControl {
  readonly name: string;
  /** Bytes that may be in flight. */
  readonly windowBytes: number;
  /** The pace; Infinity sends as the window allows. */
  readonly pacingBytesPerMs: number;
  /** Bytes that may leave at once under that pace (a quantum), at least one packet. */
  readonly burstBytes: number;
  onSent(packet: SentPacket): void;
  onAck(ack: Ack): void;
  /** The first loss of a recovery episode was found; one episode lasts until what was in flight then is acknowledged. */
  onRecoveryStart(nowMs: number, inFlightBytes: number): void;
  onRecoveryEnd(nowMs: number, inFlightBytes: number): void;
  /** The retransmission timer fired: everything in flight is taken for lost. */
  onTimeout(nowMs: number, inFlightBytes: number): void;
  /** Losses of the last episode (or the timeout) turned out to be late, not lost: undo. */
  onSpurious(nowMs: number): void;
  /** Sending begins again after nothing was in flight since `idleSinceMs`. */
  onIdleRestart(nowMs: number, idleSinceMs: number): void;
  /** The largest packet, which path discovery may change. */
  onPacketSize(bytes: number): void;
}

export type CreateCongestionControl = (options: {
  readonly packetBytes: number;
  /** Uniform in [0, 1): BBR's probing times must not march in step with a neighbour's. */
  readonly random: () => number;
}) => CongestionControl;
