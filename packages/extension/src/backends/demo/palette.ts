/** The colours of times, places and moods, chosen by hand. */

import type { Colour } from "./colour.ts";
import { hex, mix } from "./colour.ts";

export interface Palette {
  /** The sky from the zenith down to the horizon. */
  readonly top: Colour;
  readonly middle: Colour;
  readonly low: Colour;
  /** Sun, moon and whatever is lit by them. */
  readonly light: Colour;
  /** The most distant and the nearest land. */
  readonly far: Colour;
  readonly near: Colour;
  /** Windows, blossoms, northern lights. */
  readonly accent: Colour;
  /** 0 by day to 1 in the dead of night: brings out stars and dims clouds. */
  readonly night: number;
}

function palette(codes: string, night: number): Palette {
  const [top, middle, low, light, far, near, accent] = codes.split(" ").map(hex);
  if (!top || !middle || !low || !light || !far || !near || !accent) throw new RangeError(codes);
  return { top, middle, low, light, far, near, accent, night };
}

export const PALETTES = {
  dawn: palette("#34487e #c0788f #ffd3a1 #fff3d6 #a68bab #2a2542 #ff9e7d", 0.25),
  day: palette("#2573bd #78b3e6 #e2f2f6 #fffae0 #93b7cc #234a3c #ffd166", 0),
  dusk: palette("#261a52 #b7456f #ffb45e #ffedb4 #8f4d76 #190f2e #ff6b4a", 0.35),
  night: palette("#040818 #10214a #3f649a #eaf2ff #2c4472 #050914 #8fd3ff", 1),
  neon: palette("#0c0221 #43106b #ff2f8e #fff36b #64209e #0b0219 #00f0ff", 0.8),
  forest: palette("#5f97a0 #b5d6bf #f6f2cc #fffbe0 #86aa90 #10301f #e2b84b", 0),
  ocean: palette("#0b4f8f #47a9d8 #d9f3ee #fffdf0 #6fa3bd #0c3148 #ffd28a", 0),
  snow: palette("#5c83b4 #b4cfe8 #f8ecee #ffffff #b6cae0 #38506e #ffd9c7", 0.05),
  desert: palette("#3c74ad #e2b892 #ffe7bb #fff4d6 #dca274 #6e3520 #ffb347", 0),
  autumn: palette("#6d93b8 #f1cc9e #ffebc6 #fff6dd #cc9050 #4e2212 #e8571f", 0.05),
  spring: palette("#86b6e2 #f5cbdc #fff2f0 #fffaf0 #d3a0bd #54355a #ff8fb8", 0),
  storm: palette("#1c2634 #4c5d6d #b3bfc1 #eef3f4 #5d6d7a #10171d #c7d6df", 0.15),
  ember: palette("#120508 #571114 #ff6a24 #ffe08a #6e1f1c #0d0406 #ff3d12", 0.6),
  mono: palette("#33353a #85888d #e7e6e2 #ffffff #8f9093 #141416 #c9c7c1", 0.2),
} as const satisfies Readonly<Record<string, Palette>>;

export type PaletteName = keyof typeof PALETTES;

export const PALETTE_NAMES = Object.keys(PALETTES) as readonly PaletteName[];

/** Colours between two palettes. */
export function mixPalettes(a: Palette, b: Palette, share: number): Palette {
  return {
    top: mix(a.top, b.top, share),
    middle: mix(a.middle, b.middle, share),
    low: mix(a.low, b.low, share),
    light: mix(a.light, b.light, share),
    far: mix(a.far, b.far, share),
    near: mix(a.near, b.near, share),
    accent: mix(a.accent, b.accent, share),
    night: a.night + (b.night - a.night) * share,
  };
}

/** The sky's colour at `height`: 0 at the horizon, 1 at the zenith. */
export function skyColour({ top, middle, low }: Palette, height: number): Colour {
  return height < 0.4
    ? mix(low, middle, height / 0.4)
    : mix(middle, top, Math.min(1, (height - 0.4) / 0.6));
}
