/**
 * What an SCTP association takes and gives: the contract between the machine (association.ts), the
 * data channels above it and the packets below it. No I/O: the owner hands in packets and the time,
 * then takes packets out until there are none, then events, then sleeps until `wakeAtMs` at most.
 *
 * Time is milliseconds of any monotonic clock, with fractions.
 */

import type { CreateCongestionControl } from "../congestion/congestion-control.ts";

export interface AssociationOptions {
  /** RFC 8831 section 5: 5000 on both sides unless the SDP says otherwise. */
  readonly localPort: number;
  readonly remotePort: number;
  /** Uniform in [0, 1), and unpredictable: verification tags and cookies' secrets are made of it. */
  readonly random: () => number;
  /** `a=max-message-size` of the other side; 0 means any. */
  readonly maxMessageBytes: number;
  /** What we let one message of the other side have. */
  readonly maxReceivedMessageBytes: number;
  /** Bytes of user data we hold for the other side: assembled or not. */
  readonly receiveWindowBytes: number;
  /** DTLS below checks integrity already: offer RFC 9653, use it when the other side offers too. */
  readonly acceptsZeroChecksum: boolean;
  /** Offer RFC 8260. */
  readonly offersInterleaving: boolean;
  readonly createCongestionControl: CreateCongestionControl;
  /** SCTP packet sizes: sent at once, and the largest that path discovery may find. */
  readonly basePacketBytes: number;
  readonly maxPacketBytes: number;
}

export interface SendOptions {
  readonly streamId: number;
  readonly protocolId: number;
  readonly isUnordered?: boolean;
  /** Partial reliability, RFC 3758 and 7496: given up after this time or so many retransmissions. */
  readonly lifetimeMs?: number;
  readonly maxRetransmissions?: number;
}

export interface ReceivedMessage {
  readonly streamId: number;
  readonly protocolId: number;
  readonly isUnordered: boolean;
  /** The receiver's own: not a view into a packet. */
  readonly payload: Uint8Array;
}

export type ClosedReason =
  | "shutdown"
  | "aborted"
  /** Nothing is answered. */
  | "timed-out"
  /** The path lives, but takes smaller packets than before: what was sent already can't be cut anew. */
  | "path-shrank"
  | "protocol-violation"
  | "closed-here";

export type AssociationEvent =
  | { readonly kind: "connected" }
  | { readonly kind: "message"; readonly message: ReceivedMessage }
  /** Unsent bytes of the stream fell to its threshold. */
  | { readonly kind: "buffered-low"; readonly streamId: number }
  /**
   * The other side began anew without a word: whatever was on the way, either way, is gone, and so is
   * every stream's state (RFC 9260 section 5.2.4, action A).
   */
  | { readonly kind: "restarted" }
  /**
   * The other side reset these streams of its; ours follow by themselves when what is queued on them is
   * sent, unless they were reset before (RFC 8831 section 6.7).
   */
  | { readonly kind: "incoming-reset"; readonly streams: readonly number[] }
  | {
      readonly kind: "outgoing-reset";
      readonly streams: readonly number[];
      readonly isDone: boolean;
    }
  | {
      readonly kind: "closed";
      readonly reason: ClosedReason;
    };

export interface SctpAssociation {
  readonly state: "closed" | "connecting" | "connected" | "shutting-down";
  /** Sends INIT. Both sides may: RFC 9260 section 5.2.1, simultaneous open. */
  connect(nowMs: number): void;
  /** One SCTP packet. It is read during the call only. Never throws, whatever it holds. */
  receive(packet: Uint8Array, nowMs: number): void;
  /**
   * The payload is not copied: it must not change until it was sent and acknowledged.
   * @throws {SctpError} `not-connected`, `message-too-large`, `empty-message`, `no-such-stream` (which
   * one is that is being reset, too).
   */
  send(payload: Uint8Array, options: SendOptions, nowMs: number): void;
  /** Weight of a stream among those with something to send; RFC 8831 section 6.4's priorities. */
  setPriority(streamId: number, priority: number): void;
  setBufferedLowThreshold(streamId: number, bytes: number): void;
  /** Bytes handed to `send` and not yet sent for the first time. */
  bufferedBytes(streamId: number): number;
  resetStreams(streams: readonly number[], nowMs: number): void;
  /** Sends what is left, then SHUTDOWN. */
  shutdown(nowMs: number): void;
  /** Tells the other side by ABORT. */
  abort(nowMs: number): void;
  /**
   * The next packet to go out now, or undefined when there is none (yet). It is a view that the next
   * call overwrites: seal or copy it at once. Call until undefined after every other call.
   */
  nextPacket(nowMs: number): Uint8Array | undefined;
  nextEvent(): AssociationEvent | undefined;
  /** When to call `nextPacket` again at the latest; Infinity for never. */
  readonly wakeAtMs: number;
}
