/** Unfinished downloads: what is believed of them, and how long they are kept. */

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PARTIAL_FOLDER } from "./folders.ts";
import { PartFile, purgeParts } from "./part-file.ts";

const SHA = "a".repeat(64);
let dir: string;
const partials = () => join(dir, PARTIAL_FOLDER);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "beeline-part-"));
});

afterEach(() => rm(dir, { recursive: true }));

test("the digest of a part that is opened again covers what is on the disk", async () => {
  const first = await PartFile.open(dir, SHA);
  await first.restart({ url: "https://x/", validator: '"1"', size: 6 });
  await first.append(Buffer.from("abc"));
  await first.close();
  const second = await PartFile.open(dir, SHA);
  expect([second.size, second.source?.validator]).toEqual([3, '"1"']);
  await second.append(Buffer.from("def"));
  expect(second.digest()).toBe(createHash("sha256").update("abcdef").digest("hex"));
  expect(Buffer.from(await second.read(2, 2)).toString()).toBe("cd");
  await second.close();
});

test.each([
  ["is missing", undefined],
  ["is not JSON", "{"],
  ["belongs to another file", JSON.stringify({ url: "https://x/", sha256: "b".repeat(64) })],
])("a part whose sidecar %s begins anew", async (_what, sidecar) => {
  await mkdir(partials());
  await writeFile(join(partials(), `${SHA}.part`), "left over");
  if (sidecar !== undefined) await writeFile(join(partials(), `${SHA}.part.json`), sidecar);
  const part = await PartFile.open(dir, SHA);
  expect([part.size, part.source]).toEqual([0, undefined]);
  await part.discard();
  expect((await readdir(partials())).filter((name) => name.endsWith(".part"))).toEqual([]);
});

test("parts are purged when they were last written before a given time, with their sidecars", async () => {
  await mkdir(partials());
  for (const [name, seconds] of [
    ["new.part", 2_001],
    ["old.part", 1_999],
    ["old.part.json", 1_999],
  ] as const) {
    await writeFile(join(partials(), name), "x");
    await utimes(join(partials(), name), seconds, seconds);
  }
  await purgeParts(dir, 2_000_000);
  expect(await readdir(partials())).toEqual(["new.part"]);
});
