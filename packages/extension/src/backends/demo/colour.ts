/**
 * Colours and the floating-point canvas that scenes paint on.
 *
 * A colour is three numbers from 0 to 1 as a screen shows them. Painting may leave that range; the
 * last conversion to bytes clips.
 */

export type Colour = readonly [red: number, green: number, blue: number];

/** A picture being painted: red, green, blue per pixel, rows from the top. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export function blankCanvas(width: number, height: number): Canvas {
  return { width, height, data: new Float32Array(width * height * 3) };
}

/** `#rrggbb` as a colour. */
export function hex(code: string): Colour {
  const value = Number.parseInt(code.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

export function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

export const clamp = (value: number, low = 0, high = 1): number =>
  value < low ? low : value > high ? high : value;

/** 0 below `low`, 1 above `high`, smooth between. `low` may be the larger one. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = clamp((value - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/** Luminance as people see it (Rec. 601). */
export const luma = (red: number, green: number, blue: number): number =>
  0.299 * red + 0.587 * green + 0.114 * blue;

/** Lays a colour over the pixel whose number is `pixel`. */
export function over(canvas: Canvas, pixel: number, colour: Colour, alpha: number): void {
  const { data } = canvas;
  const at = pixel * 3;
  data[at] = (data[at] ?? 0) * (1 - alpha) + colour[0] * alpha;
  data[at + 1] = (data[at + 1] ?? 0) * (1 - alpha) + colour[1] * alpha;
  data[at + 2] = (data[at + 2] ?? 0) * (1 - alpha) + colour[2] * alpha;
}

/** Adds light to a pixel; the brighter it is, the less it gains, so that nothing burns out. */
export function shine(canvas: Canvas, pixel: number, colour: Colour, amount: number): void {
  const { data } = canvas;
  for (let channel = 0; channel < 3; channel++) {
    const at = pixel * 3 + channel;
    const under = data[at] ?? 0;
    data[at] = under + (1 - Math.min(1, under)) * (colour[channel] ?? 0) * amount;
  }
}

/** A round glow (`softness` 1) or disc (near 0) of `radius` pixels around a point. */
export function spot(
  canvas: Canvas,
  x: number,
  y: number,
  radius: number,
  colour: Colour,
  amount: number,
  softness = 1,
): void {
  const top = Math.max(0, Math.floor(y - radius));
  const bottom = Math.min(canvas.height - 1, Math.ceil(y + radius));
  const left = Math.max(0, Math.floor(x - radius));
  const right = Math.min(canvas.width - 1, Math.ceil(x + radius));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const distance = Math.hypot(column - x, row - y) / radius;
      if (distance >= 1) continue;
      const strength = smoothstep(1, 1 - softness, distance);
      shine(
        canvas,
        row * canvas.width + column,
        colour,
        amount * strength * (softness === 1 ? strength : 1),
      );
    }
  }
}
