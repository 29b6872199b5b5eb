import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import { tsnPlus } from "../wire/serial.ts";
import { ReceivedTsns } from "./received-tsns.ts";

const ROOM = 65_000;

function receive(tsns: ReceivedTsns, ...numbers: number[]): void {
  for (const tsn of numbers) {
    expect(tsns.classify(tsn)).toBe("new");
    tsns.add(tsn);
  }
}

describe("received TSNs", () => {
  test("begin before the first", () => {
    expect(new ReceivedTsns(0).cumulativeTsn).toBe(0xffff_ffff);
  });

  test("that come in order leave no gap", () => {
    const tsns = new ReceivedTsns(0xffff_fffe);
    receive(tsns, 0xffff_fffe, 0xffff_ffff, 0, 1);
    expect(tsns.sack(1000, ROOM)).toEqual({
      type: "sack",
      cumulativeTsn: 1,
      receiveWindowBytes: 1000,
      gaps: [],
      duplicates: [],
    });
  });

  test("are told as offsets from the cumulative one, across the wrap", () => {
    const tsns = new ReceivedTsns(0xffff_fffe);
    receive(tsns, 0xffff_ffff, 1, 3, 2, 9);
    expect(tsns.sack(0, ROOM)).toMatchObject({
      cumulativeTsn: 0xffff_fffd,
      gaps: [
        { start: 2, end: 2 },
        { start: 4, end: 6 },
        { start: 12, end: 12 },
      ],
    });
    receive(tsns, 0xffff_fffe);
    expect(tsns.cumulativeTsn).toBe(0xffff_ffff);
    receive(tsns, 0);
    expect(tsns.cumulativeTsn).toBe(3);
    expect(tsns.hasGaps).toBe(true);
  });

  test("that come again are told once", () => {
    const tsns = new ReceivedTsns(10);
    receive(tsns, 10, 12);
    for (const tsn of [10, 12, 9]) {
      expect(tsns.classify(tsn)).toBe("duplicate");
      tsns.addDuplicate(tsn);
    }
    expect(tsns.sack(0, ROOM).duplicates).toEqual([10, 12, 9]);
    expect(tsns.sack(0, ROOM).duplicates).toEqual([]);
  });

  test("further than a SACK can tell are refused", () => {
    const tsns = new ReceivedTsns(1);
    expect(tsns.classify(65_535)).toBe("new");
    expect(tsns.classify(65_536)).toBe("refused");
    expect(tsns.classify(0x7fff_ffff)).toBe("refused");
  });

  test("of one range too many are refused, those that fill gaps are not", () => {
    const tsns = new ReceivedTsns(0);
    for (let range = 0; range < 1024; range += 1) receive(tsns, 10 + 3 * range);
    expect(tsns.classify(5)).toBe("refused");
    expect(tsns.classify(9)).toBe("new");
    expect(tsns.classify(11)).toBe("new");
    expect(tsns.classify(0)).toBe("new");
    receive(tsns, 11, 12);
    expect(tsns.classify(5)).toBe("new");
  });

  test("fill a SACK up to its room, the lowest gaps first", () => {
    const tsns = new ReceivedTsns(0);
    receive(tsns, 5, 8, 11);
    tsns.addDuplicate(5);
    expect(tsns.sack(0, 16 + 9)).toMatchObject({
      gaps: [
        { start: 6, end: 6 },
        { start: 9, end: 9 },
      ],
      duplicates: [],
    });
    tsns.addDuplicate(5);
    expect(tsns.sack(0, 16 + 16)).toMatchObject({ duplicates: [5] });
    expect(tsns.sack(0, 16)).toMatchObject({ gaps: [], duplicates: [] });
  });

  test("are counted as received up to where the sender gave up", () => {
    const tsns = new ReceivedTsns(100);
    receive(tsns, 103, 105, 106, 109);
    expect(tsns.forward(99)).toBe(false);
    expect(tsns.forward(101)).toBe(true);
    expect(tsns.cumulativeTsn).toBe(101);
    expect(tsns.forward(102)).toBe(true);
    expect(tsns.cumulativeTsn).toBe(103);
    expect(tsns.forward(105)).toBe(true);
    expect(tsns.cumulativeTsn).toBe(106);
    expect(tsns.sack(0, ROOM).gaps).toEqual([{ start: 3, end: 3 }]);
    expect(tsns.forward(5_000_000)).toBe(true);
    expect(tsns.cumulativeTsn).toBe(5_000_000);
    expect(tsns.hasGaps).toBe(false);
  });

  test.each([1, 2, 3, 4, 5, 6])("equal a set of numbers, seed %i", (seed) => {
    const random = new Random(seed);
    const first = tsnPlus(0, -random.whole(1, 300));
    const tsns = new ReceivedTsns(first);
    const model = new Set<number>();
    let cumulative = -1;
    for (let step = 0; step < 3_000; step += 1) {
      const offset = Math.max(0, cumulative + random.whole(-20, 60));
      const tsn = tsnPlus(first, offset);
      const isKnown = offset <= cumulative || model.has(offset);
      expect(tsns.classify(tsn)).toBe(isKnown ? "duplicate" : "new");
      if (!isKnown) {
        tsns.add(tsn);
        model.add(offset);
      }
      if (random.chance(0.01) && tsns.forward(tsnPlus(first, offset))) cumulative = offset;
      while (model.has(cumulative + 1)) cumulative += 1;
      expect(tsns.cumulativeTsn).toBe(tsnPlus(first, cumulative));
      if (step % 50 > 0) continue;
      const told = tsns
        .sack(0, ROOM)
        .gaps.flatMap(({ start, end }) =>
          Array.from({ length: end - start + 1 }, (_, index) => cumulative + start + index),
        );
      const ahead = [...model].filter((number) => number > cumulative).sort((a, b) => a - b);
      expect(told).toEqual(ahead);
    }
  });
});
