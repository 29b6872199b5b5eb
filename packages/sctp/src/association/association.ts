/**
 * The association: RFC 9260 over DTLS (RFC 8261) as RFC 8831 uses it. It reads and writes packets,
 * holds to the rules of tags and ports, and brings handshake, traffic and end together. See
 * association-api.ts for what its owner does.
 */

import { SctpError } from "../sctp-error.ts";
import { Fifo } from "../send/fifo.ts";
import { OutgoingMessage } from "../send/outgoing-message.ts";
import { SendQueue } from "../send/send-queue.ts";
import type { Chunk, ErrorChunk, InitChunk, PacketHeader } from "../wire/chunk.ts";
import type { ControlChunk } from "../wire/chunk-writer.ts";
import { readPacket } from "../wire/packet-reader.ts";
import { PacketWriter } from "../wire/packet-writer.ts";
import type {
  AssociationEvent,
  AssociationOptions,
  ClosedReason,
  SctpAssociation,
  SendOptions,
} from "./association-api.ts";
import { abortChunk, CAUSE, errorChunk } from "./error-cause.ts";
import { Established, type Failure } from "./established.ts";
import { Handshake } from "./handshake.ts";
import { type Reply, SHUTDOWN_COMPLETE, strayReply } from "./stray.ts";

/** INITs and stray packets are answered one by one; those beyond are not answered. */
const MOST_REPLIES = 4;
const MOST_ECHOED_BYTES = 64;

class Association implements SctpAssociation {
  readonly #options: AssociationOptions;
  readonly #handshake: Handshake;
  readonly #queue: SendQueue;
  readonly #writer: PacketWriter;
  readonly #replies: Reply[] = [];
  readonly #events = new Fifo<AssociationEvent>();
  /** Events that come after the messages that arrived before them. */
  readonly #laterEvents = new Fifo<AssociationEvent>();
  #established: Established | undefined;
  #hasCookieAck = false;
  #isOver = false;

