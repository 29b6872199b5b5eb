/** Requests and answers of the shipped clients, as their code was read and run. */

import { describe, expect, test } from "vitest";
import { parseCommand } from "./commands.ts";
import { fromShipped, shippedResourceList, toShipped } from "./dialect.ts";
import { BeelineError } from "./errors.ts";

const NOW = "2026-01-01T00:00:00.000Z";
const ID = "2f0c3a52-7c0b-4c7e-9d5b-0a4b9a3e7a11";
const UPPER = "ABCDEF0123456789".repeat(4);
const LOWER = UPPER.toLowerCase();

const add = {
  id: ID,
  type: "resources:add",
  createdAt: "2025-05-05T05:05:05.000Z",
  groupId: "g",
  resource: {
    type: "LORA",
    hash: UPPER,
    name: "bee.safetensors",
    modelName: "Bees",
    modelVersionName: "v1",
    previewImage: "https://image.civitai.com/x.jpeg",
    url: "https://civitai.com/api/download/models/1",
  },
};

/** What our service says about one file of an add. */
const response = (file: object, more: object) => ({
  id: ID,
  type: "resources:add",
  version: "1.0.0",
  createdAt: add.createdAt,
  updatedAt: NOW,
  resources: [
    { type: "lora", hash: LOWER, name: "bee.safetensors", url: add.resource.url, ...file },
  ],
  ...more,
});

const parse = (raw: unknown) => parseCommand(fromShipped(raw).command, NOW);

describe("a shipped request", () => {
  test("with one resource is a command with a list of one, its type and hash as ours", () => {
    expect(parse(add)).toMatchObject({
      id: ID,
      type: "resources:add",
      createdAt: add.createdAt,
      fields: { resources: [{ type: "lora", hash: LOWER, name: "bee.safetensors" }] },
    });
  });

  test.each([
    ["Checkpoint", "checkpoint"],
    ["LORA", "lora"],
    ["LoCon", "locon"],
    ["DoRA", "dora"],
    ["VAE", "vae"],
    ["Hypernetwork", "hypernet"],
    ["TextualInversion", "embedding"],
    ["Controlnet", "controlnet"],
    ["Upscaler", "upscaler"],
    ["CheckpointConfig", "other"],
    ["MotionModule", "other"],
    ["UNet", "other"],
    ["Other", "other"],
  ])("may name the type %s, ours is %s", (shipped, ours) => {
    const raw = { id: ID, type: "resources:remove", resource: { type: shipped, hash: UPPER } };
    expect(parse(raw).fields).toEqual({ resources: [{ type: ours, hash: LOWER }] });
    expect(parse({ id: ID, type: "resources:list", types: [shipped] }).fields).toEqual({
      types: [ours],
    });
  });

  test("of a type that nobody knows is refused by name", () => {
    const raw = { ...add, resource: { ...add.resource, type: "Sculpture" } };
    expect(() => parse(raw)).toThrow(/Sculpture/);
  });

  test("for a picture may leave fields empty or null, and keeps an empty prompt", () => {
    const raw = {
      id: ID,
      type: "image:txt2img",
      quantity: 1,
      batchSize: 1,
      model: UPPER,
      vae: "",
      params: {
        prompt: "",
        negativePrompt: "",
        sampler: "Euler a",
        seed: null,
        steps: 20,
        width: 512,
        height: 512,
        cfgScale: 7,
        clipSkip: 2,
      },
    };
    expect(parse(raw).fields).toMatchObject({ model: LOWER, params: { prompt: "", clipSkip: 2 } });
    expect(parse(raw).fields).not.toHaveProperty("vae");
  });

  test.each(["activities:list", "activities:clear"])("%s needs no fields", (type) => {
    expect(parse({ id: ID, type, createdAt: NOW })).toMatchObject({ type });
  });

  test("activities:cancel names the add", () => {
    expect(parse({ id: ID, type: "activities:cancel", activityId: ID }).fields).toEqual({
      activityId: ID,
    });
  });

  test("in the specification's arrays is understood as well", () => {
    const { resource, ...rest } = add;
    expect(parse({ ...rest, resources: [resource] }).fields).toEqual(parse(add).fields);
    const cancel = {
      id: ID,
      type: "resources:add:cancel",
      resources: [{ type: "LORA", hash: UPPER }],
    };
    expect(parse(cancel)).toMatchObject({ fields: { resources: [{ type: "lora", hash: LOWER }] } });
  });

  test.each([null, 7, "x", [], { id: ID }, { ...add, resource: 7 }, { ...add, resource: null }])(
    "that makes no sense is refused, not thrown at: %j",
    (raw) => {
      expect(() => parse(raw)).toThrow(BeelineError);
    },
  );
});

