/**
 * Data channels (RFC 8831) over an association: what their owner sees. No I/O and no clock: after every
 * turn of the association, take events until there are none.
 */

import type { ClosedReason } from "../association/association-api.ts";

export interface ChannelOptions {
  /** Any text of at most 65535 bytes in UTF-8, like `protocol`. */
  readonly label: string;
  readonly protocol?: string;
  /** Default true. */
  readonly isOrdered?: boolean;
  /** Partial reliability; give one of the two at most. Whole numbers below 2^32. */
  readonly maxRetransmissions?: number;
  readonly lifetimeMs?: number;
  /** RFC 8831 section 6.4: 128 below normal, 256 normal (default), 512 high, 1024 extra high. */
  readonly priority?: number;
  /** Both sides open the channel with this id, and nothing is announced: [0, 65534]. */
  readonly negotiatedId?: number;
}

export interface DataChannel {
  /** Of both its streams. */
  readonly id: number;
  readonly label: string;
  readonly protocol: string;
  readonly isOrdered: boolean;
  readonly maxRetransmissions: number | undefined;
  readonly lifetimeMs: number | undefined;
  readonly priority: number;
  readonly isNegotiated: boolean;
  /**
   * "open" once the association is connected: what is sent before the other side's acknowledgement of
   * the channel arrives after its announcement. "closed" once neither direction can carry anything.
   */
  readonly state: "connecting" | "open" | "closing" | "closed";
  /** Bytes of messages handed to `send` and not sent even once. */
  readonly bufferedBytes: number;
  /** "buffered-low" is told when `bufferedBytes` falls to this; 0 at first. */
  setBufferedLowThreshold(bytes: number): void;
  /**
   * @param payload may be empty. It is not copied: it must not change until it was acknowledged.
   * @param kind "text" says that it is UTF-8.
   * @throws {SctpError} `no-such-channel` unless it is open; `message-too-large`; `not-connected` while the
   * association ends.
   */
  send(payload: Uint8Array, kind: "text" | "binary", nowMs: number): void;
  /** What was handed to `send` before is still sent. The id is free again when "closed" is told. */
  close(nowMs: number): void;
}

export type ChannelEvent =
  /** The other side opened it; it is open. */
  | { readonly kind: "channel"; readonly channel: DataChannel }
  /** One of ours is open. */
  | { readonly kind: "open"; readonly channel: DataChannel }
  | {
      readonly kind: "message";
      readonly channel: DataChannel;
      readonly payload: Uint8Array;
      readonly isText: boolean;
    }
  | { readonly kind: "buffered-low"; readonly channel: DataChannel }
  /** Nothing more can be sent: this side or the other closes it. */
  | { readonly kind: "closing"; readonly channel: DataChannel }
  | { readonly kind: "closed"; readonly channel: DataChannel }
  /** The association is over, and every channel with it; their "closed" came before. */
  | {
      readonly kind: "ended";
      readonly reason: ClosedReason;
    };
