/** The `parameters` text, in the shape that galleries parse. */

import { expect, test } from "vitest";
import type { GenerateJob } from "../image-backend.ts";
import { imageParameters } from "./parameters.ts";

const job: GenerateJob = {
  id: "job",
  quantity: 1,
  batchSize: 1,
  model: { hash: "ab".repeat(32), name: "dawn, second.safetensors", path: "/models/dawn" },
  vae: { hash: "cd".repeat(32), name: "soft.safetensors", path: "/models/soft" },
  networks: [
    { type: "lora", hash: "ef".repeat(32), name: "ink.safetensors", path: "/i", strength: 0.8 },
    { type: "hypernet", hash: "01".repeat(32), name: "h:1.safetensors", path: "/h", strength: 1 },
  ],
  prompt: "a lake\nat dawn",
  negativePrompt: "blurry",
  sampler: "Euler a",
  seed: 41,
  steps: 20,
  width: 512,
  height: 640,
  cfgScale: 7.5,
  clipSkip: 2,
  init: { image: new Uint8Array(), mask: undefined, denoiseStrength: 0.6, maskedOnly: false },
};

test("tells how a picture was made, as AUTOMATIC1111 writes it", () => {
  expect(imageParameters(job, 42, "beeline-demo")).toBe(
    [
      "a lake",
      "at dawn <lora:ink:0.8> <hypernet:h_1:1>",
      "Negative prompt: blurry",
      'Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x640, Model hash: ababababab, Model: "dawn, second", VAE hash: cdcdcdcdcd, VAE: soft.safetensors, Denoising strength: 0.6, Clip skip: 2, Lora hashes: "ink: efefefefefef", Version: beeline-demo',
    ].join("\n"),
  );
});

test("leaves out what a job does not have", () => {
  const bare = {
    ...job,
    vae: undefined,
    networks: [],
    negativePrompt: "",
    clipSkip: undefined,
    init: undefined,
  };
  const text = imageParameters(bare, 1, "beeline-demo");
  expect(text).not.toMatch(/Negative prompt|VAE|Lora|Clip skip|Denoising|undefined/);
});
