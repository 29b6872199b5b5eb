/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits for short inputs.
 *
 * It authenticates cookies (RFC 9260 section 5.1.3 asks for a MAC such as HMAC-SHA-1). 64 bits suffice
 * here: below is DTLS, so the only one who can send cookies at all is the other side itself, which
 * gains nothing by one that it could not get by asking; a guess costs it a packet and has one chance
 * in 2^64; and the key lives as long as one association.
 *
 * BigInt is slow, some 30 µs for a cookie, and there is one cookie per association.
 */

const MASK = 0xffff_ffff_ffff_ffffn;

/** @param key two words of 64 bits. */
export function sipHash(key: readonly [bigint, bigint], bytes: Uint8Array): bigint {
  const state: State = [
    key[0] ^ 0x736f6d6570736575n,
    key[1] ^ 0x646f72616e646f6dn,
    key[0] ^ 0x6c7967656e657261n,
    key[1] ^ 0x7465646279746573n,
  ];
  for (let at = 0; at + 8 <= bytes.length; at += 8) absorb(state, wordAt(bytes, at, 8));
  const rest = bytes.length & 7;
  const last = wordAt(bytes, bytes.length - rest, rest) | (BigInt(bytes.length & 0xff) << 56n);
  absorb(state, last);
  state[2] ^= 0xffn;
  for (let count = 0; count < 4; count += 1) round(state);
  return state[0] ^ state[1] ^ state[2] ^ state[3];
}

type State = [bigint, bigint, bigint, bigint];

function absorb(state: State, word: bigint): void {
  state[3] ^= word;
  round(state);
  round(state);
  state[0] ^= word;
}

function round(state: State): void {
  let [v0, v1, v2, v3] = state;
  v0 = (v0 + v1) & MASK;
  v1 = rotate(v1, 13n) ^ v0;
  v0 = rotate(v0, 32n);
  v2 = (v2 + v3) & MASK;
  v3 = rotate(v3, 16n) ^ v2;
  v0 = (v0 + v3) & MASK;
  v3 = rotate(v3, 21n) ^ v0;
  v2 = (v2 + v1) & MASK;
  v1 = rotate(v1, 17n) ^ v2;
  v2 = rotate(v2, 32n);
  state[0] = v0;
  state[1] = v1;
  state[2] = v2;
  state[3] = v3;
}

function rotate(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & MASK;
}

/** Little endian. */
function wordAt(bytes: Uint8Array, at: number, length: number): bigint {
  let word = 0n;
  for (let index = length - 1; index >= 0; index -= 1) {
    word = (word << 8n) | BigInt(bytes[at + index] as number);
  }
  return word;
}
