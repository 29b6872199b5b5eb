/** Mountains, hills, dunes, forests, lakes and seas. */

import { mix } from "../colour.ts";
import { between } from "../noise.ts";
import type { Relief } from "./land.ts";
import { paintBirds, paintPines, paintRidge, paintWater } from "./land.ts";
import type { Scene } from "./scene.ts";
import { unitOf } from "./scene.ts";
import { paintSky } from "./sky.ts";

export function paintLandscape(scene: Scene): void {
  const { canvas, palette, features, random, seed } = scene;
  const unit = unitOf(canvas);
  const dunes = features.has("dunes");
  const water = features.has("water") || (!dunes && random() < 0.35);
  const high = features.has("mountains") || features.has("snow") || random() < 0.65;
  const relief: Relief = dunes ? "dunes" : high ? "mountains" : "hills";
  const trees = features.has("trees") || (!dunes && random() < 0.6);
  const mist = features.has("mist") ? 1 : 0.72;

  const horizon = canvas.height * (water ? between(random, 0.56, 0.66) : between(random, 0.5, 0.6));
  const sun = paintSky(scene, horizon + unit * 0.04);
  if (features.has("birds") || random() < 0.3) paintBirds(scene, horizon);

  const layers = water ? 3 : 5;
  const haze = mix(palette.low, palette.far, 0.25);
  for (let layer = 0; layer < layers; layer++) {
    const near = layer / Math.max(1, layers - 1);
    const last = layer === layers - 1;
    const base = water
      ? horizon + unit * 0.01
      : horizon + (canvas.height - horizon) * (0.1 + 0.75 * near);
    const rise =
      unit * (water ? 0.4 - 0.3 * near : 0.36 - 0.16 * near) * (relief === "hills" ? 0.7 : 1);
    const depth = water ? near * 0.7 : near;
    const colour = mix(
      mix(palette.far, palette.low, 0.35 * (1 - near)),
      palette.near,
      depth ** 1.3,
    );
    const crests = paintRidge(
      canvas,
      {
        relief: layer === 0 || dunes ? relief : near > 0.5 ? "hills" : relief,
        base,
        rise,
        colour,
        haze,
        hazeAmount: mist * (1 - near * 0.75),
        snow: features.has("snow") ? 1 : relief === "mountains" && layer < 2 ? 0.45 : 0,
        seed: seed + layer * 977,
      },
      sun,
      palette.light,
      water ? Math.ceil(horizon) : canvas.height,
    );
    if (!trees || near < 0.4) continue;
    const shade = mix(mix(colour, palette.near, 0.6), haze, 0.12 * (1 - near));
    paintPines(
      scene,
      crests,
      unit * (water ? 0.07 + 0.04 * near : 0.05 + 0.15 * near),
      shade,
      last ? 0.9 : 0.7,
    );
  }

  if (!water) return;
  paintWater(scene, horizon, sun, features.has("mist") ? 0.5 : 1);
  const bank = paintRidge(
    canvas,
    {
      relief: "hills",
      base: canvas.height * 1.02,
      rise: unit * 0.13,
      colour: mix(palette.near, [0, 0, 0], 0.2),
      haze,
      hazeAmount: 0,
      snow: features.has("snow") ? 0.5 : 0,
      seed: seed + 4649,
    },
    sun,
    palette.light,
    canvas.height,
  );
  if (trees) paintPines(scene, bank, unit * 0.3, mix(palette.near, [0, 0, 0], 0.25), 0.35);
}
