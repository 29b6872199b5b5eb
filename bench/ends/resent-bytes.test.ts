/** What counts as sent again. */

import { describe, expect, test } from "vitest";
import { ResentBytes } from "./resent-bytes.ts";

function chunk(type: number, headerBytes: number, tsn: number, bytes: number): number[] {
  const view = new DataView(new ArrayBuffer((headerBytes + bytes + 3) & ~3));
  view.setUint8(0, type);
  view.setUint16(2, headerBytes + bytes);
  view.setUint32(4, tsn);
  return [...new Uint8Array(view.buffer)];
}

const data = (tsn: number, bytes: number): number[] => chunk(0, 16, tsn, bytes);
const sack = (): number[] => chunk(3, 16, 7, 0);

function packet(...chunks: number[][]): Uint8Array {
  return Uint8Array.from([...new Array<number>(12).fill(0), ...chunks.flat()]);
}

describe("sent again", () => {
  test("is a TSN not above all before, behind other chunks and over the wrap too", () => {
    const counted = new ResentBytes();
    counted.onPacket(packet(sack(), data(0xffff_ffff, 1001)));
    counted.onPacket(packet(data(0, 50), data(1, 7)));
    expect(counted.counters).toEqual({ packets: 2, bytes: 1058, resentBytes: 0 });
    counted.onPacket(packet(sack(), data(0xffff_ffff, 1001), data(2, 3)));
    expect(counted.counters).toEqual({ packets: 3, bytes: 2062, resentBytes: 1001 });
  });

  test("of interleaved data has a longer header, and packets without data do not count", () => {
    const counted = new ResentBytes();
    counted.onPacket(packet(chunk(64, 20, 5, 9)));
    counted.onPacket(packet(sack()));
    counted.onPacket(packet(chunk(64, 20, 5, 9)));
    expect(counted.counters).toEqual({ packets: 2, bytes: 18, resentBytes: 9 });
  });
});
