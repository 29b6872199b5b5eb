/**
 * One message on its way out. Fragments are cut from it as packets have room, so nothing is copied
 * and nothing is numbered before it leaves.
 */

export interface MessageOptions {
  readonly payload: Uint8Array;
  readonly streamId: number;
  readonly protocolId: number;
  readonly isUnordered: boolean;
  /** RFC 7496 section 4.1: not (re)transmitted after this; Infinity for a reliable message. */
  readonly expiresAtMs: number;
  /** RFC 7496 section 4.2; Infinity for a reliable message. */
  readonly maxRetransmissions: number;
}

export class OutgoingMessage {
  readonly payload: Uint8Array;
  readonly streamId: number;
  readonly protocolId: number;
  readonly isUnordered: boolean;
  readonly expiresAtMs: number;
  readonly maxRetransmissions: number;

  /** Bytes that were sent at least once. */
  sentBytes = 0;
  /** Fragments they made. */
  fragments = 0;
  /** Stream sequence number or message identifier, given with the first fragment. */
  messageId = 0;
  /** Ordinals of the first and the newest fragment; -1 before there are any. */
  firstOrdinal = -1;
  lastOrdinal = -1;
  /** Given up (RFC 3758 section 3.5): nothing of it is sent any more. */
  isAbandoned = false;

  constructor(options: MessageOptions) {
    this.payload = options.payload;
    this.streamId = options.streamId;
    this.protocolId = options.protocolId;
    this.isUnordered = options.isUnordered;
    this.expiresAtMs = options.expiresAtMs;
    this.maxRetransmissions = options.maxRetransmissions;
  }

  get unsentBytes(): number {
    return this.payload.length - this.sentBytes;
  }

  isExpired(nowMs: number): boolean {
    return nowMs > this.expiresAtMs;
  }
}
