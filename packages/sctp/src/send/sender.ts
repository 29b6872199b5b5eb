/**
 * The sending half of an association: what of the user's data may leave now, what a SACK means for
 * it, and when to look again. It puts chunks into packets that the association began.
 *
 * Order of a turn: `tick`, then while `maySend`: `fill` and, when it put anything in, `onPacket`.
 */

import type { CongestionControl } from "../congestion/congestion-control.ts";
import { Pacer } from "../congestion/pacer.ts";
import { RateSampler } from "../congestion/rate-sampler.ts";
import type { SackChunk } from "../wire/chunk.ts";
import { PACKET_HEADER_BYTES, padded } from "../wire/chunk-type.ts";
import { type DataFields, dataChunkBytes, type PacketWriter } from "../wire/packet-writer.ts";
import { Abandonment } from "./abandonment.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { InFlight, NONE } from "./in-flight.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";
import { OutgrownTries } from "./outgrown.ts";
import { RoundTrip } from "./rto.ts";
import type { SendQueue } from "./send-queue.ts";
import { TailTimer } from "./tail-timer.ts";

type MutableFields = { -readonly [Key in keyof DataFields]: DataFields[Key] };

export interface SenderOptions {
  readonly initialTsn: number;
  readonly congestion: CongestionControl;
  readonly packetBytes: number;
  /** Its `onExpired` must reach `abandonment` here. */
  readonly queue: SendQueue;
}

export class Sender {
  readonly queue: SendQueue;
  readonly roundTrip = new RoundTrip();
  readonly abandonment: Abandonment;

  #packetBytes: number;
  readonly #book: InFlight;
  readonly #congestion: CongestionControl;
  readonly #pacer: Pacer;
  readonly #sampler = new RateSampler();
  readonly #tail: TailTimer;
  readonly #acks: Acknowledgements;

  /** The next packet may leave whatever window and pace say: a probe, or the first after a time-out. */
  #isFree = false;
  /** The next packet repairs what is told of although the window is full. */
  #passesWindow = false;
  #isProbing = false;
  readonly #tries = new OutgrownTries();
  /** The next packet is a chunk that became too large, alone. */
  #isTrying = false;
  #tried = NONE;
  #triedBytes = 0;
  /** One was tried, and no heartbeat was sent after it yet. */
  #isTryUnproved = false;
  #isPaced = false;
  #nowMs = 0;

