/** Demo resource files: stable, valid, and read as they were meant. */

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { lookFromHash } from "./look.ts";
import { LOOK_KEY, resourceLook } from "./resource-look.ts";
import { writeSafetensors } from "./safetensors.ts";
import { seedDemoResources } from "./seed-resources.ts";

const folder = await mkdtemp(join(tmpdir(), "beeline-demo-"));
afterAll(() => rm(folder, { recursive: true }));

const HASH = "5a".repeat(32);

async function fileOf(name: string, content: Uint8Array) {
  const path = join(folder, name);
  await writeFile(path, content);
  return { hash: HASH, name, path };
}

describe("seedDemoResources", () => {
  test("writes safetensors files whose SHA-256s never change", async () => {
    const models = join(folder, "first");
    const digests: Record<string, string> = {};
    for (const path of await seedDemoResources(models)) {
      const bytes = await readFile(join(models, path));
      expect(bytes.length).toBeGreaterThan(20 * 1024);
      expect(bytes.length).toBeLessThan(200 * 1024);
      const header = Number(bytes.readBigUInt64LE());
      const { __metadata__, ...tensors } = JSON.parse(bytes.toString("utf8", 8, 8 + header));
      expect(tensors["demo.weight"].data_offsets).toEqual([0, bytes.length - 8 - header]);
      expect(__metadata__[LOOK_KEY]).toBeTypeOf("string");
      digests[path] = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
    }
    expect(digests).toMatchInlineSnapshot(`
      {
        "checkpoints/beeline-demo-dawn.safetensors": "9711d731d8",
        "checkpoints/beeline-demo-dusk.safetensors": "26e9f47306",
        "loras/demo-bloom.safetensors": "1c161b1fcf",
        "loras/demo-ink.safetensors": "a05db0ba0b",
        "vae/demo-soft.safetensors": "4ff00f1401",
      }
    `);
  });

  test("leaves a folder alone that has a checkpoint, also after a demo file was removed", async () => {
    const models = join(folder, "second");
    await seedDemoResources(models);
    await rm(join(models, "loras/demo-ink.safetensors"));
    expect(await seedDemoResources(models)).toEqual([]);
    await expect(readFile(join(models, "loras/demo-ink.safetensors"))).rejects.toThrow("ENOENT");
  });
});

describe("resourceLook", () => {
  test("reads the look that a file's header gives", async () => {
    const text = JSON.stringify({ palette: "neon", ink: 0.5 });
    const file = await fileOf("own", writeSafetensors({ [LOOK_KEY]: text }, Uint8Array.of(1)));
    const { palette, look } = await resourceLook(file, "checkpoint");
    expect([palette, look.ink, look.glow]).toEqual(["neon", 0.5, 0]);
  });

  test.each([
    ["no look", writeSafetensors({ format: "pt" }, Uint8Array.of(1))],
    ["a look out of bounds", writeSafetensors({ [LOOK_KEY]: '{"ink":1e9}' }, Uint8Array.of(1))],
    ["a look that is no JSON", writeSafetensors({ [LOOK_KEY]: "{" }, Uint8Array.of(1))],
    ["no bytes", new Uint8Array(0)],
    ["a header of 16 exabytes", new Uint8Array(64).fill(255)],
    ["a header that is no JSON", Buffer.from("\x04\0\0\0\0\0\0\0[[[[", "latin1")],
  ])("goes by the hash for a file with %s", async (name, content) => {
    const file = await fileOf(name, content);
    expect(await resourceLook(file, "network")).toEqual(lookFromHash(HASH, "network"));
  });

  test("names the file that is not there", async () => {
    const gone = { hash: HASH, name: "gone", path: join(folder, "gone") };
    await expect(resourceLook(gone, "checkpoint")).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      detail: expect.stringContaining("gone"),
    });
    await expect(resourceLook(gone, "vae")).rejects.toMatchObject({ code: "RESOURCE_NOT_FOUND" });
  });
});
