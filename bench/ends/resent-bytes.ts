/**
 * Counts what an association sends, and sends again, by looking at its plain packets (RFC 9260 section
 * 3): a TSN that is not above all before is a retransmission. So nothing in the machine has to count.
 */

const COMMON_HEADER_BYTES = 12;
const DATA = 0;
const I_DATA = 64;
const DATA_HEADER_BYTES = 16;
const I_DATA_HEADER_BYTES = 20;
/** A chunk is at least its header. */
const LEAST_CHUNK_BYTES = 4;

export interface SentCounters {
  /** Packets with user data in them. */
  readonly packets: number;
  /** User data, retransmissions included. */
  readonly bytes: number;
  readonly resentBytes: number;
}

export class ResentBytes {
  #packets = 0;
  #bytes = 0;
  #resentBytes = 0;
  #highest: number | undefined;

  get counters(): SentCounters {
    return { packets: this.#packets, bytes: this.#bytes, resentBytes: this.#resentBytes };
  }

  onPacket(packet: Uint8Array): void {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    let hasData = false;
    for (let at = COMMON_HEADER_BYTES; at + LEAST_CHUNK_BYTES <= packet.byteLength; ) {
      const type = view.getUint8(at);
      const length = view.getUint16(at + 2);
      if (type === DATA || type === I_DATA) {
        hasData = true;
        const headerBytes = type === DATA ? DATA_HEADER_BYTES : I_DATA_HEADER_BYTES;
        this.#onData(view.getUint32(at + LEAST_CHUNK_BYTES), length - headerBytes);
      }
      // Chunks begin at whole words.
      at += Math.max(LEAST_CHUNK_BYTES, (length + 3) & ~3);
    }
    if (hasData) this.#packets += 1;
  }

  #onData(tsn: number, bytes: number): void {
    this.#bytes += bytes;
    // In serial arithmetic (RFC 1982): the difference as a signed number.
    if (this.#highest !== undefined && ((tsn - this.#highest) | 0) <= 0) this.#resentBytes += bytes;
    else this.#highest = tsn;
  }
}
