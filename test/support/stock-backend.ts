/**
 * A renderer that hands over pictures made beforehand: what a test looks at is their journey.
 *
 * The prompt names the picture, so that a client decides without another channel; `hold` in it means
 * that the job waits until it is stopped. Every start is written to a file at once, so that the count
 * outlives the process that drew.
 */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { GenerateHooks, GenerateJob, ImageBackend } from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";
import { noisePng } from "./noise-png.ts";

/** Sides of the pictures; `large` is 32 MiB, `small` 128 KiB. */
const SIDES = { large: 2048, small: 128 } as const;

export type StockPicture = keyof typeof SIDES;

const made = new Map<string, Uint8Array>();

/** The picture of this name, the `index`-th of its job; made once per process. */
export function stockPicture(name: StockPicture, index = 0): Uint8Array {
  const known = made.get(`${name} ${index}`);
  if (known !== undefined) return known;
  const bytes = noisePng(SIDES[name], index);
  made.set(`${name} ${index}`, bytes);
  return bytes;
}

export class StockBackend implements ImageBackend {
  readonly #drawnFile: string;

  constructor(drawnFile: string) {
    this.#drawnFile = drawnFile;
  }

  async probe(): Promise<void> {}

  async capabilities(): ReturnType<ImageBackend["capabilities"]> {
    return {
      kind: "stock",
      name: "Pictures made beforehand",
      demo: true,
      img2img: false,
      mask: false,
      vae: false,
      networks: [],
      samplers: ["none"],
    };
  }

  async refresh(): Promise<void> {}

  async generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    appendFileSync(this.#drawnFile, `${job.id}\n`);
    const side = SIDES[job.prompt as StockPicture];
    if (side === undefined) return await untilStopped(hooks.signal);
    for (let index = 0; index < job.quantity; index += 1) {
      hooks.onImage({
        index,
        seed: job.seed + index,
        mime: "image/png",
        width: side,
        height: side,
        bytes: stockPicture(job.prompt as StockPicture, index),
      });
    }
  }

  async close(): Promise<void> {}
}

/** The ids of the jobs that were begun, one entry for every time. */
export function drawnJobs(drawnFile: string): string[] {
  if (!existsSync(drawnFile)) return [];
  return readFileSync(drawnFile, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

async function untilStopped(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  throw new BeelineError("CANCELED", "stopped");
}