describe("the answer to a shipped client", () => {
  test("is the whole request with figures added, and the hash in lower case", () => {
    const figures = { status: "processing", progress: 12.34, speed: 1000, remainingTime: 7 };
    expect(toShipped(fromShipped(add), response(figures, { status: "processing" }))).toEqual({
      ...add,
      resource: { ...add.resource, hash: LOWER },
      updatedAt: NOW,
      status: "processing",
      progress: 12.34,
      speed: 1000,
      remainingTime: 7,
    });
  });

  test("says what went wrong in words", () => {
    const error = new BeelineError("HASH_MISMATCH", "it is another file").toWire();
    const answer = toShipped(
      fromShipped(add),
      response({ status: "error", error }, { status: "error", error }),
    );
    expect(answer).toMatchObject({
      status: "error",
      error: "it is another file",
      resource: { type: "LORA" },
    });
  });

  test("to arrays has arrays", () => {
    const { resource, ...rest } = add;
    const request = fromShipped({ ...rest, resources: [resource] });
    const error = new BeelineError("DISK_FULL", "full").toWire();
    const answer = toShipped(
      request,
      response({ status: "error", progress: 5, error }, { status: "error", error }),
    );
    expect(answer).not.toHaveProperty("resource");
    expect(answer).toMatchObject({
      error: "full",
      resources: [{ ...resource, hash: LOWER, status: "error", progress: 5, error: "full" }],
    });
  });

  test("to a cancel echoes what was cancelled", () => {
    const request = fromShipped({
      id: ID,
      type: "activities:cancel",
      activityId: ID,
      createdAt: NOW,
    });
    const ours = {
      id: ID,
      type: "activities:cancel",
      version: "1.0.0",
      createdAt: NOW,
      updatedAt: NOW,
      status: "success",
      activityId: ID,
    };
    const { version: _version, ...expected } = ours;
    expect(toShipped(request, ours)).toEqual(expected);
  });

  test("to a list has every resource in their shape", () => {
    const request = fromShipped({
      id: ID,
      type: "resources:list",
      types: ["LORA"],
      createdAt: NOW,
    });
    const resources = [
      {
        type: "embedding",
        hash: LOWER,
        name: "e.safetensors",
        path: "embeddings/e.safetensors",
        size: 9,
        hasPreview: true,
      },
      { type: "lora", hash: UPPER, name: "l.safetensors", downloading: true },
    ] as const;
    const shipped = [
      {
        type: "TextualInversion",
        hash: LOWER,
        name: "e.safetensors",
        path: "embeddings/e.safetensors",
        hasPreview: true,
      },
      { type: "LORA", hash: LOWER, name: "l.safetensors", hasPreview: false, downloading: true },
    ];
    const answer = toShipped(request, {
      id: ID,
      type: "resources:list",
      status: "success",
      updatedAt: NOW,
      resources,
    });
    expect(answer).toMatchObject({
      id: ID,
      types: ["LORA"],
      status: "success",
      resources: shipped,
    });
    expect(shippedResourceList(resources)).toEqual({ type: "resources:list", resources: shipped });
  });

  test("to activities:list has one resource an activity, under the name that is shown", () => {
    const request = fromShipped({ id: ID, type: "activities:list", createdAt: NOW });
    const activity = response(
      { status: "processing", progress: 50, speed: 10 },
      { status: "processing" },
    );
    const answer = toShipped(request, {
      id: ID,
      type: "activities:list",
      status: "success",
      activities: [activity],
    });
    expect(answer.activities).toEqual([
      {
        id: ID,
        type: "resources:add",
        createdAt: add.createdAt,
        updatedAt: NOW,
        status: "processing",
        progress: 50,
        speed: 10,
        resource: {
          type: "LORA",
          hash: LOWER,
          name: "bee.safetensors",
          modelName: "bee.safetensors",
          url: add.resource.url,
        },
      },
    ]);
  });

  test("to a generation carries its pictures as base64", () => {
    const request = fromShipped({
      id: ID,
      type: "image:txt2img",
      params: { prompt: "x" },
      createdAt: NOW,
    });
    const ours = {
      id: ID,
      type: "image:txt2img",
      status: "success",
      progress: 100,
      images: [{ index: 0 }],
    };
    expect(toShipped(request, ours, ["aGk="])).toMatchObject({
      params: { prompt: "x" },
      progress: 100,
      images: ["aGk="],
    });
    expect(toShipped(request, { ...ours, status: "processing" })).not.toHaveProperty("images");
  });

  test("that was never a command names what could be read of it", () => {
    const error = new BeelineError("COMMAND_INVALID", "id: invalid").toWire();
    const ours = { id: "", type: "", createdAt: NOW, updatedAt: NOW, status: "error", error };
    expect(toShipped(fromShipped(null), ours)).toMatchObject({
      status: "error",
      error: "id: invalid",
    });
  });
});

test("a request with a version is the specification's, and so is its answer", () => {
  const raw = { id: ID, version: "1.0.0", type: "image:txt2img", params: { prompt: "x" } };
  const request = fromShipped(raw);
  expect(request.command).toBe(raw);
  const error = new BeelineError("QUEUE_FULL", "full").toWire();
  const ours = { id: ID, type: "image:txt2img", version: "1.0.0", status: "error", error };
  expect(toShipped(request, ours)).toEqual(ours);
  expect(toShipped(request, ours, ["aGk="])).toEqual({ ...ours, images: ["aGk="] });
});
