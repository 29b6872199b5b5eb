/** From a recipe to the finished scene that sampling will uncover. */

import type { Canvas } from "../colour.ts";
import { blankCanvas, clamp } from "../colour.ts";
import { finish } from "../finish.ts";
import { addLook, NEUTRAL_LOOK } from "../look.ts";
import { hashText, mix32, randomFrom } from "../noise.ts";
import { mixPalettes, PALETTES } from "../palette.ts";
import type { SceneName } from "../prompt.ts";
import { readPrompt } from "../prompt.ts";
import type { Recipe } from "../recipe.ts";
import { paintCity } from "./city.ts";
import { paintFluid } from "./fluid.ts";
import { paintLandscape } from "./landscape.ts";
import { paintPortrait } from "./portrait.ts";
import type { Scene } from "./scene.ts";
import { paintSpace } from "./space.ts";

const PAINTERS: Readonly<Record<SceneName, (scene: Scene) => void>> = {
  landscape: paintLandscape,
  city: paintCity,
  space: paintSpace,
  fluid: paintFluid,
  portrait: paintPortrait,
};

/** The value that leaves contrast alone; Stable Diffusion's usual default. */
const CFG_NEUTRAL = 7;

/** Degrees of hue per skipped CLIP layer: a drift away from what the words say. */
const CLIP_SKIP_HUE = 6;

export function paint(recipe: Recipe): Canvas {
  const wish = readPrompt(recipe.prompt, recipe.negativePrompt);
  const own = PALETTES[recipe.palette];
  // Below the neutral value the prompt is followed less, as with Stable Diffusion.
  const obedience = clamp(recipe.cfgScale / CFG_NEUTRAL);
  const palette =
    wish.palette === undefined
      ? own
      : mixPalettes(own, PALETTES[wish.palette], 0.15 + 0.75 * obedience);
  const composition = mix32(recipe.seed ^ hashText(recipe.files[0] ?? ""));
  const canvas = blankCanvas(recipe.width, recipe.height);
  PAINTERS[wish.scene]({
    canvas,
    palette,
    features: wish.features,
    random: randomFrom(composition),
    seed: mix32(composition ^ wish.salt) & 0xff_ffff,
  });
  const drive = clamp((recipe.cfgScale - CFG_NEUTRAL) / 23, -0.3, 1);
  const asked = {
    ...NEUTRAL_LOOK,
    contrast: drive * 0.8,
    saturation: drive * 1.1,
    hue: (recipe.clipSkip - 1) * CLIP_SKIP_HUE,
  };
  finish(canvas, addLook(recipe.look, asked, 1));
  return canvas;
}
