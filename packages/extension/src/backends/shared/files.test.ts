/** Which entry of a backend's list is a file of ours. */

import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findListed } from "./files.ts";

const hash = "ab".repeat(32);
const file = { hash, name: "m.safetensors", path: "/ours/sd15/m.safetensors" };
const path = async (...entries: { path: string; sha256?: string }[]) =>
  (await findListed(file, entries))?.path;

test("the same place is the same file, through links as well, whatever hash is claimed", async () => {
  const dir = await mkdtemp(join(tmpdir(), "beeline-files-"));
  const real = join(dir, "real.safetensors");
  const link = join(dir, "link.safetensors");
  await writeFile(real, "x");
  await symlink(real, link);
  const found = await findListed({ hash, name: "real", path: real }, [
    { path: link, sha256: "88".repeat(32) },
  ]);
  expect(found?.path).toBe(link);
  await rm(dir, { recursive: true });
});

test("behind another mount point the name decides, if only one has it and no hash speaks against it", async () => {
  expect(await path({ path: "C:\\models\\m.safetensors" })).toBe("C:\\models\\m.safetensors");
  expect(await path({ path: "/theirs/m.safetensors", sha256: hash.toUpperCase() })).toBeDefined();
  expect(await path({ path: "/theirs/m.safetensors", sha256: "cd".repeat(32) })).toBeUndefined();
  expect(await path({ path: "/a/m.safetensors" }, { path: "/b/m.safetensors" })).toBeUndefined();
  expect(await path({ path: "/theirs/n.safetensors" })).toBeUndefined();
});

test("of several with one name, the one in the same folder is meant", async () => {
  expect(await path({ path: "sdxl/m.safetensors" }, { path: "sd15\\m.safetensors" })).toBe(
    "sd15\\m.safetensors",
  );
});
