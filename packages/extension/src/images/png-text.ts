/**
 * Text chunks of PNG files, read and written by hand because sharp does neither.
 *
 * `tEXt` holds Latin-1 and `iTXt` UTF-8 (PNG specification, 11.3.3); Stable Diffusion programs write
 * the keyword `parameters` as the former when the text allows it. Every length is checked before it
 * is used, so a hostile file costs one pass over its bytes at most. Compressed texts (`zTXt`,
 * compressed `iTXt`) are skipped: no Stable Diffusion program writes them, and not inflating a
 * stranger's bytes is the cheapest bound.
 */

import { crc32 } from "node:zlib";
import { BeelineError } from "@beeline/protocol";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Length, type and CRC around a chunk's data. */
const CHUNK_OVERHEAD = 12;

/** The PNG specification: "Keywords shall be 1 to 79 bytes", printable Latin-1. */
const KEYWORD = /^[\x21-\x7e\xa1-\xff](?:[\x20-\x7e\xa1-\xff]{0,77}[\x21-\x7e\xa1-\xff])?$/;

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Where the next chunk begins. */
  readonly end: number;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

function unreadable(what: string): BeelineError {
  return new BeelineError("IMAGE_UNREADABLE", `this PNG cannot be read: ${what}`);
}

function readChunk(png: Uint8Array, offset: number): Chunk {
  if (png.length - offset < CHUNK_OVERHEAD) throw unreadable("it ends within a chunk");
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const length = view.getUint32(offset);
  if (length > png.length - offset - CHUNK_OVERHEAD) {
    throw unreadable("a chunk is longer than the file");
  }
  const data = png.subarray(offset + 8, offset + 8 + length);
  const checked = png.subarray(offset + 4, offset + 8 + length);
  if (crc32(checked) !== view.getUint32(offset + 8 + length)) {
    throw unreadable("a chunk's checksum is wrong");
  }
  return {
    type: latin1(png.subarray(offset + 4, offset + 8)),
    data,
    end: offset + CHUNK_OVERHEAD + length,
  };
}

/** The header chunk, which the specification puts first. */
function readHeader(png: Uint8Array): Chunk {
  if (!SIGNATURE.every((byte, index) => png[index] === byte)) throw unreadable("it is not a PNG");
  const header = readChunk(png, SIGNATURE.length);
  if (header.type !== "IHDR") throw unreadable("its header is not first");
  return header;
}

function textOf(chunk: Chunk, keyword: string): string | undefined {
  const end = chunk.data.indexOf(0);
  if (end < 0 || latin1(chunk.data.subarray(0, end)) !== keyword) return undefined;
  if (chunk.type === "tEXt") return latin1(chunk.data.subarray(end + 1));
  // iTXt: compression flag, compression method, language tag, NUL, translated keyword, NUL, text.
  if (chunk.data[end + 1] !== 0) return undefined;
  const language = chunk.data.indexOf(0, end + 3);
  const translated = language < 0 ? -1 : chunk.data.indexOf(0, language + 1);
  if (translated < 0) throw unreadable("a text chunk ends too early");
  return Buffer.from(chunk.data.subarray(translated + 1)).toString("utf8");
}

/**
 * The first text under `keyword` (Stable Diffusion programs use `parameters`), or undefined.
 * @throws {BeelineError} `IMAGE_UNREADABLE` when the file is not a PNG or is damaged up to there.
 */
export function readPngText(png: Uint8Array, keyword: string): string | undefined {
  let chunk = readHeader(png);
  while (chunk.type !== "IEND") {
    chunk = readChunk(png, chunk.end);
    if (chunk.type !== "tEXt" && chunk.type !== "iTXt") continue;
    const text = textOf(chunk, keyword);
    if (text !== undefined) return text;
  }
  return undefined;
}

function writeChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(data.length + CHUNK_OVERHEAD);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  chunk.set(Buffer.from(type, "latin1"), 4);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

/**
 * A copy of the file with the text put right behind its header, where readers find it before any
 * other of the same keyword. NUL, which no text chunk can hold, becomes U+FFFD.
 * @throws {BeelineError} `IMAGE_UNREADABLE` when the file does not begin as a PNG.
 */
export function insertPngText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  if (!KEYWORD.test(keyword)) throw new RangeError(`"${keyword}" is no PNG keyword`);
  const safe = text.replaceAll("\0", "\ufffd");
  const fitsLatin1 = Buffer.from(safe, "latin1").toString("latin1") === safe;
  const chunk = fitsLatin1
    ? writeChunk("tEXt", Buffer.from(`${keyword}\0${safe}`, "latin1"))
    : writeChunk(
        "iTXt",
        Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, "latin1"), Buffer.from(safe)]),
      );
  const { end } = readHeader(png);
  return Buffer.concat([png.subarray(0, end), chunk, png.subarray(end)]);
}

/**
 * A copy of the file without the texts under these keywords, compressed ones included.
 * @throws {BeelineError} `IMAGE_UNREADABLE` when the file is not a PNG or is damaged.
 */
export function removePngTexts(png: Uint8Array, keywords: readonly string[]): Uint8Array {
  let chunk = readHeader(png);
  const kept = [png.subarray(0, chunk.end)];
  while (chunk.type !== "IEND") {
    const start = chunk.end;
    chunk = readChunk(png, start);
    const isText = /^(?:tEXt|iTXt|zTXt)$/.test(chunk.type);
    const keyword = isText ? latin1(chunk.data.subarray(0, chunk.data.indexOf(0))) : "";
    if (!isText || !keywords.includes(keyword)) kept.push(png.subarray(start, chunk.end));
  }
  return Buffer.concat(kept);
}
