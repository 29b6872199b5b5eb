/** Where models are looked for. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DemoBackend, type ModelFolder } from "@beeline/extension";
import { afterEach, beforeEach, expect, test } from "vitest";
import { modelFolders } from "./model-folders.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "beeline-folders-"));
});
afterEach(() => rm(dir, { recursive: true }));

const saying = (folders: readonly ModelFolder[]) =>
  Object.assign(new DemoBackend(), { folders: async () => folders });

test("takes what the program says, as far as it is on this machine", async () => {
  const there = { type: "checkpoint", path: dir } as const;
  const elsewhere = { type: "vae", path: "/mnt/other machine/vae" } as const;
  expect(await modelFolders(saying([there, elsewhere]), undefined)).toEqual([there]);
});

test.each([
  ["ComfyUI's", "checkpoints", "loras"],
  ["AUTOMATIC1111's", "Stable-diffusion", "Lora"],
])("knows %s names below the folder that the owner says", async (_whose, models, loras) => {
  for (const name of [models, loras]) await mkdir(join(dir, name));
  const found = await modelFolders(saying([]), dir);
  expect(found).toEqual([
    { type: "checkpoint", path: join(dir, models) },
    { type: "lora", path: join(dir, loras) },
  ]);
});

test("says what to do when no checkpoints are on this machine", async () => {
  const elsewhere = { type: "checkpoint", path: "/mnt/other machine/models" } as const;
  await expect(modelFolders(saying([elsewhere]), undefined)).rejects.toThrow(
    /^BACKEND_UNAVAILABLE: .*other machine\/models.*--models-dir/,
  );
});
