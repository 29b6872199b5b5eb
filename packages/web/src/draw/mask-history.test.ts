import { expect, test } from "vitest";
import {
  addPoint,
  addStep,
  coverCrop,
  EMPTY_MASK,
  hasMask,
  redo,
  type Stroke,
  undo,
  visibleStrokes,
} from "./mask-history.ts";

const paint: Stroke = { kind: "stroke", erase: false, radius: 0.05, points: [{ x: 0.5, y: 0.5 }] };
const erase: Stroke = { ...paint, erase: true };

test("a stroke can be undone and redone", () => {
  const drawn = addStep(EMPTY_MASK, paint);
  expect(hasMask(drawn)).toBe(true);
  expect(hasMask(undo(drawn))).toBe(false);
  expect(redo(undo(drawn))).toEqual(drawn);
});

test("clearing hides every stroke, and undoing it brings them back", () => {
  const cleared = addStep(addStep(EMPTY_MASK, paint), { kind: "clear" });
  expect(visibleStrokes(cleared)).toEqual([]);
  expect(visibleStrokes(undo(cleared))).toEqual([paint]);
});

test("a new stroke ends what could be redone", () => {
  const history = addStep(undo(addStep(EMPTY_MASK, paint)), erase);
  expect(redo(history)).toBe(history);
});

test("there is nothing to undo or redo in an empty mask", () => {
  expect(undo(EMPTY_MASK)).toBe(EMPTY_MASK);
  expect(redo(EMPTY_MASK)).toBe(EMPTY_MASK);
});

test("erasing alone makes no mask", () => {
  expect(hasMask(addStep(EMPTY_MASK, erase))).toBe(false);
});

test("a hand that rests adds no points", () => {
  const one = addPoint([], { x: 0.5, y: 0.5 });
  expect(addPoint(one, { x: 0.5005, y: 0.5 })).toBe(one);
  expect(addPoint(one, { x: 0.51, y: 0.5 })).toHaveLength(2);
});

test("a picture of another shape is cut evenly on both sides", () => {
  const square = { width: 512, height: 512 };
  expect(coverCrop({ width: 1000, height: 500 }, square)).toEqual({
    x: 250,
    y: 0,
    width: 500,
    height: 500,
  });
  expect(coverCrop({ width: 100, height: 300 }, square)).toEqual({
    x: 0,
    y: 100,
    width: 100,
    height: 100,
  });
  expect(coverCrop(square, square)).toEqual({ x: 0, y: 0, width: 512, height: 512 });
});
