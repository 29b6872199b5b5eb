/**
 * When to send a SACK: RFC 9260 section 6.2. Every second packet with data, soon after a single one,
 * and at once when the sender has something to learn or waits for us. Packets that arrive in one batch
 * share one SACK, as it is built only when a packet goes out.
 */

/**
 * How long a single packet waits for company. RFC 9260 allows 500 ms and suggests 200. It is part of
 * what the sender measures as round trip and of its probe for a lost tail, so we take what QUIC takes
 * (RFC 9000 section 18.2): at most forty small packets a second.
 */
export const ACK_DELAY_MS = 25;

/** RFC 9260 section 6.2: "at least one SACK for every second packet". */
const PACKETS_PER_ACK = 2;

/** A sender that was silent this long starts from a small window and waits for every answer. */
const SILENCE_MS = 4 * ACK_DELAY_MS;

/** What a packet that held DATA or FORWARD TSN was like. */
export interface PacketNews {
  /** A chunk had the I bit: RFC 7053, now RFC 9260 section 3.3.1. */
  readonly isImmediate: boolean;
  /** A duplicate, or data that was refused: the sender's picture is wrong (section 6.2). */
  readonly isOdd: boolean;
  /** Something is missing, or was until this packet (section 6.7). */
  readonly hasGap: boolean;
}

export class AckPolicy {
  #waitingPackets = 0;
  #isUrgent = false;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #lastPacketAtMs = Number.NEGATIVE_INFINITY;

  onPacket(news: PacketNews, nowMs: number): void {
    const wasSilent = nowMs - this.#lastPacketAtMs >= SILENCE_MS;
    this.#lastPacketAtMs = nowMs;
    this.#waitingPackets += 1;
    if (news.isImmediate || news.isOdd || news.hasGap || wasSilent) this.#isUrgent = true;
    if (this.#waitingPackets >= PACKETS_PER_ACK) this.#isUrgent = true;
    this.#dueAtMs = Math.min(this.#dueAtMs, nowMs + ACK_DELAY_MS);
  }

  /** The next packet out carries a SACK: for shutdown, and when the window opened again. */
  demand(): void {
    this.#isUrgent = true;
  }

  isDue(nowMs: number): boolean {
    return this.#isUrgent || nowMs >= this.#dueAtMs;
  }

  /** Something came since the last SACK: a packet that goes out anyway may carry one. */
  get isWanted(): boolean {
    return this.#isUrgent || this.#waitingPackets > 0;
  }

  /** A SACK left. */
  onSent(): void {
    this.#waitingPackets = 0;
    this.#isUrgent = false;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
  }

  /** When a SACK is due; -Infinity for at once, Infinity for none. */
  get wakeAtMs(): number {
    return this.#isUrgent ? Number.NEGATIVE_INFINITY : this.#dueAtMs;
  }
}
