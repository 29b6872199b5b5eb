/** Sampler names in the words of each program. */

import { expect, test } from "vitest";
import { joinedSamplers, samplerTable, splitSampler } from "./samplers.ts";

const comfyui = {
  samplers: ["euler", "euler_ancestral", "dpmpp_2m", "res_multistep"],
  schedulers: ["normal", "karras"],
};

test("people's names come first, and only those that the program can draw with", () => {
  expect([...samplerTable("comfyui", comfyui)]).toEqual([
    ["Euler a", { sampler: "euler_ancestral", scheduler: "normal" }],
    ["Euler", { sampler: "euler", scheduler: "normal" }],
    ["DPM++ 2M", { sampler: "dpmpp_2m", scheduler: "normal" }],
    ["DPM++ 2M Karras", { sampler: "dpmpp_2m", scheduler: "karras" }],
    ["euler_ancestral", { sampler: "euler_ancestral", scheduler: "normal" }],
    ["dpmpp_2m", { sampler: "dpmpp_2m", scheduler: "normal" }],
    ["res_multistep", { sampler: "res_multistep", scheduler: "normal" }],
  ]);
});

test("no two names differ in case only", () => {
  const names = [...samplerTable("comfyui", comfyui).keys()].map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
});

test("AUTOMATIC1111's joined names are offered while its lists make them up, and taken apart", () => {
  const lists = { samplers: ["Euler a", "DPM++ 2M"], schedulers: ["Automatic", "Karras"] };
  expect(joinedSamplers(lists)).toEqual(["Euler a", "DPM++ 2M", "DPM++ 2M Karras"]);
  expect(splitSampler("DPM++ 2M Karras", lists)).toEqual({
    sampler: "DPM++ 2M",
    scheduler: "Karras",
  });
  const old = { samplers: ["DPM++ 2M Karras"], schedulers: [] };
  expect(joinedSamplers(old)).toEqual(["DPM++ 2M Karras"]);
  expect(splitSampler("DPM++ 2M Karras", old)).toEqual({
    sampler: "DPM++ 2M Karras",
    scheduler: undefined,
  });
});
