/**
 * The state cookie (RFC 9260 section 5.1.3): all that an INIT ACK promised, given to the other side to
 * hold, so that an INIT costs us no memory. Sealed by a keyed hash, with a time after which it is stale.
 */

import type { PeerTerms } from "./peer-terms.ts";
import { sipHash } from "./sip-hash.ts";

/** RFC 9260 section 16: Valid.Cookie.Life. */
const LIFE_MS = 60_000;

/** The fields below, then the hash. */
const SEALED_BYTES = 41;
const COOKIE_BYTES = SEALED_BYTES + 8;

const INTERLEAVED = 1;
const FORWARD_TSN = 2;
const STREAM_RESET = 4;
const OMIT_CHECKSUM = 8;
const PAD = 16;

export interface CookieContent {
  readonly createdAtMs: number;
  readonly localTag: number;
  readonly localInitialTsn: number;
  readonly terms: PeerTerms;
  /** The tags of the association that existed already; 0 for none (section 5.2.2). */
  readonly localTieTag: number;
  readonly peerTieTag: number;
}

export type CookieReading =
  | { readonly kind: "valid" | "stale"; readonly content: CookieContent }
  | { readonly kind: "forged" };

export class CookieJar {
  readonly #key: readonly [bigint, bigint];

  /** @param random uniform in [0, 1), unpredictable: the key is made of it. */
  constructor(random: () => number) {
    const word = () => BigInt(Math.floor(random() * 0x1_0000_0000));
    this.#key = [(word() << 32n) | word(), (word() << 32n) | word()];
  }

  seal(content: CookieContent): Uint8Array {
    const bytes = new Uint8Array(COOKIE_BYTES);
    const view = new DataView(bytes.buffer);
    const { terms } = content;
    view.setFloat64(0, content.createdAtMs);
    view.setUint32(8, content.localTag);
    view.setUint32(12, content.localInitialTsn);
    view.setUint32(16, content.localTieTag);
    view.setUint32(20, content.peerTieTag);
    view.setUint32(24, terms.tag);
    view.setUint32(28, terms.initialTsn);
    view.setUint32(32, terms.receiveWindowBytes);
    view.setUint16(36, terms.outboundStreams);
    view.setUint16(38, terms.inboundStreams);
    view.setUint8(
      40,
      (terms.isInterleaved ? INTERLEAVED : 0) |
        (terms.hasForwardTsn ? FORWARD_TSN : 0) |
        (terms.hasStreamReset ? STREAM_RESET : 0) |
        (terms.mayOmitChecksum ? OMIT_CHECKSUM : 0) |
        (terms.hasPad ? PAD : 0),
    );
    view.setBigUint64(SEALED_BYTES, sipHash(this.#key, bytes.subarray(0, SEALED_BYTES)));
    return bytes;
  }

  /** Section 5.1.5, steps 1, 2 and 4. */
  open(bytes: Uint8Array, nowMs: number): CookieReading {
    if (bytes.length !== COOKIE_BYTES) return { kind: "forged" };
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const seal = sipHash(this.#key, bytes.subarray(0, SEALED_BYTES));
    if (view.getBigUint64(SEALED_BYTES) !== seal) return { kind: "forged" };
    const content = contentOf(view);
    return { kind: nowMs > content.createdAtMs + LIFE_MS ? "stale" : "valid", content };
  }
}

function contentOf(view: DataView): CookieContent {
  const flags = view.getUint8(40);
  return {
    createdAtMs: view.getFloat64(0),
    localTag: view.getUint32(8),
    localInitialTsn: view.getUint32(12),
    localTieTag: view.getUint32(16),
    peerTieTag: view.getUint32(20),
    terms: {
      tag: view.getUint32(24),
      initialTsn: view.getUint32(28),
      receiveWindowBytes: view.getUint32(32),
      outboundStreams: view.getUint16(36),
      inboundStreams: view.getUint16(38),
      isInterleaved: (flags & INTERLEAVED) !== 0,
      hasForwardTsn: (flags & FORWARD_TSN) !== 0,
      hasStreamReset: (flags & STREAM_RESET) !== 0,
      hasPad: (flags & PAD) !== 0,
      mayOmitChecksum: (flags & OMIT_CHECKSUM) !== 0,
    },
  };
}
