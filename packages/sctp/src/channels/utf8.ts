/** UTF-8 for the names of channels: no engine's own is pure, and names are short. */

const REPLACEMENT = 0xfffd;

/** Lone surrogates become U+FFFD, as in every USVString. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) ?? REPLACEMENT;
    const isSurrogate = point >= 0xd800 && point <= 0xdfff;
    pushPoint(bytes, isSurrogate ? REPLACEMENT : point);
  }
  return Uint8Array.from(bytes);
}

function pushPoint(bytes: number[], point: number): void {
  if (point < 0x80) {
    bytes.push(point);
    return;
  }
  const more = point < 0x800 ? 1 : point < 0x1_0000 ? 2 : 3;
  const lead = [0xc0, 0xe0, 0xf0][more - 1] ?? 0;
  bytes.push(lead | (point >> (6 * more)));
  for (let left = more - 1; left >= 0; left -= 1) bytes.push(0x80 | ((point >> (6 * left)) & 0x3f));
}

/** What is not UTF-8 becomes U+FFFD, as in every decoder of a browser. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const { point, length } = pointAt(bytes, at);
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
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

function pointAt(bytes: Uint8Array, at: number): { point: number; length: number } {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return { point: lead, length: 1 };
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
