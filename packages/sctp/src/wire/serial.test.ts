import { describe, expect, test } from "vitest";
import {
  isSsnAfter,
  isTsnAfter,
  isTsnAtOrAfter,
  ssnDistance,
  ssnPlus,
  tsnDistance,
  tsnPlus,
} from "./serial.ts";

describe("transmission sequence numbers", () => {
  test.each([
    [0, 1, 1],
    [1, 0, -1],
    [0xffff_ffff, 0, 1],
    [0, 0xffff_ffff, -1],
    [0xffff_fff0, 0x10, 0x20],
    [0x7fff_ffff, 0x8000_0000, 1],
    [5, 5, 0],
    [0, 0x7fff_ffff, 0x7fff_ffff],
    [0, 0x8000_0000, -0x8000_0000],
  ])("from %i to %i it is %i", (from, to, distance) => {
    expect(tsnDistance(from, to)).toBe(distance);
    expect(isTsnAfter(to, from)).toBe(distance > 0);
    expect(isTsnAtOrAfter(to, from)).toBe(distance >= 0);
    expect(tsnPlus(from, distance)).toBe(to);
  });
});

describe("stream sequence numbers", () => {
  test.each([
    [0, 1, 1],
    [0xffff, 0, 1],
    [0, 0xffff, -1],
    [0xfff0, 0x10, 0x20],
    [0x7fff, 0x8000, 1],
    [0, 0x8000, -0x8000],
  ])("from %i to %i it is %i", (from, to, distance) => {
    expect(ssnDistance(from, to)).toBe(distance);
    expect(isSsnAfter(to, from)).toBe(distance > 0);
    expect(ssnPlus(from, distance)).toBe(to);
  });
});
