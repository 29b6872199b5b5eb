/**
 * One direction of a network between two associations, in virtual time and from a seed: delay and
 * jitter, reordering, loss at random and in bursts, duplication, corruption, a rate with a drop-tail
 * queue, a largest packet, darkness. It counts what user data was sent, sent again and lost.
 */
import { PacketWriter, readPacket } from "@beeline/sctp";
import type { VirtualClock } from "./sim-clock.ts";
import type { Random } from "./sim-random.ts";

export interface LinkTraits {
  readonly delayMs: number;
  /** Added at random; packets keep their order. */
  readonly jitterMs: number;
  /** Share of packets that others overtake, and by how long. */
  readonly reorderRate: number;
  readonly reorderMs: number;
  readonly lossRate: number;
  /** Share of packets at which a burst begins, and how many it takes on average. */
  readonly burstRate: number;
  readonly burstPackets: number;
  readonly duplicateRate: number;
  readonly corruptRate: number;
  readonly bytesPerMs: number;
  readonly queueBytes: number;
  readonly maxPacketBytes: number;
  /** SACKs that pass are cut to so many gaps: dcSCTP in Chromium lists 20 at the most. */
  readonly mostGaps: number;
}

const MOST_PACKET_BYTES = 1500;

/** Who sends a packet now and then meets a burst, not darkness. */
const MOST_BURST_MS = 100;

/** A quiet line of 10 ms. */
export const QUIET: LinkTraits = {
  delayMs: 10,
  jitterMs: 0,
  reorderRate: 0,
  reorderMs: 0,
  lossRate: 0,
  burstRate: 0,
  burstPackets: 1,
  duplicateRate: 0,
  corruptRate: 0,
  bytesPerMs: Number.POSITIVE_INFINITY,
  queueBytes: Number.POSITIVE_INFINITY,
  maxPacketBytes: 1500,
  mostGaps: Number.POSITIVE_INFINITY,
};

export interface LinkFigures {
  packets: number;
  bytes: number;
  lostPackets: number;
  /** User data, headers of chunks not counted. */
  dataBytes: number;
  resentBytes: number;
  lostDataBytes: number;
  duplicated: number;
  corrupted: number;
  /** The longest that a packet waited for the line. */
  maxQueueMs: number;
}

export interface SctpLinkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly traits: LinkTraits;
  /** DTLS drops what was changed on the way; without it the checksum has to. */
  readonly dropsCorrupted: boolean;
  readonly deliver: (packet: Uint8Array) => void;
}

export class SctpLink {
  traits: LinkTraits;
  isDark = false;
  /** What the last SACK that passed here said. */
  toldWindowBytes = 0;
  readonly figures: LinkFigures = {
    packets: 0,
    bytes: 0,
    lostPackets: 0,
    dataBytes: 0,
    resentBytes: 0,
    lostDataBytes: 0,
    duplicated: 0,
    corrupted: 0,
    maxQueueMs: 0,
  };

  readonly #options: SctpLinkOptions;
  readonly #sentTsns = new Set<number>();
  readonly #writer = new PacketWriter(MOST_PACKET_BYTES);
  #isInBurst = false;
  #burstEndsAtMs = 0;
  #lineFreeAtMs = 0;
  #lastArrivalMs = 0;

  constructor(options: SctpLinkOptions) {
    this.#options = options;
    this.traits = options.traits;
  }

  send(packet: Uint8Array): void {
    const { random } = this.#options;
    const dataBytes = this.#count(packet);
    if (this.#isLost(packet)) {
      this.figures.lostPackets += 1;
      this.figures.lostDataBytes += dataBytes;
      return;
    }
    this.#deliver(packet);
    if (random.chance(this.traits.duplicateRate)) {
      this.figures.duplicated += 1;
      this.#deliver(packet);
    }
  }

  /** TSNs on both sides of 2^32 were sent. */
  get hasWrapped(): boolean {
    return this.#sentTsns.has(0xffff_ffff) && this.#sentTsns.has(0);
  }

  #count(packet: Uint8Array): number {
    this.figures.packets += 1;
    this.figures.bytes += packet.byteLength;
    const reading = readPacket(packet, { acceptsZeroChecksum: true });
    if (reading.kind === "dropped") throw new Error(`it sent what is no packet: ${reading.reason}`);
    let dataBytes = 0;
    for (const chunk of reading.chunks) {
      if (chunk.type === "sack") this.toldWindowBytes = chunk.receiveWindowBytes;
      if (chunk.type !== "data") continue;
      dataBytes += chunk.payload.byteLength;
      if (this.#sentTsns.has(chunk.tsn)) this.figures.resentBytes += chunk.payload.byteLength;
      this.#sentTsns.add(chunk.tsn);
    }
    this.figures.dataBytes += dataBytes;
    return dataBytes;
  }

  #isLost(packet: Uint8Array): boolean {
    const { clock, random } = this.#options;
    const { traits } = this;
    if (this.isDark || packet.byteLength > traits.maxPacketBytes) return true;
    if (this.#isInBurst) {
      this.#isInBurst =
        clock.nowMs < this.#burstEndsAtMs && !random.chance(1 / traits.burstPackets);
      return true;
    }
    if (random.chance(traits.burstRate)) {
      this.#isInBurst = true;
      this.#burstEndsAtMs = clock.nowMs + MOST_BURST_MS;
      return true;
    }
    if (random.chance(traits.lossRate)) return true;
    const waitingMs = Math.max(0, this.#lineFreeAtMs - clock.nowMs);
    return waitingMs > 0 && waitingMs * traits.bytesPerMs + packet.byteLength > traits.queueBytes;
  }

  #withFewGaps(packet: Uint8Array): Uint8Array {
    const { mostGaps } = this.traits;
    if (mostGaps === Number.POSITIVE_INFINITY) return packet;
    const reading = readPacket(packet, { acceptsZeroChecksum: true });
    if (reading.kind === "dropped") return packet;
    this.#writer.begin(reading.header, packet.byteLength);
    for (const chunk of reading.chunks) {
      const cut = chunk.type === "sack" ? { ...chunk, gaps: chunk.gaps.slice(0, mostGaps) } : chunk;
      this.#writer.append(cut);
    }
    return this.#writer.finish({ zeroChecksum: false });
  }

  #deliver(packet: Uint8Array): void {
    const { clock, random, dropsCorrupted, deliver } = this.#options;
    const { traits } = this;
    const copy = this.#withFewGaps(packet).slice();
    const beginsAtMs = Math.max(clock.nowMs, this.#lineFreeAtMs);
    this.figures.maxQueueMs = Math.max(this.figures.maxQueueMs, beginsAtMs - clock.nowMs);
    this.#lineFreeAtMs = beginsAtMs + packet.byteLength / traits.bytesPerMs;
    if (random.chance(traits.corruptRate)) {
      this.figures.corrupted += 1;
      this.figures.lostDataBytes += packet.byteLength;
      if (dropsCorrupted) return;
      const at = random.whole(0, copy.byteLength - 1);
      copy[at] = (copy[at] as number) ^ (1 << random.whole(0, 7));
    }
    const arrivalMs = this.#lineFreeAtMs + traits.delayMs + random.between(0, traits.jitterMs);
    if (random.chance(traits.reorderRate)) {
      clock.at(arrivalMs + random.between(0, traits.reorderMs), () => deliver(copy));
      return;
    }
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, arrivalMs);
    clock.at(this.#lastArrivalMs, () => deliver(copy));
  }
}
