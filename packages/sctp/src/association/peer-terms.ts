/**
 * What both sides agreed upon by INIT and INIT ACK: tags, first TSNs, windows, streams, extensions.
 */

import type { InitChunk } from "../wire/chunk.ts";
import { CHUNK_TYPE } from "../wire/chunk-type.ts";
import type { AssociationOptions } from "./association-api.ts";

/** RFC 8831 section 6.2 negotiates as many streams as there are. */
export const STREAMS = 65_535;

/** RFC 9653 section 8: error detection by DTLS. */
const BY_DTLS = 1;

export interface PeerTerms {
  /** What the other side wants to read in our packets, and where its TSNs begin. */
  readonly tag: number;
  readonly initialTsn: number;
  readonly receiveWindowBytes: number;
  /** Ours to it, and its to us. */
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  /** RFC 8260: user data goes as I-DATA, and only so. */
  readonly isInterleaved: boolean;
  readonly hasForwardTsn: boolean;
  /** RFC 6525. */
  readonly hasStreamReset: boolean;
  /** RFC 4820. */
  readonly hasPad: boolean;
  /** RFC 9653: our packets may leave without checksum. */
  readonly mayOmitChecksum: boolean;
}

/** What we say of ourselves. */
export function ownInit(
  type: InitChunk["type"],
  own: { readonly tag: number; readonly initialTsn: number },
  options: AssociationOptions,
): InitChunk {
  const interleaving = [CHUNK_TYPE.iData, CHUNK_TYPE.iForwardTsn];
  return {
    type,
    tag: own.tag,
    receiveWindowBytes: options.receiveWindowBytes,
    outboundStreams: STREAMS,
    inboundStreams: STREAMS,
    initialTsn: own.initialTsn,
    cookie: undefined,
    extensions: [
      CHUNK_TYPE.reconfig,
      CHUNK_TYPE.forwardTsn,
      CHUNK_TYPE.pad,
      ...(options.offersInterleaving ? interleaving : []),
    ],
    forwardTsn: true,
    zeroChecksumMethod: options.acceptsZeroChecksum ? BY_DTLS : undefined,
    unrecognized: [],
  };
}

/** RFC 9260 section 3.3.2: without a stream either way it is no INIT. */
export function hasStreams(init: InitChunk): boolean {
  return init.outboundStreams > 0 && init.inboundStreams > 0;
}

/** What holds after the other side said this. */
export function agree(init: InitChunk, options: AssociationOptions): PeerTerms {
  const has = (type: number) => init.extensions.includes(type);
  // RFC 8260 section 2.2.1: used when both list it.
  const isInterleaved = options.offersInterleaving && has(CHUNK_TYPE.iData);
  return {
    tag: init.tag,
    initialTsn: init.initialTsn,
    receiveWindowBytes: init.receiveWindowBytes,
    outboundStreams: Math.min(STREAMS, init.inboundStreams),
    inboundStreams: Math.min(STREAMS, init.outboundStreams),
    isInterleaved,
    hasForwardTsn: isInterleaved
      ? has(CHUNK_TYPE.iForwardTsn)
      : init.forwardTsn || has(CHUNK_TYPE.forwardTsn),
    hasStreamReset: has(CHUNK_TYPE.reconfig),
    hasPad: has(CHUNK_TYPE.pad),
    mayOmitChecksum: options.acceptsZeroChecksum && init.zeroChecksumMethod === BY_DTLS,
  };
}
