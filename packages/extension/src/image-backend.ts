/**
 * The port to Stable Diffusion: what the extension needs from whatever draws.
 *
 * Adapters follow one API each and know nothing of links, sessions or commands. The extension calls
 * `generate` for one job at a time; everything in a {@link GenerateJob} is already checked and
 * resolved (hashes to files, URLs to bytes), so an adapter that cannot do a thing says so by
 * throwing a `BeelineError`, never by drawing something else.
 */

import type { ResourceType } from "@beeline/protocol";

export interface BackendCapabilities {
  /** `demo`, `a1111`, `forge`, `sdnext`, `comfyui`, `sd-server`. */
  readonly kind: string;
  /** For people: "Built-in demo renderer (not Stable Diffusion)". */
  readonly name: string;
  readonly demo: boolean;
  readonly img2img: boolean;
  readonly mask: boolean;
  readonly vae: boolean;
  readonly networks: readonly ("lora" | "hypernet")[];
  readonly samplers: readonly string[];
  /** How progress is known: `steps` while a picture is drawn, `images` only when one is done. */
  readonly progress?: "steps" | "images";
  readonly previews?: boolean;
  /** What a cancel stops at the backend itself; the job ends at once in either case. */
  readonly cancels?: "running" | "queued";
}

/** A folder of this machine from which a backend loads files of one type. */
export interface ModelFolder {
  readonly type: ResourceType;
  readonly path: string;
}

/** A file of the resource library, found by its hash. */
export interface ResolvedFile {
  readonly hash: string;
  readonly name: string;
  readonly path: string;
}

export interface GenerateJob {
  readonly id: string;
  readonly quantity: number;
  readonly batchSize: number;
  readonly model: ResolvedFile;
  readonly vae: ResolvedFile | undefined;
  readonly networks: readonly (ResolvedFile & {
    readonly type: "lora" | "hypernet";
    readonly strength: number;
  })[];
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly sampler: string;
  /** Never -1: the extension draws seeds. Image n uses seed + n. */
  readonly seed: number;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
  readonly cfgScale: number;
  readonly clipSkip: number | undefined;
  /** Present for img2img. Encoded pictures (PNG, JPEG or WebP), any size; the adapter scales. */
  readonly init:
    | {
        readonly image: Uint8Array;
        readonly mask: Uint8Array | undefined;
        readonly denoiseStrength: number;
        readonly maskedOnly: boolean;
      }
    | undefined;
}

export interface GenerateProgress {
  /** 0 to 100 over the whole job. */
  readonly progress: number;
  /** Of the image being drawn. */
  readonly step: number;
  readonly steps: number;
  readonly etaMs: number | undefined;
  /** While the job waits at the backend itself: how many of other programs' jobs come first. */
  readonly queued?: number;
}

export interface DrawnImage {
  readonly index: number;
  readonly seed: number;
  readonly mime: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

export interface GenerateHooks {
  readonly signal: AbortSignal;
  onProgress(progress: GenerateProgress): void;
  /** A small picture (at most 384 pixels a side) of the image being drawn. Stale ones may be dropped. */
  onPreview(preview: { index: number; mime: string; bytes: Uint8Array }): void;
  /** Called once per finished image, in order of `index`. */
  onImage(image: DrawnImage): void;
}

export interface ImageBackend {
  /** @throws {BeelineError} `BACKEND_UNAVAILABLE` with what was tried. */
  probe(): Promise<void>;
  capabilities(): Promise<BackendCapabilities>;
  /** Where it reads models from, as it says itself; empty when it does not. Absent: it reads what a job names. */
  folders?(): Promise<readonly ModelFolder[]>;
  /** Makes new or removed files known to the backend. */
  refresh(): Promise<void>;
  /**
   * Resolves when every image was handed to `onImage`. Rejects with `CANCELED` once `signal` fired,
   * and then hands over nothing more.
   */
  generate(job: GenerateJob, hooks: GenerateHooks): Promise<void>;
  close(): Promise<void>;
}
