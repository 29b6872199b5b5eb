/** Which Stable Diffusion is found, and what is said when none is. */
import { findBackend } from "@beeline/extension";
import { expect, onTestFinished, test } from "vitest";
import { a1111Bench, comfyBench, sdServerBench } from "./benches.ts";
import { errorOf } from "./heard.ts";

const KINDS = [
  { kind: "a1111", make: () => a1111Bench("forge") },
  { kind: "comfyui", make: comfyBench },
  { kind: "sd-server", make: sdServerBench },
] as const;

test.each(KINDS)(
  "$kind is found by itself on its usual port and at any address",
  async ({ kind, make }) => {
    const bench = await make();
    onTestFinished(() => bench.close());
    // Nobody listens on port 1.
    const usual = [["comfyui", 1], ...KINDS.map((each) => [each.kind, bench.fake.port])] as never;
    for (const where of [{ usual }, { url: `${bench.fake.url}/` }]) {
      const found = await findBackend(where);
      expect([found.kind, found.url]).toEqual([kind, bench.fake.url]);
      await found.backend.close();
    }
  },
);

test("a program of another kind is not taken for the one that was asked for", async () => {
  const bench = await comfyBench();
  onTestFinished(() => bench.close());
  const error = await errorOf(findBackend({ kind: "a1111", url: bench.fake.url }));
  expect([error.code, error.detail]).toEqual([
    "BACKEND_UNAVAILABLE",
    expect.stringContaining("does not speak AUTOMATIC1111's API"),
  ]);
});

test("when there is none, every place that was tried is named, and the demo is not taken", async () => {
  const error = await errorOf(
    findBackend({
      usual: [
        ["a1111", 1],
        ["comfyui", 2],
      ],
    }),
  );
  expect(error.code).toBe("BACKEND_UNAVAILABLE");
  expect(error.detail).toMatch(/a1111: .*127\.0\.0\.1:1 .*comfyui: .*127\.0\.0\.1:2 /);
});

test.each(["ftp://127.0.0.1", "127.0.0.1:7860", ""])(
  "%j is no address of a backend",
  async (url) => {
    expect((await errorOf(findBackend({ url }))).detail).toContain("must begin with http://");
  },
);
