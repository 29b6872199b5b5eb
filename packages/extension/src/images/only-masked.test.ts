/** Mask geometry: which part is drawn and what comes back untouched. */

import { describe, expect, test } from "vitest";
import { MASK_PADDING, maskBounds, paddedRegion, planRepaint } from "./only-masked.ts";
import type { Mask, Raster, Region } from "./raster.ts";

const WHOLE = { width: 256, height: 192 };

/** A picture in which every pixel differs from its neighbours. */
const init: Raster = {
  ...WHOLE,
  data: Uint8Array.from({ length: WHOLE.width * WHOLE.height * 3 }, (_, at) => (at * 37) % 251),
};

function maskOf({ left, top, width, height }: Region): Mask {
  const data = new Uint8Array(WHOLE.width * WHOLE.height);
  for (let y = top; y < top + height; y++) {
    data.fill(255, y * WHOLE.width + left, y * WHOLE.width + left + width);
  }
  return { ...WHOLE, data };
}

const flat = (value: number): Raster => ({
  ...WHOLE,
  data: new Uint8Array(init.data.length).fill(value),
});

/** Numbers of the pixels in which two pictures differ. */
function changed(a: Raster, b: Raster): Set<number> {
  const pixels = new Set<number>();
  a.data.forEach((value, at) => {
    if (value !== b.data[at]) pixels.add(Math.floor(at / 3));
  });
  return pixels;
}

const inside = ({ left, top, width, height }: Region, pixel: number): boolean => {
  const x = pixel % WHOLE.width;
  const y = Math.floor(pixel / WHOLE.width);
  return x >= left && x < left + width && y >= top && y < top + height;
};

const patch: Region = { left: 100, top: 40, width: 24, height: 12 };

describe("maskBounds", () => {
  test("finds the smallest rectangle, at the edges too, and none in black", () => {
    expect(maskBounds(maskOf(patch))).toEqual(patch);
    const corner = { left: 255, top: 191, width: 1, height: 1 };
    expect(maskBounds(maskOf(corner))).toEqual(corner);
    expect(maskBounds(maskOf({ ...patch, height: 0 }))).toBeUndefined();
  });
});

describe("paddedRegion", () => {
  test.each([
    patch,
    { left: 0, top: 0, width: 1, height: 1 },
    { left: 250, top: 3, width: 6, height: 189 },
    { left: 0, top: 0, ...WHOLE },
  ])("holds the mask, has the picture's aspect and stays inside: %o", (bounds) => {
    const region = paddedRegion(bounds, MASK_PADDING, WHOLE);
    expect(region.left).toBeGreaterThanOrEqual(0);
    expect(region.top).toBeGreaterThanOrEqual(0);
    expect(region.left + region.width).toBeLessThanOrEqual(WHOLE.width);
    expect(region.top + region.height).toBeLessThanOrEqual(WHOLE.height);
    expect(region.left).toBeLessThanOrEqual(bounds.left);
    expect(region.left + region.width).toBeGreaterThanOrEqual(bounds.left + bounds.width);
    expect(region.top).toBeLessThanOrEqual(bounds.top);
    expect(region.top + region.height).toBeGreaterThanOrEqual(bounds.top + bounds.height);
    expect(Math.abs(region.width * WHOLE.height - region.height * WHOLE.width)).toBeLessThan(512);
  });

  test("shows at least the padding on every side when there is room", () => {
    const region = paddedRegion(patch, MASK_PADDING, WHOLE);
    expect(patch.left - region.left).toBeGreaterThanOrEqual(MASK_PADDING);
    expect(patch.top - region.top).toBeGreaterThanOrEqual(MASK_PADDING);
  });
});

describe("planRepaint", () => {
  test("without a mask takes the drawing as it is", async () => {
    const plan = await planRepaint(init, undefined, true);
    const drawn = flat(9);
    expect(await plan?.finish(drawn)).toBe(drawn);
  });

  test("with an all-black mask has nothing to draw", async () => {
    expect(await planRepaint(init, maskOf({ ...patch, height: 0 }), true)).toBeUndefined();
  });

  test.each([false, true])(
    "changes the mask's pixels and not a byte besides (only masked: %s)",
    async (maskedOnly) => {
      const plan = await planRepaint(init, maskOf(patch), maskedOnly);
      const result = await plan?.finish(flat(255));
      if (result === undefined) throw new Error("no plan");
      const pixels = changed(init, result);
      expect([...pixels].every((pixel) => inside(patch, pixel))).toBe(true);
      expect(pixels.size).toBe(patch.width * patch.height);
    },
  );

  test("with only masked shows the backend the surroundings at full size", async () => {
    const region = paddedRegion(patch, MASK_PADDING, WHOLE);
    const halves = Uint8Array.from(init.data, (_, at) => {
      const x = Math.floor(at / 3) % WHOLE.width;
      return x < region.left + region.width / 2 ? 20 : 220;
    });
    const plan = await planRepaint({ ...WHOLE, data: halves }, maskOf(patch), true);
    expect([plan?.init.width, plan?.init.height]).toEqual([WHOLE.width, WHOLE.height]);
    const row = plan?.init.data.subarray(0, WHOLE.width * 3);
    expect(row?.[Math.floor(WHOLE.width * 0.4) * 3]).toBe(20);
    expect(row?.[Math.floor(WHOLE.width * 0.6) * 3]).toBe(220);
  });

  test("blends where the mask is grey", async () => {
    const mask = maskOf(patch);
    mask.data[40 * WHOLE.width + 100] = 128;
    const plan = await planRepaint(flat(0), mask, false);
    const result = await plan?.finish(flat(200));
    expect(result?.data[(40 * WHOLE.width + 100) * 3]).toBe(100);
  });
});
