/**
 * A mask as it was drawn: strokes and clearings, with undo and redo. Pure.
 *
 * Points are fractions of the picture's width and height and the radius one of its width, so the
 * same mask can be drawn at any size: small on the page, full size for the request.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Stroke {
  readonly kind: "stroke";
  readonly erase: boolean;
  readonly radius: number;
  readonly points: readonly Point[];
}

export type MaskStep = Stroke | { readonly kind: "clear" };

export interface MaskHistory {
  readonly done: readonly MaskStep[];
  /** Most recently undone last. */
  readonly undone: readonly MaskStep[];
}

export const EMPTY_MASK: MaskHistory = { done: [], undone: [] };

/** Adds a step; what had been undone can no longer be redone. */
export function addStep(history: MaskHistory, step: MaskStep): MaskHistory {
  return { done: [...history.done, step], undone: [] };
}

export function undo(history: MaskHistory): MaskHistory {
  const last = history.done.at(-1);
  if (last === undefined) return history;
  return { done: history.done.slice(0, -1), undone: [...history.undone, last] };
}

export function redo(history: MaskHistory): MaskHistory {
  const next = history.undone.at(-1);
  if (next === undefined) return history;
  return { done: [...history.done, next], undone: history.undone.slice(0, -1) };
}

/** The strokes that still count: those since the last clearing. */
export function visibleStrokes(history: MaskHistory): readonly Stroke[] {
  const cleared = history.done.findLastIndex((step) => step.kind === "clear");
  return history.done.slice(cleared + 1).filter((step) => step.kind === "stroke");
}

/** Whether anything was painted. Erasing alone paints nothing. */
export function hasMask(history: MaskHistory): boolean {
  return visibleStrokes(history).some((stroke) => !stroke.erase);
}

/** Closer points than this, in fractions of the width, change no pixel worth sending. */
const CLOSEST = 0.002;

/** Adds a point to a stroke in the making, unless it lies on the one before. */
export function addPoint(points: readonly Point[], point: Point): readonly Point[] {
  const last = points.at(-1);
  if (last !== undefined && Math.hypot(point.x - last.x, point.y - last.y) < CLOSEST) return points;
  return [...points, point];
}

/** The part of a picture that fills a frame of another shape: centred, as CSS `cover` does. */
export function coverCrop(
  picture: { readonly width: number; readonly height: number },
  frame: { readonly width: number; readonly height: number },
): { readonly x: number; readonly y: number; readonly width: number; readonly height: number } {
  const scale = Math.min(picture.width / frame.width, picture.height / frame.height);
  const width = frame.width * scale;
  const height = frame.height * scale;
  return { x: (picture.width - width) / 2, y: (picture.height - height) / 2, width, height };
}
