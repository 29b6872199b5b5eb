/** The numbers of the wire: chunk types, flags and parameter types, and what their highest bits ask. */

/** RFC 9260 section 3.2 unless noted. */
export const CHUNK_TYPE = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  /** RFC 8260 section 2.1. */
  iData: 64,
  /** RFC 6525 section 3.1. */
  reconfig: 130,
  /** RFC 4820 section 3. */
  pad: 132,
  /** RFC 3758 section 3.2. */
  forwardTsn: 192,
  /** RFC 8260 section 2.3.1. */
  iForwardTsn: 194,
} as const;

/** Of DATA (RFC 9260 section 3.3.1) and I-DATA (RFC 8260 section 2.1). */
export const DATA_FLAG = { last: 1, first: 2, unordered: 4, immediate: 8 } as const;

/** ABORT and SHUTDOWN COMPLETE: the tag is the receiver's own, RFC 9260 section 8.5.1. */
export const TAG_REFLECTED_FLAG = 1;

export const PARAMETER_TYPE = {
  heartbeatInfo: 1,
  /** RFC 9260 section 3.3.3. */
  stateCookie: 7,
  unrecognized: 8,
  /** RFC 6525 section 4. */
  outgoingReset: 13,
  incomingReset: 14,
  tsnReset: 15,
  reconfigResponse: 16,
  addOutgoing: 17,
  addIncoming: 18,
  /** RFC 9653 section 4. */
  zeroChecksum: 0x8001,
  /** RFC 5061 section 4.2.7. */
  supportedExtensions: 0x8008,
  /** RFC 3758 section 3.1. */
  forwardTsnSupported: 0xc000,
} as const;

/** RFC 9260 section 3.1. */
export const PACKET_HEADER_BYTES = 12;
/** Type, flags and length: RFC 9260 section 3.2. */
export const CHUNK_HEADER_BYTES = 4;
/** Type and length: RFC 9260 section 3.2.1. */
export const PARAMETER_HEADER_BYTES = 4;
/** Before the user data: RFC 9260 section 3.3.1 and RFC 8260 section 2.1. */
export const DATA_HEADER_BYTES = 16;
export const I_DATA_HEADER_BYTES = 20;

/** Chunks and parameters begin at multiples of four, RFC 9260 sections 3.2 and 3.2.1. */
export function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}

/**
 * What the two highest bits of an unknown chunk's type ask of its receiver, RFC 9260 section 3.2.
 * @param code the type, 8 bits.
 */
export function unknownChunkRule(code: number): { mayGoOn: boolean; mustReport: boolean } {
  return { mayGoOn: (code & 0x80) !== 0, mustReport: (code & 0x40) !== 0 };
}

/** The same of an unknown parameter's type, 16 bits, RFC 9260 section 3.2.1. */
export function unknownParameterRule(type: number): { mayGoOn: boolean; mustReport: boolean } {
  return { mayGoOn: (type & 0x8000) !== 0, mustReport: (type & 0x4000) !== 0 };
}
