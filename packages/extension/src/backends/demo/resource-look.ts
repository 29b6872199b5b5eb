/** Which look a resource file has: its own words in the header, else one from its hash. */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";
import type { ResolvedFile } from "../../image-backend.ts";
import type { FileLook, LookKind } from "./look.ts";
import { lookFromHash, NEUTRAL_LOOK } from "./look.ts";
import type { PaletteName } from "./palette.ts";
import { PALETTES } from "./palette.ts";
import { readMetadata } from "./safetensors.ts";

/** The header's key that holds a look as JSON. */
export const LOOK_KEY = "beeline.demo.look";

/** Amounts are shares, so a stranger's file cannot ask for more than these; hue is in degrees. */
const Amount = z.number().min(-4).max(4).default(0);

const LookText = z.object({
  palette: z.enum(Object.keys(PALETTES) as [PaletteName, ...PaletteName[]]).default("day"),
  hue: z.number().min(-360).max(360).default(0),
  saturation: Amount,
  contrast: Amount,
  warmth: Amount,
  glow: Amount,
  ink: Amount,
  poster: Amount,
});

/** What a look is written as; absent amounts are 0. */
export type LookInput = z.input<typeof LookText>;

function parseLook(text: string): FileLook | undefined {
  try {
    const { palette, ...look } = LookText.parse(JSON.parse(text));
    return { palette, look: { ...NEUTRAL_LOOK, ...look } };
  } catch {
    return undefined;
  }
}

/**
 * @throws {BeelineError} `MODEL_NOT_FOUND` or `RESOURCE_NOT_FOUND` when the file cannot be opened:
 *   a picture without it would be a wrong picture.
 */
export async function resourceLook(file: ResolvedFile, kind: LookKind): Promise<FileLook> {
  let metadata: Readonly<Record<string, string>>;
  try {
    metadata = await readMetadata(file.path);
  } catch (error) {
    const code = kind === "checkpoint" ? "MODEL_NOT_FOUND" : "RESOURCE_NOT_FOUND";
    throw new BeelineError(code, `the file of "${file.name}" cannot be read`, { cause: error });
  }
  const text = metadata[LOOK_KEY];
  return (text === undefined ? undefined : parseLook(text)) ?? lookFromHash(file.hash, kind);
}
