/**
 * The chunks of SCTP as values. Payloads and opaque fields are views into the packet they came from:
 * whoever keeps one longer than the call copies it.
 */

/** User data: DATA (RFC 9260 section 3.3.1) or, interleaved, I-DATA (RFC 8260 section 2.1). */
export interface DataChunk {
  readonly type: "data";
  readonly isInterleaved: boolean;
  readonly tsn: number;
  readonly streamId: number;
  /** DATA: the stream sequence number, 16 bit. I-DATA: the message identifier, 32 bit. */
  readonly messageId: number;
  /** I-DATA: the fragment's number in its message, 0 for the first. DATA: 0. */
  readonly fragment: number;
  /** I-DATA carries it in the first fragment only; 0 in the others. */
  readonly protocolId: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly isUnordered: boolean;
  /** RFC 7053: the sender asks for a SACK at once. */
  readonly isImmediate: boolean;
  readonly payload: Uint8Array;
}

/** INIT and INIT ACK, RFC 9260 sections 3.3.2 and 3.3.3. */
export interface InitChunk {
  readonly type: "init" | "init-ack";
  readonly tag: number;
  readonly receiveWindowBytes: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  readonly initialTsn: number;
  /** INIT ACK only. */
  readonly cookie: Uint8Array | undefined;
  /** Chunk types named in Supported Extensions, RFC 5061 section 4.2.7. */
  readonly extensions: readonly number[];
  /** Forward-TSN-Supported, RFC 3758 section 3.1. */
  readonly forwardTsn: boolean;
  /** Zero Checksum Acceptable with this alternate method (1 = DTLS), RFC 9653 section 4. */
  readonly zeroChecksumMethod: number | undefined;
  /**
   * Parameters of the other side whose type asks for a report, whole (RFC 9260 section 3.2.1). Written
   * into an INIT ACK they are that report; an INIT reports nothing.
   */
  readonly unrecognized: readonly Uint8Array[];
}

/** RFC 9260 section 3.3.4. */
export interface SackChunk {
  readonly type: "sack";
  readonly cumulativeTsn: number;
  readonly receiveWindowBytes: number;
  /** Offsets from `cumulativeTsn`, both ends included, ascending. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
  readonly duplicates: readonly number[];
}

/** RFC 9260 sections 3.3.5 and 3.3.6; `info` is ours and comes back as it was. */
export interface HeartbeatChunk {
  readonly type: "heartbeat" | "heartbeat-ack";
  readonly info: Uint8Array;
}

/** ABORT and ERROR, RFC 9260 sections 3.3.7 and 3.3.10; `isTagReflected` is ABORT's T bit. */
export interface ErrorChunk {
  readonly type: "abort" | "error";
  readonly isTagReflected: boolean;
  readonly causes: readonly { readonly code: number; readonly value: Uint8Array }[];
}

/** RFC 9260 sections 3.3.8, 3.3.9 and 3.3.13. */
export interface ShutdownChunk {
  readonly type: "shutdown" | "shutdown-ack" | "shutdown-complete";
  /** SHUTDOWN only. */
  readonly cumulativeTsn: number;
  /** SHUTDOWN COMPLETE only. */
  readonly isTagReflected: boolean;
}

/** RFC 9260 sections 3.3.11 and 3.3.12. */
export interface CookieChunk {
  readonly type: "cookie-echo" | "cookie-ack";
  readonly cookie: Uint8Array;
}

/** FORWARD TSN (RFC 3758 section 3.2) and I-FORWARD-TSN (RFC 8260 section 2.3.1). */
export interface ForwardTsnChunk {
  readonly type: "forward-tsn";
  readonly isInterleaved: boolean;
  readonly cumulativeTsn: number;
  readonly skipped: readonly {
    readonly streamId: number;
    readonly isUnordered: boolean;
    readonly messageId: number;
  }[];
}

/** RE-CONFIG, RFC 6525 section 3.1; one or two of these. */
export type ReconfigParameter =
  | {
      readonly kind: "outgoing-reset";
      readonly request: number;
      readonly response: number;
      readonly lastTsn: number;
      /** None means all. */
      readonly streams: readonly number[];
    }
  | {
      readonly kind: "incoming-reset";
      readonly request: number;
      readonly streams: readonly number[];
    }
  | { readonly kind: "response"; readonly response: number; readonly result: number }
  /** SSN/TSN reset and adding streams, which we refuse. */
  | { readonly kind: "other"; readonly parameterType: number; readonly request: number };

export interface ReconfigChunk {
  readonly type: "reconfig";
  readonly parameters: readonly ReconfigParameter[];
}

/** PAD, RFC 4820: fills a probe of the path's packet size. */
export interface PadChunk {
  readonly type: "pad";
  /** Of the whole chunk, its header of 4 included. */
  readonly bytes: number;
}

/** A type we don't know which asks to be reported by ERROR, RFC 9260 section 3.2; others are not read. */
export interface UnknownChunk {
  readonly type: "unknown";
  readonly code: number;
  readonly whole: Uint8Array;
}

export type Chunk =
  | DataChunk
  | InitChunk
  | SackChunk
  | HeartbeatChunk
  | ErrorChunk
  | ShutdownChunk
  | CookieChunk
  | ForwardTsnChunk
  | ReconfigChunk
  | PadChunk
  | UnknownChunk;

/** The common header, RFC 9260 section 3.1. */
export interface PacketHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tag: number;
}
