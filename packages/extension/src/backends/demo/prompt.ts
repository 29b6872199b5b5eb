/**
 * What a prompt asks the demo renderer for, by looking for words it knows.
 *
 * There is no understanding here: a word chooses a scene, a palette or a feature, a word of the
 * negative prompt takes it away, and everything else only shifts details. Pure.
 */

import { hashText } from "./noise.ts";
import type { PaletteName } from "./palette.ts";

export type SceneName = "landscape" | "city" | "space" | "fluid" | "portrait";

const SCENE_WORDS: Readonly<Record<SceneName, string>> = {
  portrait:
    "portrait woman man girl boy person face character people lady king queen knight elf head hero",
  city: "city street skyline tokyo york cyberpunk building buildings downtown urban skyscraper town alley",
  space:
    "space planet galaxy nebula cosmos cosmic universe astronaut stars saturn alien orbit mars",
  fluid:
    "abstract fluid marble pattern swirl texture psychedelic flow liquid paint fractal silk smoke",
  landscape:
    "landscape mountain mountains valley lake river sea ocean beach forest tree trees desert dunes snow island sky field meadow hill hills waterfall castle house cottage",
};

const PALETTE_WORDS: Readonly<Record<PaletteName, string>> = {
  neon: "neon cyberpunk synthwave vaporwave retrowave hologram",
  night: "night midnight moon moonlight moonlit stars starry aurora dark",
  dusk: "sunset dusk evening golden twilight romantic",
  dawn: "dawn sunrise morning pastel soft dreamy",
  ember: "fire lava volcano hell ember dragon apocalypse mars red",
  storm: "storm rain rainy thunder gloomy foggy grey gray",
  autumn: "autumn fall october maple orange",
  spring: "spring cherry blossom blossoms sakura pink flower flowers rose",
  snow: "snow winter ice icy frozen arctic glacier alps christmas",
  desert: "desert dune dunes sahara canyon sand egypt savanna",
  forest: "forest jungle woods green moss trees tree pine garden meadow",
  ocean: "ocean sea beach island wave waves underwater blue tropical turquoise",
  mono: "monochrome ink sketch charcoal noir black-and-white bw",
  day: "day noon sunny summer bright clear",
};

const FEATURE_WORDS = {
  water:
    "water ocean sea lake river beach island reflection reflections waves waterfall tropical wet rain rainy",
  trees: "forest tree trees pine pines woods jungle cottage cherry autumn maple",
  mountains: "mountain mountains peak peaks summit alps volcano cliff cliffs",
  snow: "snow snowy winter ice frozen glacier alps arctic",
  dunes: "desert dunes dune sahara sand",
  clouds: "cloud clouds cloudy sky storm dramatic epic heaven",
  moon: "moon moonlight moonlit night midnight",
  aurora: "aurora northern magic magical fantasy ethereal",
  mist: "mist misty fog foggy haze dreamy rain rainy morning",
  birds: "birds bird flock seagulls freedom",
  rings: "rings ringed saturn",
} as const satisfies Readonly<Record<string, string>>;

export type Feature = keyof typeof FEATURE_WORDS;

export interface Wish {
  readonly scene: SceneName;
  /** Undefined when no word speaks of colours: the model's own are used. */
  readonly palette: PaletteName | undefined;
  readonly features: ReadonlySet<Feature>;
  /** What the words that mean nothing here still decide. */
  readonly salt: number;
}

const words = (text: string): readonly string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}-]+/gu) ?? [];

/** The entry with most words in the text; of equals, the first of the table. */
function best<Name extends string>(
  table: Readonly<Record<Name, string>>,
  asked: readonly string[],
  refused: ReadonlySet<string>,
): Name | undefined {
  let name: Name | undefined;
  let most = 0;
  for (const candidate of Object.keys(table) as Name[]) {
    const known = new Set(table[candidate].split(" ").filter((word) => !refused.has(word)));
    const hits = asked.filter((word) => known.has(word)).length;
    if (hits > most) [name, most] = [candidate, hits];
  }
  return name;
}

/** What a prompt without a word for a scene gets: landscapes most often, they are the prettiest. */
const FALLBACK_SCENES: readonly SceneName[] = [
  "landscape",
  "landscape",
  "landscape",
  "fluid",
  "space",
];

export function readPrompt(prompt: string, negativePrompt: string): Wish {
  const asked = words(prompt);
  const refused = new Set(words(negativePrompt));
  const salt = hashText(prompt);
  const features = (Object.keys(FEATURE_WORDS) as Feature[]).filter((feature) => {
    const known = FEATURE_WORDS[feature].split(" ");
    return asked.some((word) => known.includes(word)) && !known.some((word) => refused.has(word));
  });
  return {
    scene:
      best(SCENE_WORDS, asked, refused) ??
      FALLBACK_SCENES[salt % FALLBACK_SCENES.length] ??
      "landscape",
    palette: best(PALETTE_WORDS, asked, refused),
    features: new Set(features),
    salt: salt ^ hashText(negativePrompt),
  };
}
