/** One data channel: what may be sent in it now, and how far its two streams are on the way to closed. */

import type { SctpAssociation } from "../association/association-api.ts";
import { SctpError } from "../sctp-error.ts";
import { Fifo } from "../send/fifo.ts";
import type { DataChannel } from "./data-channel-api.ts";
import { type ChannelTerms, encodeAck, encodeOpen, PROTOCOL_ID } from "./dcep.ts";
import { encodeUtf8 } from "./utf8.ts";

/** RFC 8831 section 6.6: SCTP has no empty messages, so one byte of zero stands for one. */
const EMPTY_MESSAGE = new Uint8Array(1);

export interface ChannelParts extends ChannelTerms {
  readonly association: SctpAssociation;
  readonly id: number;
  readonly label: string;
  readonly protocol: string;
  readonly priority: number;
  readonly isNegotiated: boolean;
  /** This side opens it, and the other does not know yet. */
  readonly isAnnouncedByUs: boolean;
  /** What label and protocol take that the other side chose; 0 when this side did. */
  readonly remoteNameBytes: number;
  readonly onClosing: (channel: Channel, nowMs: number) => void;
}

export class Channel implements DataChannel {
  readonly id: number;
  readonly label: string;
  readonly protocol: string;
  readonly isOrdered: boolean;
  readonly maxRetransmissions: number | undefined;
  readonly lifetimeMs: number | undefined;
  readonly priority: number;
  readonly isNegotiated: boolean;
  readonly remoteNameBytes: number;
  state: DataChannel["state"] = "connecting";
  /** Each direction on the way to closed: RFC 8831 section 6.7. */
  isOutgoingReset = false;
  isIncomingReset = false;

  readonly #association: SctpAssociation;
  readonly #onClosing: ChannelParts["onClosing"];
  readonly #isAnnouncedByUs: boolean;
  /** The other side knows the channel: what is sent may overtake the announcement. */
  #isKnown: boolean;
  /** All that was ever handed to the association. */
  #handedBytes = 0;
  /** What of it are no messages of the owner's and may be unsent, by where it ends. */
  readonly #overhead = new Fifo<{ readonly end: number; readonly bytes: number }>();
  #overheadBytes = 0;
  #lowThreshold = 0;
  /** `bufferedBytes` rose above the threshold, and nobody was told yet that it fell. */
  #isAboveThreshold = false;

  constructor(parts: ChannelParts) {
    this.id = parts.id;
    this.label = parts.label;
    this.protocol = parts.protocol;
    this.isOrdered = parts.isOrdered;
    this.maxRetransmissions = parts.maxRetransmissions;
    this.lifetimeMs = parts.lifetimeMs;
    this.priority = parts.priority;
    this.isNegotiated = parts.isNegotiated;
    this.remoteNameBytes = parts.remoteNameBytes;
    this.#association = parts.association;
    this.#onClosing = parts.onClosing;
    this.#isAnnouncedByUs = parts.isAnnouncedByUs;
    this.#isKnown = !parts.isAnnouncedByUs;
  }

  get bufferedBytes(): number {
    const queued = this.#association.bufferedBytes(this.id);
    const sent = this.#handedBytes - queued;
    this.#forgetOverhead(sent);
    const first = this.#overhead.peek();
    const half = first === undefined ? 0 : Math.max(0, first.bytes - (first.end - sent));
    return Math.max(0, queued - (this.#overheadBytes - half));
  }

  setBufferedLowThreshold(bytes: number): void {
    this.#lowThreshold = bytes;
    this.#isAboveThreshold = this.bufferedBytes > bytes;
    this.#association.setBufferedLowThreshold(this.id, bytes);
  }

  send(payload: Uint8Array, kind: "text" | "binary", nowMs: number): void {
    if (this.state !== "open") {
      throw new SctpError(
        "no-such-channel",
        `Channel ${this.id} is ${this.state}: send while it is open, or open another.`,
      );
    }
    const isText = kind === "text";
    if (payload.byteLength === 0) {
      const protocolId = isText ? PROTOCOL_ID.emptyText : PROTOCOL_ID.emptyBinary;
      this.#hand(EMPTY_MESSAGE, protocolId, nowMs);
      this.#countOverhead(EMPTY_MESSAGE.byteLength);
    } else {
      this.#hand(payload, isText ? PROTOCOL_ID.text : PROTOCOL_ID.binary, nowMs);
      this.#isAboveThreshold ||= this.bufferedBytes > this.#lowThreshold;
    }
  }

  close(nowMs: number): void {
    if (this.state === "connecting" || this.state === "open") this.#onClosing(this, nowMs);
  }

  /** The association is connected. @throws {SctpError} as its `send`. */
  begin(nowMs: number): void {
    // Before anything is queued: the announcement has the channel's priority.
    this.#association.setPriority(this.id, this.priority);
    if (this.#isAnnouncedByUs) {
      this.#announce(encodeOpen(this, encodeUtf8(this.label), encodeUtf8(this.protocol)), nowMs);
    } else if (!this.isNegotiated) {
      this.#announce(encodeAck(), nowMs);
    }
    this.state = "open";
  }

  /**
   * The association's count fell to the threshold.
   * @returns whether the owner's did: announcements are none of its business.
   */
  takeBufferedLow(): boolean {
    const hasFallen = this.#isAboveThreshold && this.bufferedBytes <= this.#lowThreshold;
    if (hasFallen) this.#isAboveThreshold = false;
    return hasFallen;
  }

  /** Anything arrived: the other side knows the channel (RFC 8832 section 6). */
  onArrival(): void {
    this.#isKnown = true;
  }

  /** RFC 8832 section 6: DCEP itself is ordered and reliable. */
  #announce(message: Uint8Array, nowMs: number): void {
    const options = { streamId: this.id, protocolId: PROTOCOL_ID.dcep };
    this.#association.send(message, options, nowMs);
    this.#handedBytes += message.byteLength;
    this.#countOverhead(message.byteLength);
  }

  /** RFC 8832 section 6: ordered until the other side knows the channel. */
  #hand(payload: Uint8Array, protocolId: number, nowMs: number): void {
    const { id: streamId, maxRetransmissions, lifetimeMs } = this;
    const isUnordered = !this.isOrdered && this.#isKnown;
    this.#association.send(
      payload,
      {
        streamId,
        protocolId,
        isUnordered,
        ...(maxRetransmissions !== undefined && { maxRetransmissions }),
        ...(lifetimeMs !== undefined && { lifetimeMs }),
      },
      nowMs,
    );
    this.#handedBytes += payload.byteLength;
  }

  #countOverhead(bytes: number): void {
    this.#forgetOverhead(this.#handedBytes - this.#association.bufferedBytes(this.id));
    this.#overhead.push({ end: this.#handedBytes, bytes });
    this.#overheadBytes += bytes;
  }

  #forgetOverhead(sentBytes: number): void {
    for (let first = this.#overhead.peek(); first && first.end <= sentBytes; ) {
      this.#overheadBytes -= first.bytes;
      this.#overhead.shift();
      first = this.#overhead.peek();
    }
  }
}
