/** Credentials for a backend. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backendHeaders } from "./credentials.ts";

test("come from the environment as a user or a token", async () => {
  expect(await backendHeaders({}, undefined)).toEqual({});
  expect(await backendHeaders({ BEELINE_BACKEND_AUTH: "me:pass" }, undefined)).toEqual({
    authorization: "Basic bWU6cGFzcw==",
  });
  expect(await backendHeaders({ BEELINE_BACKEND_TOKEN: "t" }, undefined)).toEqual({
    authorization: "Bearer t",
  });
});

test("come from a file as headers of every name, and a file of anything else is refused without its content", async () => {
  const dir = await mkdtemp(join(tmpdir(), "beeline-headers-"));
  const file = join(dir, "headers.json");
  await writeFile(file, '{"X-Token":"secret word"}');
  expect(await backendHeaders({}, file)).toEqual({ "X-Token": "secret word" });
  for (const text of ["secret word", "[]", '{"a b":"secret word"}', '{"a":"secret\\nword"}']) {
    await writeFile(file, text);
    const error = await backendHeaders({}, file).catch((thrown: Error) => thrown);
    expect(String(error)).toMatch(/BACKEND_UNAVAILABLE: .*headers/);
    expect(String(error)).not.toContain("secret");
  }
  await rm(dir, { recursive: true });
});
