/**
 * A job as a ComfyUI graph, in the format that its API takes. Pure.
 *
 * One graph draws one picture: ComfyUI draws a whole latent batch from one seed, and its second
 * picture could never be drawn again by the seed that was reported. Texts of the page are values of
 * a text node and nothing else. Each result is saved under a marker of its own, so that ComfyUI's
 * cache never answers with the name of a file that is gone.
 */

/** A node's inputs are values, or links to another node's output. */
type Input = string | number | readonly [node: string, output: number];
export interface GraphNode {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, Input>>;
}
export type Graph = Readonly<Record<string, GraphNode>>;

/** Where the picture comes out. */
export const RESULT_NODE = "result";
/** Whose progress is the picture's. */
export const SAMPLER_NODE = "sampler";

export interface WorkflowJob {
  readonly checkpoint: string;
  readonly vae: string | undefined;
  readonly networks: readonly {
    readonly type: "lora" | "hypernet";
    readonly name: string;
    readonly strength: number;
  }[];
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly sampler: string;
  readonly scheduler: string;
  readonly seed: number;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
  readonly cfgScale: number;
  readonly clipSkip: number | undefined;
  /** Names of uploaded pictures of the size above. */
  readonly init:
    | { readonly image: string; readonly mask: string | undefined; readonly denoise: number }
    | undefined;
  readonly marker: string;
}

export function buildWorkflow(job: WorkflowJob): Graph {
  const graph: Record<string, GraphNode> = {};
  const add = (id: string, class_type: string, inputs: GraphNode["inputs"]) => {
    graph[id] = { class_type, inputs };
  };
  add("checkpoint", "CheckpointLoaderSimple", { ckpt_name: job.checkpoint });
  let model: Input = ["checkpoint", 0];
  let clip: Input = ["checkpoint", 1];
  let vae: Input = ["checkpoint", 2];
  for (const [index, { type, name, strength }] of job.networks.entries()) {
    const id = `network${index}`;
    if (type === "hypernet") {
      add(id, "HypernetworkLoader", { model, hypernetwork_name: name, strength });
    } else {
      const strengths = { strength_model: strength, strength_clip: strength };
      add(id, "LoraLoader", { model, clip, lora_name: name, ...strengths });
      clip = [id, 1];
    }
    model = [id, 0];
  }
  if (job.clipSkip !== undefined && job.clipSkip > 1) {
    add("clipSkip", "CLIPSetLastLayer", { clip, stop_at_clip_layer: -job.clipSkip });
    clip = ["clipSkip", 0];
  }
  if (job.vae !== undefined) {
    add("vae", "VAELoader", { vae_name: job.vae });
    vae = ["vae", 0];
  }
  add("positive", "CLIPTextEncode", { clip, text: job.prompt });
  add("negative", "CLIPTextEncode", { clip, text: job.negativePrompt });
  add(SAMPLER_NODE, "KSampler", {
    model,
    positive: ["positive", 0],
    negative: ["negative", 0],
    latent_image: addLatent(job, vae, add),
    seed: job.seed,
    steps: job.steps,
    cfg: job.cfgScale,
    sampler_name: job.sampler,
    scheduler: job.scheduler,
    denoise: job.init?.denoise ?? 1,
  });
  add("decode", "VAEDecode", { samples: [SAMPLER_NODE, 0], vae });
  // PreviewImage keeps it in ComfyUI's own temporary folder. It does not know the second input, but
  // ComfyUI's cache counts it.
  add(RESULT_NODE, "PreviewImage", { images: ["decode", 0], beeline: job.marker });
  return graph;
}

/** What the sampler starts from. The mask keeps the rest of the latent, at any denoise strength. */
function addLatent(
  { init, width, height }: WorkflowJob,
  vae: Input,
  add: (id: string, type: string, inputs: GraphNode["inputs"]) => void,
): Input {
  if (init === undefined) {
    add("latent", "EmptyLatentImage", { width, height, batch_size: 1 });
    return ["latent", 0];
  }
  add("init", "LoadImage", { image: init.image });
  add("latent", "VAEEncode", { pixels: ["init", 0], vae });
  if (init.mask === undefined) return ["latent", 0];
  add("mask", "LoadImageMask", { image: init.mask, channel: "red" });
  add("masked", "SetLatentNoiseMask", { samples: ["latent", 0], mask: ["mask", 0] });
  return ["masked", 0];
}
