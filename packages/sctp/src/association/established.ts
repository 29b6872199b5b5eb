/**
 * An association from its handshake on: what user data, acknowledgements, resets, heartbeats, path
 * discovery and the end put into packets, and what their chunks do. Tags, ports and the handshake are
 * association.ts's.
 */

import { Receiver } from "../receive/receiver.ts";
import type { SendQueue } from "../send/send-queue.ts";
import { Sender } from "../send/sender.ts";
import type { Chunk, DataChunk, HeartbeatChunk } from "../wire/chunk.ts";
import { PACKET_HEADER_BYTES, padded } from "../wire/chunk-type.ts";
import { type ControlChunk, chunkLength } from "../wire/chunk-writer.ts";
import type { PacketWriter } from "../wire/packet-writer.ts";
import type { AssociationEvent, AssociationOptions } from "./association-api.ts";
import { CAUSE, errorChunk } from "./error-cause.ts";
import { HEARTBEAT_BYTES, Heartbeat } from "./heartbeat.ts";
import { PathMtu } from "./path-mtu.ts";
import type { PeerTerms } from "./peer-terms.ts";
import { Shutdown } from "./shutdown.ts";
import { StreamReset } from "./stream-reset.ts";

/** Answers that wait for a packet; more are somebody's attempt to make us busy. */
const MOST_CONTROL_CHUNKS = 8;
/** What an ERROR may quote. */
const MOST_QUOTED_BYTES = 512;
/** Far enough below every acknowledgement of ours, and within half the space of TSNs. */
const OUTDATED_BY = 1 << 20;
/** Time-outs in a row after which packets are thought too large (RFC 8899 section 4.3). */
const BLACK_HOLE_TIMEOUTS = 2;
/** A SACK without gaps. */
const LEAST_SACK_BYTES = 16;

/** Why it can't go on. */
export type Failure =
  | { readonly kind: "silence" }
  /** What has to be sent again is larger than what the path takes now. */
  | { readonly kind: "outgrown" }
  | { readonly kind: "violation"; readonly cause: number; readonly text: string };

export interface EstablishedParts {
  readonly options: AssociationOptions;
  readonly queue: SendQueue;
  readonly localInitialTsn: number;
  readonly terms: PeerTerms;
  readonly onEvent: (event: AssociationEvent) => void;
}

export class Established {
  readonly terms: PeerTerms;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly shutdown = new Shutdown();
  readonly reset: StreamReset;

  /** The longest HEARTBEAT whose answer fits a packet of ours. */
  readonly #mostEchoedBytes: number;
  readonly #queue: SendQueue;
  readonly #heartbeat: Heartbeat;
  readonly #mtu: PathMtu;
  readonly #onPacketSize: (bytes: number) => void;
  readonly #onEvent: (event: AssociationEvent) => void;
  readonly #windowBytes: number;
  readonly #control: ControlChunk[] = [];
  /** Streams of ours that begin anew and were not used since. */
  readonly #fresh = new Set<number>();

  constructor(parts: EstablishedParts) {
    const { options, terms, queue } = parts;
    this.#windowBytes = options.receiveWindowBytes;
    this.terms = terms;
    this.#queue = queue;
    this.#onEvent = parts.onEvent;
    this.#mostEchoedBytes = options.maxPacketBytes - PACKET_HEADER_BYTES - HEARTBEAT_BYTES;
    queue.isInterleaved = terms.isInterleaved;
    // The other half is for messages that are whole but wait for others before them.
    queue.mostBegunBytes = terms.receiveWindowBytes / 2;
    const packetBytes = options.basePacketBytes & ~3;
    const congestion = options.createCongestionControl({ packetBytes, random: options.random });
    this.#onPacketSize = (bytes) => congestion.onPacketSize(bytes);
    const { localInitialTsn: initialTsn } = parts;
    this.sender = new Sender({ initialTsn, congestion, packetBytes, queue });
    this.sender.setPeerWindow(terms.receiveWindowBytes);
    this.receiver = new Receiver({
      ...options,
      ...terms,
      receiveWindowBytes: options.receiveWindowBytes,
    });
    this.#heartbeat = new Heartbeat(options.random);
    this.#mtu = new PathMtu(options);
    this.reset = new StreamReset({
      initialTsn,
      peerInitialTsn: terms.initialTsn,
      isDrained: (streamId) => (queue.peekStream(streamId)?.bufferedBytes ?? 0) === 0,
      lastTsn: () => this.sender.lastTsn,
      isAcked: (tsn) => this.sender.isAcked(tsn),
      hasAllUpTo: (tsn) => this.receiver.hasAllUpTo(tsn),
      onIncoming: (streams) => this.#onIncomingReset(streams),
      onOutgoing: (streams, isDone) => this.#onOutgoingReset(streams, isDone),
      onAsked: (streams) => this.reset.want(streams),
    });
  }

  start(nowMs: number): void {
    this.#heartbeat.onPacket(nowMs, this.#timeoutMs);
    this.#mtu.start(nowMs);
  }

