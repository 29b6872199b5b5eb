/**
 * The picture with the mask over it, painted by mouse, pen or finger. Shows the picture cut as it
 * will be sent.
 *
 * The stroke in the making is painted as it comes and handed over when the pointer lifts; nothing
 * renders in between. Touches beside the first are ignored, so a palm does not paint.
 */

import { type PointerEvent, useEffect, useRef } from "react";
import { useObjectUrl } from "../gallery/use-object-url.ts";
import classes from "./draw.module.css";
import {
  addPoint,
  type MaskHistory,
  type Point,
  type Stroke,
  visibleStrokes,
} from "./mask-history.ts";
import { paintStroke, type SourcePicture } from "./source-picture.ts";

/** Opaque here and made translucent by style, or overlapping strokes would add up. */
const MASK_COLOR = "#ffc42e";

interface MaskCanvasProps {
  readonly source: SourcePicture;
  readonly size: { readonly width: number; readonly height: number };
  readonly mask: MaskHistory;
  /** Undefined: the computer takes no masks, or none is wanted. */
  readonly brush: { readonly erase: boolean; readonly radius: number } | undefined;
  readonly onStroke: (stroke: Stroke) => void;
}

export function MaskCanvas({ source, size, mask, brush, onStroke }: MaskCanvasProps) {
  const url = useObjectUrl(source.blob);
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef<{ readonly pointerId: number; stroke: Stroke } | undefined>(undefined);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, size.width, size.height);
    for (const stroke of visibleStrokes(mask)) paintStroke(context, stroke, MASK_COLOR);
  }, [mask, size.width, size.height]);

  function pointOf(event: PointerEvent<HTMLCanvasElement>): Point {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  function extend(point: Point): void {
    const current = drawing.current;
    const context = canvas.current?.getContext("2d");
    if (current === undefined || !context) return;
    const from = Math.max(0, current.stroke.points.length - 1);
    current.stroke = { ...current.stroke, points: addPoint(current.stroke.points, point) };
    paintStroke(context, current.stroke, MASK_COLOR, from);
  }

  function begin(event: PointerEvent<HTMLCanvasElement>): void {
    if (brush === undefined || drawing.current !== undefined || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    drawing.current = {
      pointerId: event.pointerId,
      stroke: { kind: "stroke", ...brush, points: [] },
    };
    extend(pointOf(event));
  }

  function move(event: PointerEvent<HTMLCanvasElement>): void {
    if (drawing.current?.pointerId === event.pointerId) extend(pointOf(event));
  }

  function end(event: PointerEvent<HTMLCanvasElement>): void {
    if (drawing.current?.pointerId !== event.pointerId) return;
    const { stroke } = drawing.current;
    drawing.current = undefined;
    onStroke(stroke);
  }

  return (
    <div className={classes.source} style={{ aspectRatio: `${size.width} / ${size.height}` }}>
      {url !== undefined && (
        <img className={classes.sourceImage} src={url} alt="What is drawn from" />
      )}
      <canvas
        ref={canvas}
        className={classes.mask}
        data-paintable={brush !== undefined}
        data-testid="mask-canvas"
        width={size.width}
        height={size.height}
        aria-label="Mask: what is painted here is drawn anew"
        role="img"
        onPointerDown={begin}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={end}
      />
    </div>
  );
}
