/**
 * The safetensors container, as far as demo resources need it: write a small file, read the texts in
 * a header.
 *
 * Layout: 8 bytes little-endian length, that many bytes of JSON, then the tensors. Only the header
 * is ever read, and only up to a bound; whether a downloaded file is sound is decided elsewhere.
 */

import { open } from "node:fs/promises";
import { z } from "zod";

const LENGTH_BYTES = 8;

/** The header of a full checkpoint is about 200 KB; what is longer has no texts for us. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** safetensors pads headers with spaces so that tensors begin at a multiple of this. */
const ALIGNMENT = 8;

const Header = z.object({ __metadata__: z.record(z.string(), z.string()).optional() });

/** A file with one tensor of bytes. */
export function writeSafetensors(
  metadata: Readonly<Record<string, string>>,
  tensor: Uint8Array,
): Uint8Array {
  const json = JSON.stringify({
    __metadata__: metadata,
    "demo.weight": { dtype: "U8", shape: [tensor.length], data_offsets: [0, tensor.length] },
  });
  const padded = Math.ceil(Buffer.byteLength(json) / ALIGNMENT) * ALIGNMENT;
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(padded));
  const header = Buffer.alloc(padded, " ");
  header.write(json);
  return Buffer.concat([length, header, tensor]);
}

/**
 * The texts in a file's header; empty when there are none or the file is not safetensors.
 * Errors of the file system (no such file, no permission) are thrown as they come.
 */
export async function readMetadata(path: string): Promise<Readonly<Record<string, string>>> {
  const file = await open(path);
  try {
    const prefix = Buffer.alloc(LENGTH_BYTES);
    const { bytesRead } = await file.read(prefix, 0, LENGTH_BYTES, 0);
    const length = prefix.readBigUInt64LE();
    if (bytesRead < LENGTH_BYTES || length > MAX_HEADER_BYTES) return {};
    const header = Buffer.alloc(Number(length));
    const read = await file.read(header, 0, header.length, LENGTH_BYTES);
    return parseMetadata(header.toString("utf8", 0, read.bytesRead));
  } finally {
    await file.close();
  }
}

function parseMetadata(json: string): Readonly<Record<string, string>> {
  try {
    return Header.parse(JSON.parse(json)).__metadata__ ?? {};
  } catch {
    return {};
  }
}