  get wakeAtMs(): number {
    return Math.min(
      this.#control.length > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
      this.sender.wakeAtMs,
      this.receiver.wakeAtMs,
      this.reset.wakeAtMs,
      this.shutdown.wakeAtMs,
      this.#heartbeat.wakeAtMs,
      this.#mtu.wakeAtMs,
    );
  }

  resetStreams(streams: readonly number[], nowMs: number): void {
    const isKnown = (streamId: number) => streamId >= 0 && streamId < this.terms.outboundStreams;
    const done = streams.filter((streamId) => this.#fresh.has(streamId));
    const wanted = streams.filter((streamId) => isKnown(streamId) && !this.#fresh.has(streamId));
    if (done.length > 0) this.#onEvent({ kind: "outgoing-reset", streams: done, isDone: true });
    if (wanted.length === 0) return;
    if (!this.terms.hasStreamReset) {
      this.#onEvent({ kind: "outgoing-reset", streams: wanted, isDone: false });
      return;
    }
    this.reset.want(wanted);
    this.reset.advance(nowMs, this.#timeoutMs);
  }

  onStreamUsed(streamId: number): void {
    if (this.#fresh.size > 0) this.#fresh.delete(streamId);
  }

  repeatShutdownAck(nowMs: number): void {
    this.shutdown.onShutdown(nowMs, this.#timeoutMs);
  }

  /** A packet of the other side, before its chunks. */
  beginPacket(nowMs: number): void {
    this.#heartbeat.onPacket(nowMs, this.#timeoutMs);
  }

  receive(chunk: Chunk, nowMs: number): Failure | undefined {
    switch (chunk.type) {
      case "data":
        return this.#onData(chunk, nowMs);
      case "sack":
        this.sender.onSack(chunk, nowMs);
        return undefined;
      case "forward-tsn":
        return violation(this.receiver.receiveForwardTsn(chunk));
      case "heartbeat":
        this.#onHeartbeat(chunk);
        return undefined;
      case "heartbeat-ack":
        this.#onHeartbeatAck(chunk, nowMs);
        return undefined;
      case "reconfig":
        this.reset.onReconfig(chunk, nowMs, this.#timeoutMs);
        return undefined;
      case "shutdown":
        this.sender.onCumulativeTsn(chunk.cumulativeTsn, nowMs);
        this.shutdown.onShutdown(nowMs, this.#timeoutMs);
        return undefined;
      case "unknown":
        this.#answer(errorChunk(CAUSE.unrecognizedChunk, chunk.whole, MOST_QUOTED_BYTES));
        return undefined;
      default:
        return undefined;
    }
  }

  /** After the chunks of a packet. */
  endPacket(nowMs: number): void {
    this.receiver.endPacket(nowMs);
    this.reset.onData();
    this.#advance(nowMs);
  }

  /** What falls due by time. */
  tick(nowMs: number): Failure | undefined {
    this.sender.tick(nowMs);
    const { timeouts, isLosingLarge } = this.sender;
    const isBlackHole = isLosingLarge || timeouts >= BLACK_HOLE_TIMEOUTS;
    if (isBlackHole && this.#mtu.onBlackHole()) this.#adoptPacketSize();
    if (timeouts === 0) this.#mtu.onPathAnswers(nowMs);
    this.#advance(nowMs);
    if (this.sender.hasOutgrownPath) return { kind: "outgrown" };
    return this.sender.hasFailed || this.#heartbeat.hasFailed ? { kind: "silence" } : undefined;
  }

  /** The size of a probe of the path to send now, a packet of its own. */
  dueProbe(nowMs: number): number | undefined {
    return this.#mtu.due(nowMs, this.#timeoutMs);
  }

  /**
   * RFC 8899 section 6.2.1.2. Without PAD (werift throws away packets with it, dcsctp does not answer
   * long heartbeats) an outdated SACK makes up the length: everybody skips it (RFC 9260 section 6.2.1).
   */
  fillProbe(writer: PacketWriter, probeBytes: number, nowMs: number): void {
    writer.append(this.#heartbeat.chunk(nowMs, { probeBytes, fillBytes: 0 }));
    if (this.terms.hasPad) writer.append({ type: "pad", bytes: writer.remaining });
    else writer.append(this.#outdatedSack(writer.remaining));
  }

  /**
   * One that every receiver drops as it acknowledges less than the one before it (RFC 9260 section
   * 6.2.1 D i). It fits the bytes: the TSNs it names as duplicates take four each.
   */
  #outdatedSack(bytes: number): ControlChunk {
    const cumulativeTsn = (this.receiver.cumulativeTsn - OUTDATED_BY) >>> 0;
    const duplicates = Array<number>((bytes - LEAST_SACK_BYTES) >> 2).fill(cumulativeTsn);
    const receiveWindowBytes = this.#windowBytes;
    return { type: "sack", cumulativeTsn, receiveWindowBytes, gaps: [], duplicates };
  }

  /** The largest packet that is wanted now: answers to long heartbeats are as long. */
  get packetBytes(): number {
    const [first] = this.#control;
    const controlBytes = first === undefined ? 0 : PACKET_HEADER_BYTES + padded(chunkLength(first));
    return Math.max(this.sender.leastPacketBytes, controlBytes);
  }

  /** Puts into the packet what is due: control chunks, a SACK, user data (RFC 9260 section 6.10). */
  fill(writer: PacketWriter, nowMs: number): Failure | undefined {
    const failure = this.#fillControl(writer, nowMs);
    if (failure !== undefined) return failure;
    const maySend = this.sender.maySend(nowMs);
    const hasCompany = maySend || !writer.isEmpty;
    const wantsSack = this.receiver.isSackDue(nowMs) || (hasCompany && this.receiver.isSackWanted);
    if (wantsSack && writer.remaining >= LEAST_SACK_BYTES) {
      writer.append(this.receiver.sack(writer.remaining));
    }
    if (maySend) this.sender.fill(writer, nowMs);
    if (this.sender.takeTry()) {
      this.#answer(this.#heartbeat.chunk(nowMs, { probeBytes: 0, fillBytes: 0 }));
    }
    return undefined;
  }

  #fillControl(writer: PacketWriter, nowMs: number): Failure | undefined {
    while (this.#control.length > 0) {
      if (!writer.append(this.#control[0] as ControlChunk)) return undefined;
      this.#control.shift();
    }
    const timeoutMs = this.#timeoutMs;
    const { abandonment } = this.sender;
    if (abandonment.isDue(nowMs, timeoutMs) && writer.append(abandonment.chunk())) {
      abandonment.onAnnounced(nowMs);
    }
    const dues = [
      this.reset.due(nowMs),
      this.shutdown.due(nowMs, this.receiver.cumulativeTsn),
      this.#heartbeat.due(nowMs, this.sender.isIdle, timeoutMs),
    ];
    for (const due of dues) {
      if (due === "failed") return { kind: "silence" };
      if (due !== undefined) this.#appendOrKeep(writer, due);
    }
    return undefined;
  }

  #appendOrKeep(writer: PacketWriter, chunk: ControlChunk): void {
    if (!writer.append(chunk)) this.#answer(chunk);
  }

  #answer(chunk: ControlChunk | undefined): void {
    if (chunk === undefined || this.#control.length >= MOST_CONTROL_CHUNKS) return;
    this.#control.push(chunk);
  }

  get #timeoutMs(): number {
    return this.sender.roundTrip.timeoutMs;
  }

  /** What waits for acknowledgements moves on. */
  #advance(nowMs: number): void {
    this.reset.advance(nowMs, this.#timeoutMs);
    if (this.shutdown.phase !== "open" && this.sender.isIdle) {
      this.shutdown.onAllSent(nowMs, this.#timeoutMs);
    }
  }

  #onData(chunk: DataChunk, nowMs: number): Failure | undefined {
    this.shutdown.onData(nowMs, this.#timeoutMs);
    const outcome = this.receiver.receiveData(chunk);
    if (outcome === "taken" || outcome === "no-room") return undefined;
    if (outcome !== "invalid-stream") return violation(outcome);
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint16(0, chunk.streamId);
    this.#answer(errorChunk(CAUSE.invalidStream, value, MOST_QUOTED_BYTES));
    return undefined;
  }

  #onHeartbeat({ info }: HeartbeatChunk): void {
    if (info.byteLength > this.#mostEchoedBytes) return;
    this.#answer({ type: "heartbeat-ack", info: info.slice() });
  }

  #onHeartbeatAck({ info }: HeartbeatChunk, nowMs: number): void {
    const answer = this.#heartbeat.read(info);
    if (answer === undefined) return;
    if (answer.probeBytes === 0) this.sender.onHeartbeatAnswered(answer.sentAtMs);
    if (this.#mtu.onProbeAnswered(answer.probeBytes, nowMs)) this.#adoptPacketSize();
  }

  #adoptPacketSize(): void {
    this.sender.setPacketBytes(this.#mtu.packetBytes);
    this.#onPacketSize(this.#mtu.packetBytes);
  }

  #onIncomingReset(streams: readonly number[]): void {
    this.receiver.resetStreams(streams);
    this.#onEvent({ kind: "incoming-reset", streams });
    // RFC 8831 section 6.7: ours follow. None named means all, but which were channels only they know.
    this.reset.want(streams.filter((streamId) => !this.#fresh.has(streamId)));
  }

  #onOutgoingReset(streams: readonly number[], isDone: boolean): void {
    if (isDone) {
      for (const streamId of streams) {
        this.#queue.forgetStream(streamId);
        this.#fresh.add(streamId);
      }
    }
    this.#onEvent({ kind: "outgoing-reset", streams, isDone });
  }
}

function violation(name: string | undefined): Failure | undefined {
  if (name === undefined) return undefined;
  const cause = name === "no-user-data" ? CAUSE.noUserData : CAUSE.protocolViolation;
  return { kind: "violation", cause, text: name };
}
