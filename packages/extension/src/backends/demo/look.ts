/**
 * What a resource file does to a picture: the demo renderer's stand-in for weights.
 *
 * A look is a set of amounts that add up: a checkpoint's counts once, a network's by its strength.
 * Our own demo files carry theirs in the safetensors header; any other file gets one from its
 * SHA-256, so that every model, VAE and LoRA makes a difference and always the same one.
 */

import { hashText, randomFrom } from "./noise.ts";
import type { PaletteName } from "./palette.ts";
import { PALETTE_NAMES } from "./palette.ts";

export const LOOK_AMOUNTS = [
  /** Degrees around the colour wheel. */
  "hue",
  /** 0 leaves colours alone, -1 is grey, 1 doubles them. */
  "saturation",
  "contrast",
  /** Towards orange; negative towards blue. */
  "warmth",
  /** A bloom around light. */
  "glow",
  /** Drawn outlines. */
  "ink",
  /** Fewer, flatter tones. */
  "poster",
] as const;

export type LookAmount = (typeof LOOK_AMOUNTS)[number];

export type Look = Readonly<Record<LookAmount, number>>;

/** What one file contributes. Only a checkpoint's palette counts. */
export interface FileLook {
  readonly palette: PaletteName;
  readonly look: Look;
}

export const NEUTRAL_LOOK: Look = {
  hue: 0,
  saturation: 0,
  contrast: 0,
  warmth: 0,
  glow: 0,
  ink: 0,
  poster: 0,
};

export function addLook(sum: Look, look: Look, strength: number): Look {
  const total: Record<LookAmount, number> = { ...sum };
  for (const amount of LOOK_AMOUNTS) total[amount] += look[amount] * strength;
  return total;
}

/** How strongly an unknown file of each kind may differ from the neutral look. */
const SPREAD = { checkpoint: 0.6, network: 1, vae: 0.3 } as const;

export type LookKind = keyof typeof SPREAD;

/** The look of a file that says nothing about itself. */
export function lookFromHash(hash: string, kind: LookKind): FileLook {
  const random = randomFrom(hashText(hash));
  const around = (amount: number): number => (random() * 2 - 1) * amount * SPREAD[kind];
  const palette = PALETTE_NAMES[Math.floor(random() * PALETTE_NAMES.length)] ?? "day";
  const look = {
    ...NEUTRAL_LOOK,
    hue: around(30),
    saturation: around(0.35),
    contrast: around(0.15),
    warmth: around(0.25),
    glow: Math.max(0, around(0.5)),
  };
  const isArtful = kind === "network" && random() < 0.4;
  return {
    palette,
    look: isArtful ? { ...look, ink: random() * 0.7, poster: random() * 0.6 } : look,
  };
}
