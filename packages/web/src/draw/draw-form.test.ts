import { COMMANDS } from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  changeForm,
  type DrawForm,
  FIRST_FORM,
  PROTOCOL_LIMITS,
  sizeLike,
  toRequest,
} from "./draw-form.ts";

const lora = { type: "lora", hash: "b".repeat(64), name: "film", strength: 0.8 } as const;
const resources = [
  { type: "checkpoint" as const, hash: "a".repeat(64), name: "model" },
  { type: "lora" as const, hash: lora.hash, name: "film" },
];

function change(change: Partial<DrawForm>): DrawForm {
  return changeForm(FIRST_FORM, change, PROTOCOL_LIMITS);
}

test.each([
  ["a width between two eighths", { width: 517 }, { width: 520 }],
  ["a side above the limit", { height: 9000 }, { height: 2048 }],
  ["a side below the smallest", { width: 3 }, { width: 64 }],
  ["an emptied field", { steps: Number.NaN }, { steps: 1 }],
  ["a seed above 32 bits", { seed: 2 ** 40 }, { seed: 0xffff_ffff }],
  ["half a step", { steps: 20.4 }, { steps: 20 }],
  ["too many pictures", { quantity: 99 }, { quantity: 16 }],
  [
    "a strength out of bounds",
    { networks: [{ ...lora, strength: 11 }] },
    { networks: [{ ...lora, strength: 4 }] },
  ],
])("%s is brought within the limits", (_what, given, expected) => {
  expect(change(given)).toMatchObject(expected);
});

test("the extension's own limits are stricter than the protocol's", () => {
  const limits = { ...PROTOCOL_LIMITS, side: 1020, steps: 30 };
  expect(changeForm(FIRST_FORM, { width: 2048, steps: 99 }, limits)).toMatchObject({
    width: 1016,
    steps: 30,
  });
});

test("a form becomes a request that the extension accepts", () => {
  const form = change({ model: "a".repeat(64), networks: [lora], sampler: "Euler a", seed: 7 });
  const parsed = COMMANDS["image:txt2img"].request.parse(toRequest(form, resources));
  expect(parsed).toMatchObject({
    quantity: 1,
    model: "a".repeat(64),
    additionalNetworks: [lora],
    params: {
      prompt: form.prompt,
      sampler: "Euler a",
      seed: 7,
      steps: 20,
      width: 512,
      cfgScale: 7,
    },
  });
});

test("what was left open is not in the request at all", () => {
  const request = toRequest(FIRST_FORM, resources);
  expect(Object.keys(request)).not.toContain("model");
  expect(Object.keys(request.params)).not.toContain("seed");
  expect(Object.keys(request.params)).not.toContain("sampler");
});

test("a model, VAE or LoRA that is gone from the computer is not asked for", () => {
  const form = change({
    model: "c".repeat(64),
    vae: "d".repeat(64),
    networks: [{ ...lora, hash: "e".repeat(64) }],
  });
  const request = toRequest(form, resources);
  expect(request.model).toBeUndefined();
  expect(request.vae).toBeUndefined();
  expect(request.additionalNetworks).toEqual([]);
});

test("the size follows a picture's shape and keeps the number of pixels", () => {
  expect(sizeLike({ width: 4000, height: 3000 }, FIRST_FORM, PROTOCOL_LIMITS)).toEqual({
    width: 592,
    height: 440,
  });
  expect(sizeLike({ width: 100, height: 100 }, FIRST_FORM, PROTOCOL_LIMITS)).toEqual({
    width: 512,
    height: 512,
  });
  const panorama = sizeLike({ width: 10_000, height: 100 }, FIRST_FORM, PROTOCOL_LIMITS);
  expect(panorama.width).toBe(2048);
  expect(panorama.height).toBeGreaterThanOrEqual(64);
});
