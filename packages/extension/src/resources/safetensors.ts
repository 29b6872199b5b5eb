/**
 * Reads the header of a safetensors file well enough to say that the file is one.
 *
 * The format: eight bytes little-endian with the header's length, the header as a JSON object that
 * names every tensor and where its bytes lie, then the bytes. A file passes when every tensor lies
 * inside it and the last one ends exactly where the file does, which also finds truncated files.
 *
 * Pure: the caller reads the bytes. Does not look at the tensors themselves.
 */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";

/** Bytes that say how long the header is, and the "{" that must follow them. */
export const PREFIX_BYTES = 8;
export const MAGIC_BYTES = PREFIX_BYTES + 1;

/** Largest models measure below 10 MB; the format's own 100 MB would hold up the process for seconds. */
export const MAX_HEADER_BYTES = 16 * 1024 * 1024;

const OPENING_BRACE = 0x7b;

const Tensor = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

/**
 * The header's length in bytes, from a file's first nine.
 * @throws {BeelineError} `FILE_REFUSED` when no safetensors file begins like this.
 */
export function headerLength(start: Uint8Array): number {
  if (start.length < MAGIC_BYTES) throw refused("it is too short");
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (start[PREFIX_BYTES] !== OPENING_BRACE || length < 2n) {
    throw refused("it does not begin like one");
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw refused(`its header would be larger than ${MAX_HEADER_BYTES} bytes`);
  }
  return Number(length);
}

/**
 * Checks a whole header against the size of its file.
 * @param header the JSON text, without the eight bytes before it.
 * @param fileBytes size of the whole file.
 * @throws {BeelineError} `FILE_REFUSED` with what does not fit.
 */
export function checkHeader(header: Uint8Array, fileBytes: number): void {
  const dataBytes = fileBytes - PREFIX_BYTES - header.length;
  let end = 0;
  for (const [name, value] of Object.entries(parseObject(header))) {
    if (name === "__metadata__") continue;
    const tensor = Tensor.safeParse(value);
    if (!tensor.success)
      throw refused("its header describes a tensor without type, shape or place");
    const [from, to] = tensor.data.data_offsets;
    if (from > to || to > dataBytes) throw refused("a tensor lies outside of the file");
    end = Math.max(end, to);
  }
  if (end !== dataBytes) throw refused("its size is not what its header says");
}

function parseObject(header: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch {
    throw refused("its header is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refused("its header is not an object");
  }
  return value;
}

function refused(why: string): BeelineError {
  return new BeelineError("FILE_REFUSED", `this is not a safetensors file: ${why}`);
}
