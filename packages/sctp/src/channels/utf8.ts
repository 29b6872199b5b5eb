/** UTF-8 for the names of channels, as every engine does it: none has it without its own globals. */

const REPLACEMENT = 0xfffd;

/** What `String.fromCharCode` is given at once: engines have limits, this is far below all. */
const RUN = 4096;

/** Lone surrogates become U+FFFD, as in every USVString. */
export function encodeUtf8(text: string): Uint8Array {
  // Every UTF-16 unit makes three bytes at most.
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      bytes[length] = unit;
      length += 1;
      continue;
    }
    const point = text.codePointAt(at) ?? REPLACEMENT;
    if (point > 0xffff) at += 1;
    const isSurrogate = point >= 0xd800 && point <= 0xdfff;
    length = putPoint(bytes, length, isSurrogate ? REPLACEMENT : point);
  }
  return bytes.slice(0, length);
}

/** @param point beyond ASCII. @returns where the next one goes. */
function putPoint(bytes: Uint8Array, at: number, point: number): number {
  const more = point < 0x800 ? 1 : point < 0x1_0000 ? 2 : 3;
  bytes[at] = ((0xff00 >> (more + 1)) & 0xff) | (point >> (6 * more));
  for (let left = more - 1; left >= 0; left -= 1) {
    bytes[at + more - left] = 0x80 | ((point >> (6 * left)) & 0x3f);
  }
  return at + more + 1;
}

/** What is not UTF-8 becomes U+FFFD, as in every decoder of a browser. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const end = asciiEnd(bytes, at);
    if (end > at) {
      text += String.fromCharCode(...bytes.subarray(at, end));
      at = end;
    } else {
      const { point, length } = pointAt(bytes, at);
      text += String.fromCodePoint(point);
      at += length;
    }
  }
  return text;
}

/** Where the run of ASCII from `at` ends, or becomes too long for one call. */
function asciiEnd(bytes: Uint8Array, at: number): number {
  const last = Math.min(bytes.length, at + RUN);
  let end = at;
  while (end < last && (bytes[end] ?? 0) < 0x80) end += 1;
  return end;
}

/** How many bytes follow a lead byte, and from where to where the second may be (RFC 3629 section 4). */
function sequenceOf(lead: number): { more: number; low: number; high: number } | undefined {
  if (lead >= 0xc2 && lead <= 0xdf) return { more: 1, low: 0x80, high: 0xbf };
  if (lead >= 0xe0 && lead <= 0xef) {
    return { more: 2, low: lead === 0xe0 ? 0xa0 : 0x80, high: lead === 0xed ? 0x9f : 0xbf };
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    return { more: 3, low: lead === 0xf0 ? 0x90 : 0x80, high: lead === 0xf4 ? 0x8f : 0xbf };
  }
  return undefined;
}

/** One beyond ASCII, or one that stands for what is none. */
function pointAt(bytes: Uint8Array, at: number): { point: number; length: number } {
  const lead = bytes[at] ?? 0;
  const sequence = sequenceOf(lead);
  if (sequence === undefined) return { point: REPLACEMENT, length: 1 };
  let { low, high } = sequence;
  let point = lead & (0x3f >> sequence.more);
  for (let offset = 1; offset <= sequence.more; offset += 1) {
    const byte = bytes[at + offset];
    if (byte === undefined || byte < low || byte > high) {
      return { point: REPLACEMENT, length: offset };
    }
    point = (point << 6) | (byte & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  return { point, length: sequence.more + 1 };
}
