/** The home's half of Beeline: the extension as it is run, before a renderer that has all its pictures. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GenerateHooks,
  type GenerateJob,
  type ImageBackend,
  openCommandService,
  openExtension,
  seedDemoResources,
} from "@beeline/extension";
import { PREVIEW_BYTES, payload } from "../asker.ts";
import type { OpenHome } from "./home.ts";

/** Sides that no limit forbids; nobody decodes the bytes. */
const SIDE = 1024;

export const openBeelineHome: OpenHome = async ({ options }) => {
  const folder = await mkdtemp(join(tmpdir(), "beeline-bench-home-"));
  const modelsDir = join(folder, "models");
  await mkdir(modelsDir);
  // A job needs a checkpoint, whatever draws it.
  await seedDemoResources(modelsDir);
  const service = await openCommandService({
    dataDir: join(folder, "data"),
    modelsDir,
    backend: new ReadyBackend(),
    name: "bench",
    version: "0.0.0",
  });
  let onActive = (): void => {};
  const active = new Promise<void>((resolve) => {
    onActive = resolve;
  });
  const extension = await openExtension({
    service,
    configDir: join(folder, "config"),
    name: "bench",
    onLink: ({ status }) => {
      if (status === "active") onActive();
    },
  });
  extension.pair(options.server, options.key);
  await active;
  return {
    close: async () => {
      await extension.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Draws in no time: the prompt is how many bytes the picture has, 0 for none. */
class ReadyBackend implements ImageBackend {
  async probe(): Promise<void> {}

  async capabilities(): ReturnType<ImageBackend["capabilities"]> {
    return {
      kind: "bench",
      name: "Pictures made beforehand",
      demo: true,
      img2img: true,
      mask: false,
      vae: false,
      networks: [],
      samplers: ["none"],
    };
  }

  async refresh(): Promise<void> {}

  async generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    const mime = "image/png";
    hooks.onProgress({ progress: 1, step: 1, steps: 100, etaMs: undefined });
    if (job.init !== undefined) return this.#hand(job, hooks, PREVIEW_BYTES);
    hooks.onPreview({ index: 0, mime, bytes: payload().slice(0, PREVIEW_BYTES) });
    this.#hand(job, hooks, Number(job.prompt));
  }

  async close(): Promise<void> {}

  #hand({ seed }: GenerateJob, hooks: GenerateHooks, bytes: number): void {
    const picture = payload().slice(0, bytes);
    const shape = { width: SIDE, height: SIDE, mime: "image/png" };
    hooks.onImage({ index: 0, seed, ...shape, bytes: picture });
  }
}
