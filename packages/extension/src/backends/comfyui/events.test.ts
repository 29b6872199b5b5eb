/** What comes out of ComfyUI's socket, the unexpected included. */

import { expect, test } from "vitest";
import { readBinary, readText } from "./events.ts";

const say = (type: string, data: object) => readText(JSON.stringify({ type, data }));

test("reads the life of a prompt", () => {
  expect(say("execution_start", { prompt_id: "p" })).toEqual([{ kind: "started", promptId: "p" }]);
  expect(say("progress", { prompt_id: "p", node: "sampler", value: 3, max: 20 })).toEqual([
    { kind: "progress", promptId: "p", node: "sampler", value: 3, max: 20 },
  ]);
  const nodes = { sampler: { value: 4, max: 20, state: "running" } };
  expect(say("progress_state", { prompt_id: "p", nodes })).toEqual([
    { kind: "progress", promptId: "p", node: "sampler", value: 4, max: 20 },
  ]);
  expect(say("executing", { prompt_id: "p", node: null })).toEqual([
    { kind: "ended", promptId: "p" },
  ]);
});

test("a preview with metadata says whose it is, one without does not", () => {
  const metadata = Buffer.from(JSON.stringify({ prompt_id: "p" }));
  const head = Buffer.from([0, 0, 0, 4, 0, 0, 0, metadata.length]);
  const [own] = readBinary(Buffer.concat([head, metadata, Buffer.from("PNG")]));
  expect(own).toMatchObject({ kind: "preview", promptId: "p" });
  expect(own?.kind === "preview" && Buffer.from(own.bytes).toString()).toBe("PNG");
  const [old] = readBinary(Buffer.from([0, 0, 0, 1, 0, 0, 0, 2, 9]));
  expect(old).toMatchObject({ kind: "preview", promptId: undefined });
});

test.each([
  ["no JSON", "{"],
  ["no object", "7"],
  ["an unknown type", '{"type":"crystools.monitor","data":{}}'],
  ["no data", '{"type":"progress"}'],
  ["data of another shape", '{"type":"progress_state","data":{"prompt_id":"p","nodes":[1,null]}}'],
])("passes over %s", (_name, text) => {
  expect(readText(text)).toEqual([]);
});

test("passes over frames that are cut, foreign or lie about their length", () => {
  for (const frame of [
    [],
    [0, 0, 0, 1],
    [0, 0, 0, 3, 0, 0, 0, 1, 65],
    [0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 1, 2],
    [0, 0, 0, 4, 0, 0, 0, 1, 0x7b, 2],
  ]) {
    expect(readBinary(Buffer.from(frame))).toEqual([]);
  }
});
