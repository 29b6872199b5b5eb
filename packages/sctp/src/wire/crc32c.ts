/**
 * The checksum of SCTP (RFC 9260 section 6.8 and appendix A): CRC32c, sixteen bytes a step by tables.
 * It is made over every packet both ways unless RFC 9653 spares it, so it is made for speed.
 */

/** Castagnoli's polynomial with its bits reversed, as the register shifts to the right. */
const POLYNOMIAL = 0x82f63b78;

/** One table for each byte of a step. */
const SLICES = 16;
const BYTE_VALUES = 256;

/** `TABLE[256 n + b]` is what byte `b` does to the register when n more bytes follow it. */
const TABLE = createTable();

function createTable(): Int32Array {
  const table = new Int32Array(SLICES * BYTE_VALUES);
  for (let byte = 0; byte < BYTE_VALUES; byte += 1) {
    let register = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      register = (register >>> 1) ^ (register & 1 ? POLYNOMIAL : 0);
    }
    table[byte] = register;
  }
  for (let at = BYTE_VALUES; at < table.length; at += 1) {
    const shorter = table[at - BYTE_VALUES] as number;
    table[at] = (shorter >>> 8) ^ (table[shorter & 0xff] as number);
  }
  return table;
}

function entry(index: number): number {
  return TABLE[index] as number;
}

/**
 * Goes on with a checksum over the bytes [from, to) of `view`.
 * @param register -1 at the start; what the last call returned from then on.
 * @returns the register, whose complement is the checksum of everything so far.
 */
export function continueCrc32c(register: number, view: DataView, from: number, to: number): number {
  let crc = register;
  let at = from;
  for (const last = to - SLICES; at <= last; at += SLICES) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc =
      entry(3840 | (a & 0xff)) ^
      entry(3584 | ((a >>> 8) & 0xff)) ^
      entry(3328 | ((a >>> 16) & 0xff)) ^
      entry(3072 | (a >>> 24)) ^
      entry(2816 | (b & 0xff)) ^
      entry(2560 | ((b >>> 8) & 0xff)) ^
      entry(2304 | ((b >>> 16) & 0xff)) ^
      entry(2048 | (b >>> 24)) ^
      entry(1792 | (c & 0xff)) ^
      entry(1536 | ((c >>> 8) & 0xff)) ^
      entry(1280 | ((c >>> 16) & 0xff)) ^
      entry(1024 | (c >>> 24)) ^
      entry(768 | (d & 0xff)) ^
      entry(512 | ((d >>> 8) & 0xff)) ^
      entry(256 | ((d >>> 16) & 0xff)) ^
      entry(d >>> 24);
  }
  for (; at < to; at += 1) crc = (crc >>> 8) ^ entry((crc ^ view.getUint8(at)) & 0xff);
  return crc;
}

export function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return ~continueCrc32c(-1, view, 0, view.byteLength) >>> 0;
}

/** Where the common header has its checksum, RFC 9260 section 3.1. */
const CHECKSUM_AT = 8;
const CHECKSUM_END = 12;

/** The field counts as zero while the checksum is made. */
const NO_CHECKSUM = new DataView(new ArrayBuffer(CHECKSUM_END - CHECKSUM_AT));

/**
 * The checksum of a packet of at least 12 bytes, whatever its checksum field holds now. It belongs
 * there with its lowest byte first (appendix A).
 * @param length bytes of the packet, from the start of `view`.
 */
export function packetChecksum(view: DataView, length: number): number {
  const ports = continueCrc32c(-1, view, 0, CHECKSUM_AT);
  const header = continueCrc32c(ports, NO_CHECKSUM, 0, NO_CHECKSUM.byteLength);
  return ~continueCrc32c(header, view, CHECKSUM_END, length) >>> 0;
}
