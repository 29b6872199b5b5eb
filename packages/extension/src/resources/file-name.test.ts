/** Which names from a page become files, and which are refused. */

import { BeelineError } from "@beeline/protocol";
import { expect, test } from "vitest";
import { checkFileName } from "./file-name.ts";

const GOOD = [
  "model.safetensors",
  "Ünïcode модель 模型.safetensors",
  "a b (v1.5) [fp16]+x&y.safetensors",
  "MODEL.SAFETENSORS",
  "console.safetensors",
  `${"a".repeat(188)}.safetensors`,
];

const HOSTILE = [
  ["..", "a parent folder"],
  ["../../etc/passwd.safetensors", "a traversal"],
  ["..\\..\\x.safetensors", "a Windows traversal"],
  ["/etc/x.safetensors", "an absolute path"],
  ["C:x.safetensors", "a drive"],
  ["x.safetensors:stream", "an alternate stream"],
  ["x\0.safetensors", "a NUL"],
  ["x\n.safetensors", "a line break"],
  ["x\u202Esrotnesnetfas.safetensors", "a direction override"],
  ["x\u200B.safetensors", "a zero-width space"],
  ["\uD800.safetensors", "half a surrogate pair"],
  [".hidden.safetensors", "a leading dot"],
  [" x.safetensors", "a leading space"],
  ["x.safetensors ", "a trailing space"],
  ["x.safetensors.", "a trailing dot"],
  ["CON.safetensors", "a device"],
  ["com1.tar.safetensors", "a device with extensions"],
  ["e\u0301.safetensors", "a decomposed accent"],
  ["<lora:x:1>.safetensors", "prompt syntax"],
  ["model.ckpt", "a pickle"],
  ["model.safetensors.exe", "another extension at the end"],
  ["", "nothing"],
  [`${"é".repeat(100)}.safetensors`, "more than 200 bytes"],
] as const;

test.each(GOOD)("%j is kept as it is", (name) => {
  expect(() => checkFileName(name)).not.toThrow();
});

test.each(HOSTILE)("%j is refused: %s", (name) => {
  expect(() => checkFileName(name)).toThrow(
    expect.objectContaining({ name: BeelineError.name, code: "NAME_REFUSED" }),
  );
});

test("the message shows a hostile name without its control characters", () => {
  const hostile = "\u001B[2Jx.safetensors";
  expect(() => checkFileName(hostile)).toThrow(/^[^\p{C}]*$/u);
});
