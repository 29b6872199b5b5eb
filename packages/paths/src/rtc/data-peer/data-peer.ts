/**
 * A peer connection for data only: our SCTP and data channels over DTLS and ICE. It drives the pure
 * machine of @beeline/sctp; what is decided is decided there.
 */

import { webcrypto } from "node:crypto";
import { BeelineError, type DirectReason, type IceServer } from "@beeline/protocol";
import {
  type ChannelEvent,
  type ChannelOptions,
  type CreateCongestionControl,
  createAssociation,
  createBbr,
  type DataChannel,
  DataChannels,
  type SctpAssociation,
} from "@beeline/sctp";
import type { RtcPhase, RtcSignal } from "../rtc-peer.ts";
import { type AssociationTerms, DataTransport } from "./data-transport.ts";
import { PacketDriver } from "./packet-driver.ts";

export interface DataPeerOptions {
  readonly isOfferer: boolean;
  readonly iceServers: readonly IceServer[];
  /** Told to the other side; longer messages of its end the association. */
  readonly maxReceivedMessageBytes?: number;
  readonly createCongestionControl?: CreateCongestionControl;
  /** False keeps checksums that DTLS makes superfluous: for captures. */
  readonly acceptsZeroChecksum?: boolean;
  /** For captures: every plain SCTP packet, before it is sealed and after it was opened. */
  readonly onPacket?: (direction: "sent" | "received", packet: Uint8Array) => void;
}

export interface DataPeerHandlers {
  onSignal(signal: RtcSignal): void;
  onPhase(phase: RtcPhase): void;
  /** Channels open, messages arrive, room is made. */
  onChannel(event: Exclude<ChannelEvent, { kind: "ended" }>): void;
  /** Once, and never after `close`. */
  onClosed(reason: DirectReason): void;
}

/** RFC 8831 section 5. */
const SCTP_PORT = 5_000;
/** What browsers offer; @beeline's own records have 16 KiB. */
const MAX_RECEIVED_MESSAGE_BYTES = 256 * 1024;
/**
 * What the other side may have on its way: 100 MB/s over 20 ms, or 8 MB/s over 250 ms. Held only while
 * something is missing or the owner is slow.
 */
const RECEIVE_WINDOW_BYTES = 2 * 1024 * 1024;
/** Ours needs one. */
const MAX_CHANNELS = 64;
/** What was asked for before the association was there. */
const MAX_EARLY_CHANNELS = 16;

export class DataPeer {
  readonly #options: DataPeerOptions;
  readonly #handlers: DataPeerHandlers;
  readonly #transport: DataTransport;
  readonly #early: ChannelOptions[] = [];
  #association: SctpAssociation | undefined;
  #channels: DataChannels | undefined;
  #driver: PacketDriver | undefined;
  #isClosed = false;

  constructor(options: DataPeerOptions, handlers: DataPeerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#transport = new DataTransport(
      {
        isOfferer: options.isOfferer,
        iceServers: options.iceServers,
        sctpPort: SCTP_PORT,
        maxMessageBytes: this.#maxReceivedMessageBytes,
      },
      {
        onSignal: (signal) => handlers.onSignal(signal),
        onPhase: (phase) => handlers.onPhase(phase),
        onSecured: (terms) => this.#associate(terms),
        onDatagram: (packet) => this.#receive(packet),
        onClosed: (reason) => this.#end(reason),
      },
    );
  }

  accept(signal: RtcSignal): void {
    this.#transport.accept(signal);
  }

  /** Opens it when the association is there; told by `onChannel`. */
  openChannel(options: ChannelOptions): void {
    if (this.#channels !== undefined) {
      this.#channels.open(options, now());
      this.#driver?.flush();
    } else if (this.#early.length < MAX_EARLY_CHANNELS) {
      this.#early.push(options);
    } else {
      throw new BeelineError("LIMIT_EXCEEDED", `more than ${MAX_EARLY_CHANNELS} channels at once`);
    }
  }

  /** The payload must not change until it was acknowledged. @throws {SctpError} */
  send(channel: DataChannel, payload: Uint8Array, kind: "text" | "binary" = "binary"): void {
    channel.send(payload, kind, now());
    this.#driver?.flush();
  }

  /** What was sent before still goes out. */
  closeChannel(channel: DataChannel): void {
    channel.close(now());
    this.#driver?.flush();
  }

  /** By a new offer; what is under way goes on. Only the offerer can. */
  restartIce(): void {
    this.#transport.restartIce();
  }

  /** Tells the other side, and waits for nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#association?.abort(now());
    this.#driver?.close();
    this.#transport.close();
  }

  get #maxReceivedMessageBytes(): number {
    return this.#options.maxReceivedMessageBytes ?? MAX_RECEIVED_MESSAGE_BYTES;
  }

  #associate(terms: AssociationTerms): void {
    const association = createAssociation({
      localPort: SCTP_PORT,
      remotePort: terms.remotePort,
      random,
      maxMessageBytes: terms.maxMessageBytes,
      maxReceivedMessageBytes: this.#maxReceivedMessageBytes,
      receiveWindowBytes: Math.max(RECEIVE_WINDOW_BYTES, 2 * this.#maxReceivedMessageBytes),
      // DTLS below checks already (RFC 9653 section 5.1).
      acceptsZeroChecksum: this.#options.acceptsZeroChecksum ?? true,
      offersInterleaving: true,
      createCongestionControl: this.#options.createCongestionControl ?? createBbr,
      basePacketBytes: terms.basePacketBytes,
      maxPacketBytes: terms.maxPacketBytes,
    });
    const { isDtlsClient } = terms;
    const channels = new DataChannels(association, { isDtlsClient, maxChannels: MAX_CHANNELS });
    const driver = new PacketDriver(association, {
      nowMs: now,
      send: (packet) => this.#send(packet),
      onTurn: () => this.#takeEvents(channels),
    });
    this.#association = association;
    this.#channels = channels;
    this.#driver = driver;
    for (const options of this.#early.splice(0)) channels.open(options, now());
    association.connect(now());
    driver.flush();
  }

  #send(packet: Uint8Array): void {
    this.#options.onPacket?.("sent", packet);
    this.#transport.send(packet);
  }

  #receive(packet: Buffer): void {
    this.#options.onPacket?.("received", packet);
    this.#driver?.receive(packet);
  }

  #takeEvents(channels: DataChannels): void {
    for (;;) {
      const event = this.#isClosed ? undefined : channels.nextEvent(now());
      if (event === undefined) return;
      if (event.kind === "ended") {
        const isOfPath = event.reason === "timed-out" || event.reason === "path-shrank";
        this.#end(isOfPath ? "went-dark" : "channel-closed");
        return;
      }
      this.#handlers.onChannel(event);
    }
  }

  #end(reason: DirectReason): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.onClosed(reason);
  }
}

function now(): number {
  return performance.now();
}

/** Numbers are drawn by the dozen: one question to the system for 64 of them. */
const drawn = new Uint32Array(64);
let next = drawn.length;

function random(): number {
  if (next >= drawn.length) {
    webcrypto.getRandomValues(drawn);
    next = 0;
  }
  const value = drawn[next] ?? 0;
  next += 1;
  return value / 2 ** 32;
}
