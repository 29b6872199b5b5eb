/**
 * Pictures as a stand-in for Stable Diffusion draws them: noise that its seed alone decides.
 *
 * It paints over everything, whatever mask it was given, as the worst backend would.
 */
import { crc32 } from "node:zlib";
import sharp from "sharp";

export interface FakePicture {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  /** Texts of the PNG by keyword. */
  readonly texts?: Readonly<Record<string, string>>;
}

export async function drawFake({ width, height, seed, texts = {} }: FakePicture): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3);
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let at = 0; at < data.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[at] = state >>> 24;
  }
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const chunks = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
  // Behind the signature and the header.
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
}

function textChunk(keyword: string, text: string): Buffer {
  const body = Buffer.from(`tEXt${keyword}\0${text}`, "latin1");
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}
