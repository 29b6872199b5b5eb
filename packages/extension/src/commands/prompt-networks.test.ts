/** What a prompt may say in network syntax, and what becomes of it. */

import { BeelineError } from "@beeline/protocol";
import { expect, test } from "vitest";
import type { BackendCapabilities, ResolvedFile } from "../image-backend.ts";
import type { Shelf } from "./plan.ts";
import { namedNetworks, refuseNetworks } from "./prompt-networks.ts";

const file = (name: string): ResolvedFile => ({
  hash: `hash of ${name}`,
  name: `${name}.safetensors`,
  path: `/${name}`,
});
const shelf: Shelf = {
  named: (name, type) =>
    type === "lora" && name === "ink"
      ? [file("ink")]
      : name === "twice"
        ? [file("one"), file("other")]
        : [],
  find: () => undefined,
  list: () => [],
  unread: 0,
};
const capabilities: BackendCapabilities = {
  kind: "fake",
  name: "Fake",
  demo: false,
  img2img: true,
  mask: true,
  vae: true,
  networks: ["lora"],
  samplers: [],
};
const read = (prompt: string, asked: Parameters<typeof namedNetworks>[1] = []) =>
  namedNetworks(prompt, asked, capabilities, shelf);

test("a tag that means one file becomes a network and leaves the prompt", () => {
  expect(read("a bee <lora:ink:0.8>, honey")).toEqual({
    prompt: "a bee , honey",
    networks: [{ ...file("ink"), type: "lora", strength: 0.8 }],
  });
  expect(read("<lora:ink>").networks[0]?.strength).toBe(1);
});

test("what was asked for by hash stands beside its tag", () => {
  const asked = [{ ...file("ink"), type: "lora" as const, strength: 0.3 }];
  expect(read("x <lora:ink:0.8>", asked)).toEqual({ prompt: "x", networks: asked });
});

test("a prompt without tags is left as it is", () => {
  const prompt = "  (a bee:1.2)  [x:y:0.5] <3 a<b>c  ";
  expect(read(prompt)).toEqual({ prompt, networks: [] });
});

test.each([
  ["<lora:unknown:1>", "RESOURCE_NOT_FOUND"],
  ["<lora:../../etc/passwd:1>", "RESOURCE_NOT_FOUND"],
  ["<lora:twice:1>", "RESOURCE_NOT_FOUND"],
  ["<hypernet:wash:1>", "COMMAND_UNSUPPORTED"],
  ["<lora:ink:1:2>", "COMMAND_INVALID"],
  ["<lora:ink:te=1>", "COMMAND_INVALID"],
  ["<lora:ink:99>", "COMMAND_INVALID"],
  ["<lora:ink:>", "COMMAND_INVALID"],
  ["<made_up:ink:1>", "COMMAND_INVALID"],
])("%s is refused by name: %s", (tag, code) => {
  const refused = () => read(`a bee ${tag}`);
  expect(refused).toThrow(BeelineError);
  expect(refused).toThrow(new RegExp(`^${code}: .*${tag.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`));
});

test("a negative prompt can hold none", () => {
  expect(() => refuseNetworks("params.negativePrompt", "x <lora:ink:1>")).toThrow(
    "COMMAND_INVALID: params.negativePrompt",
  );
  expect(() => refuseNetworks("params.negativePrompt", "blurry <3")).not.toThrow();
});