  constructor(options: AssociationOptions) {
    this.#options = options;
    this.#handshake = new Handshake(options);
    this.#writer = new PacketWriter(Math.max(options.basePacketBytes, options.maxPacketBytes));
    this.#queue = new SendQueue({
      onBufferedLow: (streamId) => this.#events.push({ kind: "buffered-low", streamId }),
      onExpired: (message) => this.#established?.sender.abandonment.abandon(message),
    });
  }

  get state(): SctpAssociation["state"] {
    if (this.#isOver) return "closed";
    const { phase } = this.#handshake;
    if (phase === "closed") return "closed";
    if (phase !== "established") return "connecting";
    return this.#established?.shutdown.phase === "open" ? "connected" : "shutting-down";
  }

  get wakeAtMs(): number {
    if (this.#replies.length > 0) return Number.NEGATIVE_INFINITY;
    if (this.#isOver) return Number.POSITIVE_INFINITY;
    const established = this.#hasCookieAck ? Number.NEGATIVE_INFINITY : this.#established?.wakeAtMs;
    return Math.min(this.#handshake.wakeAtMs, established ?? Number.POSITIVE_INFINITY);
  }

  connect(nowMs: number): void {
    if (this.#isOver || this.#handshake.phase !== "closed") return;
    this.#handshake.connect(nowMs);
  }

  send(payload: Uint8Array, options: SendOptions, nowMs: number): void {
    const established = this.#established;
    if (this.state !== "connected" || established === undefined) {
      throw new SctpError("not-connected", `The association is ${this.state}: wait for connected.`);
    }
    this.#check(payload, options.streamId, established);
    const isPartial = established.terms.hasForwardTsn;
    established.onStreamUsed(options.streamId);
    const message = new OutgoingMessage({
      // Views of a Buffer cost more than views of this, and every fragment takes one.
      payload: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
      streamId: options.streamId,
      protocolId: options.protocolId,
      isUnordered: options.isUnordered ?? false,
      expiresAtMs: isPartial
        ? nowMs + (options.lifetimeMs ?? Number.POSITIVE_INFINITY)
        : Number.POSITIVE_INFINITY,
      maxRetransmissions: isPartial
        ? (options.maxRetransmissions ?? Number.POSITIVE_INFINITY)
        : Number.POSITIVE_INFINITY,
    });
    this.#queue.push(message);
  }

  setPriority(streamId: number, priority: number): void {
    this.#queue.setWeight(streamId, Math.max(1, priority));
  }

  setBufferedLowThreshold(streamId: number, bytes: number): void {
    this.#queue.stream(streamId).lowThreshold = bytes;
  }

  bufferedBytes(streamId: number): number {
    return this.#queue.peekStream(streamId)?.bufferedBytes ?? 0;
  }

  resetStreams(streams: readonly number[], nowMs: number): void {
    if (!this.#isOver) this.#established?.resetStreams(streams, nowMs);
  }

  shutdown(nowMs: number): void {
    if (this.#isOver) return;
    if (this.#established === undefined) {
      this.#end("closed-here");
      return;
    }
    this.#established.shutdown.begin();
    this.#onFailure(this.#established.tick(nowMs));
  }

  abort(_nowMs: number): void {
    if (this.#isOver) return;
    this.#tell(abortChunk(CAUSE.userAbort, ""));
    this.#end("closed-here");
  }

  receive(packet: Uint8Array, nowMs: number): void {
    const { acceptsZeroChecksum, localPort, remotePort } = this.#options;
    const reading = readPacket(packet, { acceptsZeroChecksum });
    if (reading.kind === "dropped") return;
    const { header, chunks } = reading;
    if (header.sourcePort !== remotePort || header.destinationPort !== localPort) return;
    const first = chunks[0];
    if (first === undefined) return;
    if (this.#isOver) this.#answerStray(first, header);
    else if (first.type === "init") this.#onInit(first, nowMs);
    else this.#receiveChunks(chunks, first, header, nowMs);
  }

  nextPacket(nowMs: number): Uint8Array | undefined {
    if (!this.#isOver) this.#onFailure(this.#established?.tick(nowMs));
    const reply = this.#replies.shift();
    if (reply !== undefined) return this.#alone(reply);
    if (this.#isOver) return undefined;
    const opening = this.#handshake.due(nowMs);
    if (opening === "failed") {
      this.#end("timed-out");
      return undefined;
    }
    if (opening !== undefined) {
      const tag = opening.type === "init" ? 0 : (this.#handshake.terms?.tag ?? 0);
      return this.#alone({ tag, chunk: opening as ControlChunk });
    }
    return this.#established === undefined ? undefined : this.#traffic(this.#established, nowMs);
  }

  nextEvent(): AssociationEvent | undefined {
    const event = this.#events.shift();
    if (event !== undefined) return event;
    const message = this.#established?.receiver.takeMessage();
    if (message !== undefined) return { kind: "message", message };
    return this.#laterEvents.shift();
  }

  #check(payload: Uint8Array, streamId: number, { terms, reset }: Established): void {
    const { maxMessageBytes } = this.#options;
    if (payload.byteLength === 0) {
      throw new SctpError("empty-message", "SCTP has no empty messages: send one byte instead.");
    }
    if (maxMessageBytes > 0 && payload.byteLength > maxMessageBytes) {
      throw new SctpError(
        "message-too-large",
        `${payload.byteLength} bytes; the other side takes ${maxMessageBytes}: send it in pieces.`,
      );
    }
    if (!Number.isInteger(streamId) || streamId < 0 || streamId >= terms.outboundStreams) {
      throw new SctpError(
        "no-such-stream",
        `Stream ${streamId}; the other side takes those below ${terms.outboundStreams}.`,
      );
    }
    if (reset.isPending(streamId)) {
      throw new SctpError(
        "no-such-stream",
        `Stream ${streamId} is being reset: wait until it was.`,
      );
    }
  }

  #traffic(established: Established, nowMs: number): Uint8Array | undefined {
    const probeBytes = this.#hasCookieAck ? undefined : established.dueProbe(nowMs);
    const writer = this.#writer;
    const { terms } = established;
    writer.begin(this.#headerFor(terms.tag), probeBytes ?? established.packetBytes);
    if (probeBytes !== undefined) established.fillProbe(writer, probeBytes, nowMs);
    else {
      // RFC 9260 section 6.10: COOKIE ACK comes first.
      if (this.#hasCookieAck) writer.append({ type: "cookie-ack", cookie: NOTHING });
      this.#hasCookieAck = false;
      const failure = established.fill(writer, nowMs);
      if (failure !== undefined) {
        this.#onFailure(failure);
        return this.nextPacket(nowMs);
      }
    }
    if (writer.isEmpty) return undefined;
    const packet = writer.finish({ zeroChecksum: terms.mayOmitChecksum });
    established.sender.onPacket(packet.byteLength, nowMs);
    return packet;
  }

  /** RFC 9653 section 5.2: what may meet a side that does not know us has its checksum. */
  #alone({ tag, chunk }: Reply): Uint8Array {
    this.#writer.begin(this.#headerFor(tag), this.#options.basePacketBytes);
    this.#writer.append(chunk);
    return this.#writer.finish({ zeroChecksum: false });
  }

  #headerFor(tag: number): PacketHeader {
    const { localPort, remotePort } = this.#options;
    return { sourcePort: localPort, destinationPort: remotePort, tag };
  }

  #onInit(init: InitChunk, nowMs: number): void {
    if (this.#established?.shutdown.phase === "ack-sent") {
      // RFC 9260 section 9.2: it did not hear that we end.
      this.#established.repeatShutdownAck(nowMs);
      return;
    }
    const ack = this.#handshake.onInit(init, nowMs);
    if (ack !== undefined) this.#reply(init.tag, ack);
  }

  #receiveChunks(
    chunks: readonly Chunk[],
    first: Chunk,
    header: PacketHeader,
    nowMs: number,
  ): void {
    if (first.type === "cookie-echo") this.#onCookieEcho(first.cookie, header.tag, nowMs);
    if (!this.#isTagRight(first, header.tag)) {
      // RFC 9260 section 8.5.1 E.
      if (first.type === "shutdown-ack" && this.state === "connecting") {
        this.#answerStray(first, header);
      }
      return;
    }
    this.#established?.beginPacket(nowMs);
    for (const chunk of chunks) {
      this.#onChunk(chunk, nowMs);
      if (this.#isOver) return;
    }
    this.#established?.endPacket(nowMs);
  }

  /** RFC 9260 section 8.5. */
  #isTagRight(first: Chunk, tag: number): boolean {
    const isReflected =
      (first.type === "abort" || first.type === "shutdown-complete") && first.isTagReflected;
    if (isReflected) return tag === this.#handshake.terms?.tag;
    return this.#handshake.phase !== "closed" && tag === this.#handshake.localTag;
  }

  #onChunk(chunk: Chunk, nowMs: number): void {
    switch (chunk.type) {
      case "init-ack":
        return this.#onInitAck(chunk, nowMs);
      case "cookie-ack":
        if (this.#handshake.onCookieAck()) this.#establish(nowMs);
        return;
      case "abort":
        return this.#end("aborted");
      case "error":
        return this.#onError(chunk, nowMs);
      case "shutdown-ack":
        return this.#onShutdownAck();
      case "shutdown-complete":
        if (this.#established?.shutdown.onShutdownComplete()) this.#end("shutdown");
        return;
      case "data":
        // Only who accepted our COOKIE ECHO sends data: its COOKIE ACK is late or lost.
        if (this.#handshake.onCookieAck()) this.#establish(nowMs);
    }
    this.#onFailure(this.#established?.receive(chunk, nowMs));
  }

  #onInitAck(ack: InitChunk, nowMs: number): void {
    if (this.#handshake.onInitAck(ack, nowMs) !== "refused") return;
    this.#reply(ack.tag, abortChunk(CAUSE.missingParameter, ""));
    this.#end("protocol-violation");
  }

  #onCookieEcho(cookie: Uint8Array, headerTag: number, nowMs: number): void {
    const outcome = this.#handshake.onCookieEcho(cookie, headerTag, nowMs);
    if (outcome === "stale") {
      // Section 5.2.6: by how many microseconds is of no use to anybody here.
      const error = errorChunk(CAUSE.staleCookie, new Uint8Array(4), MOST_ECHOED_BYTES);
      if (error !== undefined) this.#reply(this.#handshake.staleTag, error);
    }
    if (outcome === "ignored" || outcome === "stale") return;
    this.#hasCookieAck = true;
    if (outcome === "established") this.#establish(nowMs);
    if (outcome === "restarted") this.#restart(nowMs);
  }

  #establish(nowMs: number): void {
    const { terms, localInitialTsn } = this.#handshake;
    if (terms === undefined) return;
    this.#established = new Established({
      options: this.#options,
      queue: this.#queue,
      terms,
      localInitialTsn,
      onEvent: (event) => this.#laterEvents.push(event),
    });
    this.#established.start(nowMs);
    this.#events.push({ kind: "connected" });
  }

  #restart(nowMs: number): void {
    for (;;) {
      const message = this.#established?.receiver.takeMessage();
      if (message === undefined) break;
      this.#events.push({ kind: "message", message });
    }
    for (;;) {
      const event = this.#laterEvents.shift();
      if (event === undefined) break;
      this.#events.push(event);
    }
    this.#queue.clear();
    this.#events.push({ kind: "restarted" });
    this.#establish(nowMs);
  }

  #onError({ causes }: ErrorChunk, nowMs: number): void {
    if (causes.some(({ code }) => code === CAUSE.staleCookie)) {
      this.#handshake.onStaleCookie(nowMs);
    }
  }

  #onShutdownAck(): void {
    if (!this.#established?.shutdown.onShutdownAck()) return;
    this.#tell(SHUTDOWN_COMPLETE);
    this.#end("shutdown");
  }

  #onFailure(failure: Failure | undefined): void {
    if (failure === undefined || this.#isOver) return;
    if (failure.kind === "silence") {
      this.#tell(abortChunk(CAUSE.protocolViolation, "no answer"));
      this.#end("timed-out");
    } else if (failure.kind === "outgrown") {
      this.#tell(abortChunk(CAUSE.userAbort, "the path takes smaller packets now"));
      this.#end("path-shrank");
    } else {
      this.#tell(abortChunk(failure.cause, failure.text));
      this.#end("protocol-violation");
    }
  }

  #end(reason: ClosedReason): void {
    this.#isOver = true;
    this.#handshake.close();
    this.#queue.clear();
    this.#laterEvents.push({ kind: "closed", reason });
  }

  #answerStray(first: Chunk, { tag }: PacketHeader): void {
    const reply = strayReply(first, tag);
    if (reply !== undefined) this.#reply(reply.tag, reply.chunk);
  }

  /** To the other side, as it is known. */
  #tell(chunk: ControlChunk): void {
    const tag = this.#handshake.terms?.tag;
    if (tag !== undefined) this.#reply(tag, chunk);
  }

  #reply(tag: number, chunk: ControlChunk): void {
    if (this.#replies.length < MOST_REPLIES) this.#replies.push({ tag, chunk });
  }
}

const NOTHING = new Uint8Array(0);

export function createAssociation(options: AssociationOptions): SctpAssociation {
  return new Association(options);
}
