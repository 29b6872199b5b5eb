/** The thread that hashes, and its death. */

import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { Hashing } from "./hashing.ts";

/** More than is hashed without a thread. */
const LARGE_BYTES = 9 * 1024 * 1024;

test.each([
  ["threw", "throw new Error('made by the test')"],
  ["ended", "process.exit()"],
])(
  "a thread that %s fails the file that it had, and the next file gets another thread",
  async (_what, death) => {
    const dir = await mkdtemp(join(tmpdir(), "beeline-hashing-"));
    const path = join(dir, "model.safetensors");
    const file = await open(path, "w");
    await file.truncate(LARGE_BYTES);
    await file.close();
    const reply = "parentPort.postMessage({ path, sha256: 'a digest' })";
    const deeds = [death, reply];
    const threads: Worker[] = [];
    const hashing = new Hashing(() => {
      const deed = deeds[threads.length];
      const program = `const { parentPort } = require("node:worker_threads");
      parentPort.on("message", (path) => { ${deed}; });`;
      const thread = new Worker(program, { eval: true });
      threads.push(thread);
      return thread;
    });
    onTestFinished(async () => {
      await hashing.close();
      await rm(dir, { recursive: true });
    });
    await expect(hashing.hash(path, LARGE_BYTES)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await hashing.hash(path, LARGE_BYTES)).toBe("a digest");
    expect(threads).toHaveLength(2);
  },
);
