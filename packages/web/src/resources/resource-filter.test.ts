import type { Resource } from "@beeline/protocol";
import { expect, test } from "vitest";
import { addProblems, filterResources, nameFromUrl, typesIn } from "./resource-filter.ts";

const resources: Resource[] = [
  { type: "checkpoint", name: "Dream Shaper.safetensors", hash: "abc".padEnd(64, "0") },
  { type: "lora", name: "film grain.safetensors", hash: "def".padEnd(64, "0") },
];
const good = {
  type: "lora",
  name: "a.safetensors",
  hash: "A".repeat(64),
  url: "https://example.org/a",
} as const;

test("every word must be found, in the name or at the start of the hash", () => {
  expect(filterResources(resources, undefined, "shaper DREAM")).toEqual([resources[0]]);
  expect(filterResources(resources, undefined, "def grain")).toEqual([resources[1]]);
  expect(filterResources(resources, undefined, "dream grain")).toEqual([]);
  expect(filterResources(resources, "lora", "  ")).toEqual([resources[1]]);
});

test("only types that occur are offered", () => {
  expect(typesIn(resources)).toEqual([
    { type: "checkpoint", count: 1 },
    { type: "lora", count: 1 },
  ]);
});

test("a good resource has no problems", () => {
  expect(addProblems(good)).toEqual({});
});

test.each([
  ["name", { name: "a.ckpt" }],
  ["name", { name: "../a.safetensors" }],
  ["name", { name: "..\\a.safetensors" }],
  ["hash", { hash: "abc" }],
  ["hash", { hash: "g".repeat(64) }],
  ["url", { url: "example.org/a" }],
  ["url", { url: "file:///etc/passwd" }],
  ["url", { url: "javascript:alert(1)" }],
])("a wrong %s is told: %o", (field, change) => {
  expect(Object.keys(addProblems({ ...good, ...change }))).toEqual([field]);
});

test("the name is taken from the address", () => {
  expect(nameFromUrl("https://example.org/x/My%20model.safetensors?download=1")).toBe(
    "My model.safetensors",
  );
  expect(nameFromUrl("https://example.org/%2e%2e%2fa.safetensors")).toBe("..a.safetensors");
  expect(nameFromUrl("https://example.org/%E0%A4%A")).toBe("%E0%A4%A");
  expect(nameFromUrl("nonsense")).toBe("");
});
