/**
 * The resource files that a first start finds in its models folder.
 *
 * They are real safetensors files, generated here byte for byte, so their SHA-256s are the same on
 * every machine and they can be listed, removed and added like any other. A folder that already has
 * a checkpoint is left alone: a removed demo file stays removed, and nobody's library is littered.
 */

import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { hashText, randomFrom } from "./noise.ts";
import type { LookInput } from "./resource-look.ts";
import { LOOK_KEY } from "./resource-look.ts";
import { writeSafetensors } from "./safetensors.ts";

interface DemoFile {
  /** Below the models folder. */
  readonly path: string;
  readonly description: string;
  readonly look: LookInput;
  readonly tensorBytes: number;
}

/** The checkpoints come last: until one is there, the next start tries again. */
const FILES: readonly DemoFile[] = [
  {
    path: "loras/demo-ink.safetensors",
    description: "Ink outlines and flat colours for the demo renderer.",
    look: { ink: 1, poster: 0.5, saturation: -0.1 },
    tensorBytes: 24 * 1024,
  },
  {
    path: "loras/demo-bloom.safetensors",
    description: "Glowing lights for the demo renderer.",
    look: { glow: 1, saturation: 0.2, warmth: 0.2 },
    tensorBytes: 32 * 1024,
  },
  {
    path: "vae/demo-soft.safetensors",
    description: "Softer contrast and warmer tones for the demo renderer.",
    look: { contrast: -0.12, warmth: 0.35, glow: 0.25 },
    tensorBytes: 48 * 1024,
  },
  {
    path: "checkpoints/beeline-demo-dawn.safetensors",
    description: "Morning colours for the demo renderer.",
    look: { palette: "dawn" },
    tensorBytes: 160 * 1024,
  },
  {
    path: "checkpoints/beeline-demo-dusk.safetensors",
    description: "Evening colours for the demo renderer.",
    look: { palette: "dusk", contrast: 0.08, saturation: 0.08 },
    tensorBytes: 192 * 1024,
  },
];

/** The bytes of one demo file; the same on every machine. */
function contentOf({ path, description, look, tensorBytes }: DemoFile): Uint8Array {
  const random = randomFrom(hashText(path));
  const tensor = Uint8Array.from({ length: tensorBytes }, () => Math.floor(random() * 256));
  return writeSafetensors(
    { format: "pt", "modelspec.description": description, [LOOK_KEY]: JSON.stringify(look) },
    tensor,
  );
}

/**
 * Writes the demo's files below `modelsFolder` unless its `checkpoints` folder holds anything.
 * @returns the paths written, relative to `modelsFolder`. Errors of the file system are thrown.
 */
export async function seedDemoResources(modelsFolder: string): Promise<readonly string[]> {
  const checkpoints = join(modelsFolder, "checkpoints");
  await mkdir(checkpoints, { recursive: true });
  if ((await readdir(checkpoints)).length > 0) return [];
  for (const file of FILES) {
    const path = join(modelsFolder, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, Buffer.from(contentOf(file)));
  }
  return FILES.map(({ path }) => path);
}
