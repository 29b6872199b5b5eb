import type { Resource } from "@beeline/protocol";
import { expect, test } from "vitest";
import { choicesOf, networkType } from "./resource-choices.ts";

function resource(name: string, hash: string, more: Partial<Resource> = {}): Resource {
  return { type: "checkpoint", name, hash: hash.repeat(64), ...more };
}

test("choices are sorted by name and lose their ending", () => {
  const labels = choicesOf([resource("b.safetensors", "1"), resource("a.ckpt", "2")]).map(
    ({ label }) => label,
  );
  expect(labels).toEqual(["a", "b"]);
});

test("two files of one name can be told apart", () => {
  const labels = choicesOf([resource("a.safetensors", "1"), resource("a.ckpt", "2")]).map(
    ({ label }) => label,
  );
  expect(labels).toEqual(["a (11111111)", "a (22222222)"]);
});

test("the same file in two folders is one choice, and one still on its way is none", () => {
  const found = [
    resource("a", "1"),
    resource("copy", "1"),
    resource("b", "2", { downloading: true }),
  ];
  expect(choicesOf(found).map(({ value }) => value)).toEqual(["1".repeat(64)]);
});

test("LoRA-like files are asked for as lora, and only what the backend mixes in", () => {
  expect(networkType(resource("a", "1", { type: "locon" }), ["lora"])).toBe("lora");
  expect(networkType(resource("a", "1", { type: "hypernet" }), ["lora"])).toBeUndefined();
  expect(networkType(resource("a", "1"), ["lora", "hypernet"])).toBeUndefined();
});
