import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import { continueCrc32c, crc32c, packetChecksum } from "./crc32c.ts";

/** Bit by bit, as the standard tells it. */
function plainCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

describe("CRC32c", () => {
  test("of the check string is the published one", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });

  // RFC 3720 section B.4, the vectors that RFC 9260 takes its polynomial's name from.
  test.each([
    ["zeros", new Uint8Array(32), 0x8a9136aa],
    ["ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["rising", Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
    ["falling", Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
  ])("of 32 bytes of %s is that of RFC 3720", (_name, bytes, checksum) => {
    expect(crc32c(bytes)).toBe(checksum);
  });

  test("equals the plain loop at every length and every alignment", () => {
    const random = new Random(1);
    const bytes = random.bytes(200);
    for (let from = 0; from < 8; from += 1) {
      for (let to = from; to <= bytes.length; to += 1) {
        const part = bytes.subarray(from, to);
        expect(crc32c(part)).toBe(plainCrc32c(part));
      }
    }
  });

  test("is the same in pieces as in one", () => {
    const bytes = new Random(2).bytes(300);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const first = continueCrc32c(-1, viewOf(bytes), 0, cut);
      expect(~continueCrc32c(first, viewOf(bytes), cut, 300) >>> 0).toBe(crc32c(bytes));
    }
  });

  test("of a packet takes its checksum field for zero", () => {
    const packet = new Random(3).bytes(120);
    const zeroed = packet.slice();
    zeroed.fill(0, 8, 12);
    expect(packetChecksum(viewOf(packet), 120)).toBe(plainCrc32c(zeroed));
    expect(packetChecksum(viewOf(packet), 100)).toBe(plainCrc32c(zeroed.subarray(0, 100)));
  });
});
