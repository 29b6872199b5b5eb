/**
 * What one `relay` event carries: records one after the other, each behind its length (u16,
 * big-endian). An event costs both peers and the server about as much as copying 16 KiB, whatever is
 * in it, so records that leave together travel together.
 */

import { BeelineError } from "./errors.ts";
import { MAX_RECORD_BYTES, MAX_RELAY_FRAME_BYTES } from "./limits.ts";

const LENGTH_BYTES = 2;

/** Records on their way into one event; holds what surely fits and no more. */
export class RelayFrame {
  readonly #records: Uint8Array[] = [];
  #bytes = 0;

  /** It holds as much as it should, or the largest record might not fit any more: send it. */
  isFull(batchBytes: number): boolean {
    const isLast = this.#bytes + LENGTH_BYTES + MAX_RECORD_BYTES > MAX_RELAY_FRAME_BYTES;
    return isLast || this.#bytes >= batchBytes;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  add(record: Uint8Array): void {
    this.#records.push(record);
    this.#bytes += LENGTH_BYTES + record.byteLength;
  }

  /** The event's bytes; empties the frame. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.#bytes);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const record of this.#records) {
      view.setUint16(at, record.byteLength);
      bytes.set(record, at + LENGTH_BYTES);
      at += LENGTH_BYTES + record.byteLength;
    }
    this.#records.length = 0;
    this.#bytes = 0;
    return bytes;
  }
}

/**
 * The records of an event, as views into it.
 * @throws {BeelineError} `RECORD_MALFORMED` when the lengths do not add up; no record is to be used.
 */
export function splitRelayFrame(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const start = at + LENGTH_BYTES;
    const length = start <= bytes.byteLength ? view.getUint16(at) : Number.POSITIVE_INFINITY;
    if (length === 0 || start + length > bytes.byteLength) {
      throw new BeelineError("RECORD_MALFORMED", "a relay event whose lengths do not add up");
    }
    records.push(bytes.subarray(start, start + length));
    at = start + length;
  }
  return records;
}
