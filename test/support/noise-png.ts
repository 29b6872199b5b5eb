/**
 * A valid PNG of about any size: 16-bit RGBA noise, stored without compression, the same bytes for
 * the same seed. A picture that compressed would hide what a path really carries.
 */

import { createCipheriv } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BYTES_PER_PIXEL = 8;
const ROW_FILTER_BYTES = 1;

/** 2048 pixels a side are 32 MiB. */
export function noisePng(side: number, seed = 0): Uint8Array {
  const rowBytes = ROW_FILTER_BYTES + side * BYTES_PER_PIXEL;
  const rows = noise(rowBytes * side, seed);
  for (let row = 0; row < side; row += 1) rows[row * rowBytes] = 0;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // 16 bits a channel, red-green-blue-alpha; one way of compressing, filtering and interlacing.
  header.set([16, 6, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 0 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Bytes without pattern that follow from a seed. */
export function noise(bytes: number, seed: number): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed, 0);
  return createCipheriv("aes-128-ctr", Buffer.alloc(16), iv).update(Buffer.alloc(bytes));
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.byteLength);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