  // What is in the packet being filled.
  readonly #packet: number[] = [];
  #packetChunkBytes = 0;
  #hasRetransmission = false;
  readonly #fields: MutableFields = {
    isInterleaved: false,
    tsn: 0,
    streamId: 0,
    messageId: 0,
    fragment: 0,
    protocolId: 0,
    isFirst: false,
    isLast: false,
    isUnordered: false,
    isImmediate: false,
  };

  constructor(options: SenderOptions) {
    this.#packetBytes = options.packetBytes;
    this.#congestion = options.congestion;
    this.#pacer = new Pacer(options.congestion);
    this.#book = new InFlight(options.initialTsn);
    this.queue = options.queue;
    this.abandonment = new Abandonment(this.#book, this.queue);
    this.#tail = new TailTimer(this.#book, this.roundTrip);
    this.#acks = new Acknowledgements({
      book: this.#book,
      roundTrip: this.roundTrip,
      tail: this.#tail,
      sampler: this.#sampler,
      congestion: this.#congestion,
      abandonment: this.abandonment,
      basePacketBytes: options.packetBytes,
    });
  }

  /** The largest packet to fill, which path discovery changes. */
  get packetBytes(): number {
    return this.#packetBytes;
  }

  setPacketBytes(bytes: number): void {
    this.#packetBytes = bytes;
    this.#acks.largeLosses.onPacketSize(bytes);
    if (bytes >= this.#triedBytes) this.#tries.reset();
    // What was too large may fit again.
    this.#book.sortLost();
    this.#isTrying = false;
  }

  /** From INIT or INIT ACK; SACKs go on from there (RFC 9260 section 6.2.1 rule A). */
  setPeerWindow(bytes: number): void {
    this.#acks.setPeerWindow(bytes);
  }

  /** Time-outs in a row. */
  get timeouts(): number {
    return this.#acks.timeouts;
  }

  get hasFailed(): boolean {
    return this.#acks.hasFailed;
  }

  /** Large packets are lost, one after the other, and none arrives. */
  get isLosingLarge(): boolean {
    return this.#acks.largeLosses.isRule;
  }

  /** The path takes packets, but none that is large enough for what has to be sent again. */
  get hasOutgrownPath(): boolean {
    return this.#tries.isHopeless;
  }

  /** Nothing waits, nothing is on the way. */
  get isIdle(): boolean {
    return this.queue.bufferedBytes === 0 && this.#book.isEmpty;
  }

  /** Everything up to this TSN is acknowledged, or skipped. */
  isAcked(tsn: number): boolean {
    return this.#book.ordinalOf(tsn) < this.#book.first;
  }

  /** The last TSN given. */
  get lastTsn(): number {
    return this.#book.tsnOf(this.#book.next - 1);
  }

  get wakeAtMs(): number {
    return Math.min(
      this.#tail.wakeAtMs,
      this.#acks.wakeAtMs,
      this.#isPaced ? this.#pacer.wakeAtMs : Number.POSITIVE_INFINITY,
      this.abandonment.wakeAtMs(this.roundTrip.timeoutMs),
      this.#book.firstAside() === NONE ? Number.POSITIVE_INFINITY : this.#tries.nextAtMs,
    );
  }

  /** What falls due by time. */
  tick(nowMs: number): void {
    this.#acks.tick(nowMs);
    const due = this.#tail.due(nowMs);
    if (due !== undefined) {
      this.#isFree = true;
      this.#isProbing = due === "probe";
      if (due === "timeout") this.#acks.onTimeout(nowMs);
    }
    this.#nextLost();
    this.#isTrying = nowMs >= this.#tries.nextAtMs && this.#firstToTry(nowMs) !== NONE;
  }

  /** True once after a chunk that became too large was tried: a heartbeat is to follow it. */
  takeTry(): boolean {
    const isUnproved = this.#isTryUnproved;
    this.#isTryUnproved = false;
    return isUnproved;
  }

  /** @param sentAtMs when the heartbeat left that was answered now. */
  onHeartbeatAnswered(sentAtMs: number): void {
    this.#tries.onHeartbeatAnswered(sentAtMs);
  }

  onSack(sack: SackChunk, nowMs: number): void {
    this.#acks.onSack(sack, nowMs);
    const hasArrived = this.#tried < this.#book.first || this.#book.isAcked(this.#tried);
    if (this.#tried === NONE || !hasArrived) return;
    this.#tried = NONE;
    this.#tries.reset();
  }

  /** The cumulative acknowledgement of a SHUTDOWN. */
  onCumulativeTsn(tsn: number, nowMs: number): void {
    this.#acks.onCumulativeTsn(tsn, nowMs);
  }

  maySend(nowMs: number): boolean {
    this.#isPaced = false;
    this.#passesWindow = false;
    if (this.#isTrying) return true;
    const hasLost = this.#nextLost() !== NONE;
    if (!hasLost && !this.#hasNew() && !this.#isProbing) {
      if (this.#book.inFlightBytes < this.#congestion.windowBytes) {
        this.#sampler.markAppLimited(this.#book.inFlightBytes);
      }
      return false;
    }
    if (this.#isFree) return true;
    // RFC 9260 section 6.1 B.
    const { inFlightBytes } = this.#book;
    const isFull = inFlightBytes >= this.#congestion.windowBytes && inFlightBytes > 0;
    this.#passesWindow = isFull && this.#acks.mayPassWindow;
    if (isFull && !this.#passesWindow) {
      this.#acks.isWindowLimited = true;
      return false;
    }
    const bytes = hasLost ? this.packetBytes : this.#nextPacketBytes();
    this.#isPaced = !this.#pacer.canSend(nowMs, bytes);
    return !this.#isPaced;
  }

  /** How large the next packet must be allowed to be: chunks sent when the path took more stay whole. */
  get leastPacketBytes(): number {
    const ordinal = this.#isTrying ? this.#book.firstAside() : NONE;
    return ordinal === NONE ? this.packetBytes : this.#packetBytesOf(ordinal);
  }

  /** Puts into the packet what fits. */
  fill(writer: PacketWriter, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#acks.idleSinceMs !== undefined) {
      this.#congestion.onIdleRestart(nowMs, this.#acks.idleSinceMs);
      this.#acks.idleSinceMs = undefined;
    }
    if (this.#book.inFlightBytes === 0) this.#acks.onFirstSent(nowMs);
    if (this.#isTrying) {
      this.#fillTry(writer);
      return;
    }
    if (this.#isProbing && this.#acks.mustProbeOldest) this.#fillProbe(writer);
    this.#fillLost(writer);
    if (!this.#passesWindow) this.#fillNew(writer);
    // What was lost is as good a probe (RFC 8985 section 7.2).
    if (this.#isProbing && this.#packet.length > 0) this.#endProbe(NONE);
    if (this.#isProbing) this.#fillProbe(writer);
  }

  /** The packet is complete. Does nothing when it holds no user data. */
  onPacket(packetBytes: number, nowMs: number): void {
    const first = this.#packet[0];
    if (first === undefined) return;
    this.#book.addWireBytes(first, packetBytes - this.#packetChunkBytes);
    const stamp = this.#sampler.onSent(nowMs, packetBytes, this.#book.inFlightBytes);
    const { inFlightBytes } = this.#book;
    for (const ordinal of this.#packet) this.#book.setStamp(ordinal, stamp);
    this.#pacer.onSent(nowMs, packetBytes);
    const isRetransmission = this.#hasRetransmission;
    this.#congestion.onSent({ nowMs, bytes: packetBytes, inFlightBytes, isRetransmission });
    this.#tail.onSent(nowMs);
    if (this.#passesWindow) this.#acks.onPassedWindow();
    this.#passesWindow = false;
    // A packet that may be lost for its size is not what tells whether the path lives.
    if (!this.#isTrying) this.#isFree = false;
    this.#isTrying = false;
    this.#packet.length = 0;
    this.#packetChunkBytes = 0;
    this.#hasRetransmission = false;
  }

  #hasNew(): boolean {
    if (this.queue.bufferedBytes === 0) return false;
    const unacked = this.#book.unackedPayloadBytes;
    // RFC 9260 section 6.1 A: with nothing on the way one chunk may always go, to probe the window.
    if (unacked === 0) return true;
    const wanted = Math.min(this.queue.bufferedBytes, this.packetBytes);
    return unacked + wanted <= this.#acks.peerWindowBytes;
  }

  #nextPacketBytes(): number {
    return Math.min(this.packetBytes, this.queue.bufferedBytes + 32);
  }

  /** The next to be sent again in its turn; what is too large for that is set aside. */
  #nextLost(): number {
    for (;;) {
      const ordinal = this.#book.firstLost();
      if (ordinal === NONE || this.#fits(ordinal)) return ordinal;
      this.#book.setAside();
    }
  }

  #fits(ordinal: number): boolean {
    return this.#packetBytesOf(ordinal) <= this.packetBytes;
  }

  /** Of one that holds nothing else. */
  #packetBytesOf(ordinal: number): number {
    const { isInterleaved } = this.queue;
    return PACKET_HEADER_BYTES + padded(dataChunkBytes(isInterleaved, this.#book.length(ordinal)));
  }

  #firstToTry(nowMs: number): number {
    for (;;) {
      const ordinal = this.#book.firstAside();
      const message = ordinal === NONE ? undefined : this.#book.message(ordinal);
      if (message === undefined) return NONE;
      if (!this.abandonment.isGivenUp(ordinal, message, nowMs)) return ordinal;
      this.abandonment.abandon(message);
    }
  }

  #fillTry(writer: PacketWriter): void {
    const ordinal = this.#book.firstAside();
    const message = ordinal === NONE ? undefined : this.#book.message(ordinal);
    if (message === undefined) return;
    // Beside anything else there is no room: it is the next packet's turn.
    if (!this.#append(writer, ordinal, message, true)) return;
    this.#tries.onTried(this.#nowMs, this.roundTrip.smoothedMs);
    this.#tried = ordinal;
    this.#triedBytes = this.#packetBytesOf(ordinal);
    this.#isTryUnproved = true;
  }

  #fillLost(writer: PacketWriter): void {
    for (;;) {
      const ordinal = this.#nextLost();
      if (ordinal === NONE) return;
      const message = this.#book.message(ordinal) as OutgoingMessage;
      if (this.abandonment.isGivenUp(ordinal, message, this.#nowMs)) {
        this.abandonment.abandon(message);
        continue;
      }
      if (!this.#append(writer, ordinal, message, this.#isFree)) return;
    }
  }

  #fillNew(writer: PacketWriter): void {
    while (this.#hasNew()) {
      const room = writer.remaining - dataChunkBytes(this.queue.isInterleaved, 0);
      const fragment = this.queue.take(room, this.#nowMs);
      if (fragment === undefined) return;
      const ordinal = this.#book.number(fragment);
      // RFC 7053: nothing follows that would make the other side acknowledge.
      const isImmediate = this.queue.bufferedBytes === 0 || this.#isProbing;
      this.#append(writer, ordinal, fragment.message, isImmediate);
      if (this.#isProbing) this.#endProbe(NONE);
    }
  }

  /** RFC 8985 section 7.3: the newest once more, when there was nothing new to probe with. */
  #fillProbe(writer: PacketWriter): void {
    const ordinal = this.#acks.probeOrdinal;
    const message = ordinal === NONE ? undefined : this.#book.message(ordinal);
    if (ordinal === NONE || message === undefined || !this.#fits(ordinal)) {
      this.#endProbe(NONE);
      return;
    }
    if (this.abandonment.isGivenUp(ordinal, message, this.#nowMs)) {
      this.abandonment.abandon(message);
      this.#endProbe(NONE);
    } else if (this.#append(writer, ordinal, message, true)) this.#endProbe(ordinal);
  }

  #endProbe(ordinal: number): void {
    this.#isProbing = false;
    this.#tail.onProbe(this.#nowMs, ordinal);
  }

  #append(
    writer: PacketWriter,
    ordinal: number,
    message: OutgoingMessage,
    isImmediate: boolean,
  ): boolean {
    const offset = this.#book.offset(ordinal);
    const length = this.#book.length(ordinal);
    const fields = this.#fields;
    fields.isInterleaved = this.queue.isInterleaved;
    fields.tsn = this.#book.tsnOf(ordinal);
    fields.streamId = message.streamId;
    fields.messageId = message.messageId;
    fields.fragment = this.#book.fragment(ordinal);
    fields.protocolId = message.protocolId;
    fields.isFirst = offset === 0;
    fields.isLast = offset + length === message.payload.length;
    fields.isUnordered = message.isUnordered;
    fields.isImmediate = isImmediate;
    const before = writer.remaining;
    if (!writer.appendData(fields, message.payload.subarray(offset, offset + length))) return false;
    const bytes = before - writer.remaining;
    if (this.#book.transmissions(ordinal) > 0) this.#hasRetransmission = true;
    this.#book.send(ordinal, bytes, this.#nowMs);
    this.#packet.push(ordinal);
    this.#packetChunkBytes += bytes;
    return true;
  }
}
