/**
 * A job as AUTOMATIC1111 wants it asked. Pure.
 *
 * Every setting that decides pixels is said, so that what the owner last chose in the program's page
 * does not; the settings are the program's own again afterwards. Nothing of a page's text becomes
 * syntax: LoRA tags are written here, from names that the program itself lists.
 */

import { BeelineError } from "@beeline/protocol";
import type { GenerateJob } from "../../image-backend.ts";
import type { SamplerLists } from "../shared/samplers.ts";
import { splitSampler } from "../shared/samplers.ts";
import type { Source } from "../shared/source.ts";
import type { Resolved } from "./catalogue.ts";
import type { Dialect } from "./dialect.ts";

/** What the program takes for a network: it removes all of these and loads what it knows. */
const NETWORK_TAG = /<\w+:[^>]+>/;

/** Pixels of soft edge that the program's own page starts with. */
const MASK_BLUR = 4;

/** Steps between two previews: with ten, its default, short jobs show none. */
const PREVIEW_STEPS = 2;

export interface AskedBatch {
  readonly job: GenerateJob;
  readonly resolved: Resolved;
  readonly samplers: SamplerLists;
  readonly source: Source;
  readonly dialect: Dialect;
  /** Which of the job's batches this is. */
  readonly batch: number;
  readonly taskId: string;
}

/** @throws {BeelineError} `COMMAND_INVALID` for a prompt that still names networks. */
export function batchRequest(asked: AskedBatch): { path: string; body: Record<string, unknown> } {
  const { job, resolved, samplers, source, dialect, batch, taskId } = asked;
  const tag = NETWORK_TAG.exec(job.prompt) ?? NETWORK_TAG.exec(job.negativePrompt);
  if (tag !== null) {
    throw new BeelineError("COMMAND_INVALID", `the prompt holds network syntax: ${tag[0]}`);
  }
  const tags = resolved.networks.map(({ type, name, strength }) => `<${type}:${name}:${strength}>`);
  const { sampler, scheduler } = splitSampler(job.sampler, samplers);
  const body: Record<string, unknown> = {
    prompt: [job.prompt, ...tags].join(" "),
    negative_prompt: job.negativePrompt,
    seed: seedOf(job, batch),
    subseed_strength: 0,
    steps: job.steps,
    width: job.width,
    height: job.height,
    cfg_scale: job.cfgScale,
    sampler_name: sampler,
    ...(scheduler !== undefined && { scheduler }),
    n_iter: 1,
    batch_size: job.batchSize,
    override_settings: settings(job, resolved, dialect),
    override_settings_restore_afterwards: true,
    send_images: true,
    save_images: false,
    ...(dialect.taskIds && { force_task_id: taskId }),
    ...(dialect.kind === "sdnext" && { clip_skip: job.clipSkip ?? 1 }),
  };
  if (source.kind !== "picture") return { path: "/sdapi/v1/txt2img", body };
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  Object.assign(body, {
    init_images: [base64(source.init)],
    denoising_strength: job.init?.denoiseStrength,
    resize_mode: 0,
    include_init_images: false,
    ...(source.mask !== undefined && {
      mask: base64(source.mask),
      mask_blur: MASK_BLUR,
      // Its own default is true: "only masked" is done before it gets the picture.
      inpaint_full_res: false,
      inpainting_fill: 1,
      inpainting_mask_invert: 0,
    }),
  });
  return { path: "/sdapi/v1/img2img", body };
}

/** The seed of a batch's first picture; the others count on from it. */
export function seedOf(job: GenerateJob, batch: number): number {
  return (job.seed + batch * job.batchSize) >>> 0;
}

function settings(
  job: GenerateJob,
  { model, vae }: Resolved,
  dialect: Dialect,
): Record<string, unknown> {
  const checkpoint = { sd_model_checkpoint: model.title };
  if (dialect.kind === "sdnext") {
    return { ...checkpoint, sd_vae: vae?.name ?? "Automatic", samples_format: "png" };
  }
  return {
    ...checkpoint,
    // Without one asked for, Forge keeps its modules: some models cannot be drawn without.
    ...(dialect.kind === "a1111" && { sd_vae: vae?.name ?? "Automatic" }),
    ...(dialect.kind === "forge" && vae && { forge_additional_modules: [vae.path] }),
    CLIP_stop_at_last_layers: job.clipSkip ?? 1,
    samples_format: "png",
    // What the answer is checked by.
    add_model_name_to_info: true,
    lora_add_hashes_to_infotext: true,
    live_previews_enable: true,
    live_previews_image_format: "jpeg",
    show_progress_every_n_steps: PREVIEW_STEPS,
  };
}
