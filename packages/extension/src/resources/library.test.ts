/** The library is a view of real files. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Library } from "./library.ts";

let dir: string;
let models: string;
const opened: Library[] = [];

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

async function open(): Promise<Library> {
  const library = await Library.open({
    modelsDir: models,
    indexFile: join(dir, "index.json"),
    clock: () => 0,
  });
  opened.push(library);
  return library;
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "beeline-library-"));
  models = join(dir, "models");
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((library) => library.close()));
  await rm(dir, { recursive: true });
});

test("lists model files of every known folder, with hash and path, and nothing else", async () => {
  const library = await open();
  await writeFile(join(models, "checkpoints", "a.safetensors"), "A");
  await mkdir(join(models, "loras", "styles"));
  await writeFile(join(models, "loras", "styles", "b.safetensors"), "B");
  await writeFile(join(models, "loras", "styles", "b.preview.png"), "picture");
  await writeFile(join(models, "loras", "notes.txt"), "no model");
  await mkdir(join(models, "loras", ".beeline-partial"));
  await writeFile(join(models, "loras", ".beeline-partial", "c.safetensors"), "part");
  await writeFile(join(models, "stray.safetensors"), "in no folder");
  await library.rescan();
  expect(library.list()).toEqual([
    {
      type: "checkpoint",
      name: "a.safetensors",
      listPath: "checkpoints/a.safetensors",
      path: join(models, "checkpoints", "a.safetensors"),
      hash: sha256("A"),
      size: 1,
      hasPreview: false,
    },
    expect.objectContaining({
      type: "lora",
      listPath: "loras/styles/b.safetensors",
      hash: sha256("B"),
      hasPreview: true,
    }),
  ]);
  expect(library.list(["vae"])).toEqual([]);
  expect(library.list(["dora"]).map((file) => file.name)).toEqual(["b.safetensors"]);
  expect(library.find(sha256("B").toUpperCase(), "locon")?.name).toBe("b.safetensors");
  expect(library.find(sha256("B"), "checkpoint")).toBeUndefined();
});

test("a remembered hash is used again until size, time or inode change", async () => {
  const path = join(models, "vae", "v.safetensors");
  const first = await open();
  await writeFile(path, "one");
  await utimes(path, 1_000, 1_000);
  await first.rescan();
  await first.close();

  // Same size and time, other content: only somebody who reads the file could tell.
  const second = await open();
  await writeFile(path, "two");
  await utimes(path, 1_000, 1_000);
  await second.rescan();
  expect(second.list()[0]?.hash).toBe(sha256("one"));

  await utimes(path, 2_000, 2_000);
  await second.rescan();
  expect(second.list()[0]?.hash).toBe(sha256("two"));

  const other = join(models, "vae", "other");
  await writeFile(other, "six");
  await utimes(other, 2_000, 2_000);
  await rename(other, path);
  await second.rescan();
  expect(second.list()[0]?.hash).toBe(sha256("six"));
});

test("an index that is not readable is computed anew", async () => {
  await writeFile(join(dir, "index.json"), '{"version":1,"files":{"x":{"size":"big"}}}');
  const library = await open();
  await writeFile(join(models, "vae", "v.safetensors"), "V");
  await library.rescan();
  expect(library.list()).toHaveLength(1);
});

test("listeners hear of files that came and went, and of nothing else", async () => {
  const library = await open();
  let told = 0;
  library.onChanged(() => {
    told += 1;
  });
  await library.rescan();
  expect(told).toBe(0);
  await writeFile(join(models, "vae", "v.safetensors"), "V");
  await library.rescan();
  expect(told).toBe(1);
  await library.rescan();
  expect(told).toBe(1);
  await rm(join(models, "vae", "v.safetensors"));
  await library.rescan();
  expect(told).toBe(2);
  expect(library.list()).toEqual([]);
});

test("removing deletes every copy in the folder of the type, with its picture, and no other", async () => {
  const library = await open();
  const file = (...parts: string[]) => join(models, ...parts);
  await mkdir(file("loras", "sub"));
  for (const path of ["loras/a.safetensors", "loras/sub/copy.safetensors", "other/a.safetensors"]) {
    await writeFile(file(path), "same");
  }
  await writeFile(file("loras/a.preview.png"), "picture");
  await writeFile(file("loras/b.safetensors"), "else");
  await library.rescan();
  await library.remove({ type: "lora", hash: sha256("same") });
  expect(existsSync(file("loras/a.safetensors"))).toBe(false);
  expect(existsSync(file("loras/a.preview.png"))).toBe(false);
  expect(existsSync(file("loras/sub/copy.safetensors"))).toBe(false);
  expect(existsSync(file("loras/b.safetensors"))).toBe(true);
  expect(existsSync(file("other/a.safetensors"))).toBe(true);
});

test("removing refuses what is unknown, and a file that is not what was hashed", async () => {
  const library = await open();
  const path = join(models, "loras", "a.safetensors");
  await writeFile(path, "before");
  await library.rescan();
  const refused = { code: "RESOURCE_NOT_FOUND" };
  await expect(library.remove({ type: "lora", hash: sha256("x") })).rejects.toMatchObject(refused);
  await writeFile(path, "replaced since");
  await expect(library.remove({ type: "lora", hash: sha256("before") })).rejects.toMatchObject(
    refused,
  );
  expect(existsSync(path)).toBe(true);
});

test("links inside a folder are neither listed nor followed, not even when swapped in later", async () => {
  const outside = join(dir, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "secret.safetensors"), "secret");
  const library = await open();
  await symlink(outside, join(models, "loras", "linked"));
  await symlink(join(outside, "secret.safetensors"), join(models, "loras", "l.safetensors"));
  await mkdir(join(models, "vae", "sub"));
  await writeFile(join(models, "vae", "sub", "v.safetensors"), "V");
  await library.rescan();
  expect(library.list().map((file) => file.name)).toEqual(["v.safetensors"]);

  await rename(join(models, "vae", "sub"), join(outside, "sub"));
  await symlink(join(outside, "sub"), join(models, "vae", "sub"));
  await expect(library.remove({ type: "vae", hash: sha256("V") })).rejects.toMatchObject({
    code: "RESOURCE_NOT_FOUND",
  });
  expect(existsSync(join(outside, "sub", "v.safetensors"))).toBe(true);
});

test("a known folder may itself be a link, because only the owner can have made it", async () => {
  const disk = join(dir, "large-disk");
  await mkdir(disk);
  await mkdir(models, { recursive: true });
  await symlink(disk, join(models, "loras"));
  const library = await open();
  await writeFile(join(disk, "a.safetensors"), "A");
  await library.rescan();
  expect(library.list()[0]?.listPath).toBe("loras/a.safetensors");
  await library.remove({ type: "lora", hash: sha256("A") });
  expect(existsSync(join(disk, "a.safetensors"))).toBe(false);
});

test("reads the folders of another program, several for one type, and adds to the first", async () => {
  const places = [join(dir, "disk-1"), join(dir, "disk-2")];
  for (const place of places) await mkdir(place);
  await writeFile(join(places[0] ?? "", "a.safetensors"), "A");
  await writeFile(join(places[1] ?? "", "b.safetensors"), "B");
  const library = await Library.open({
    modelsDir: models,
    folders: places.map((path) => ({ type: "lora" as const, path })),
    indexFile: join(dir, "index.json"),
    clock: () => 0,
  });
  opened.push(library);
  await library.rescan();
  expect(library.list().map(({ listPath }) => listPath)).toEqual([
    "loras/a.safetensors",
    "loras/b.safetensors",
  ]);
  expect(await library.folderFor("locon")).toBe(places[0]);
  await expect(library.folderFor("vae")).rejects.toMatchObject({ code: "COMMAND_UNSUPPORTED" });
  await library.remove({ type: "lora", hash: sha256("B") });
  expect(existsSync(join(places[1] ?? "", "b.safetensors"))).toBe(false);
  expect(existsSync(models), "Beeline's own folders are not made").toBe(false);
});

test("finds files by the name that prompts use", async () => {
  const library = await open();
  await writeFile(join(models, "loras", "ink.v2.safetensors"), "A");
  await library.rescan();
  expect(library.named("ink.v2", "lora").map(({ hash }) => hash)).toEqual([sha256("A")]);
  expect(library.named("ink", "lora")).toEqual([]);
  expect(library.named("ink.v2", "hypernet")).toEqual([]);
});

test("hashes a large file as it does a small one, on its thread", async () => {
  const library = await open();
  const large = Buffer.alloc(9 * 1024 * 1024, 7);
  await writeFile(join(models, "checkpoints", "large.safetensors"), large);
  await library.rescan();
  expect(library.list().map(({ hash }) => hash)).toEqual([
    createHash("sha256").update(large).digest("hex"),
  ]);
});

test("notices by itself what is put into a folder by hand", async () => {
  const library = await open();
  await library.rescan();
  const changed = new Promise<void>((resolve) => {
    library.onChanged(resolve);
  });
  library.watch();
  await writeFile(join(models, "loras", "new.safetensors"), "N");
  await changed;
  expect(library.find(sha256("N"))).toBeDefined();
});

test("ten thousand files are listed from the index in a moment, and found at once", {
  // Ten thousand files are made first, on whatever disk and beside whatever else runs.
  timeout: 60_000,
}, async () => {
  const folder = join(models, "loras");
  await mkdir(folder, { recursive: true });
  const names = Array.from({ length: 10_000 }, (_, n) => `${n}.safetensors`);
  const files: Record<string, object> = {};
  for (const name of names) {
    const path = join(folder, name);
    await writeFile(path, "");
    const { size, mtimeMs, ino } = await stat(path);
    // Not the file's own: what the index says is believed, nothing is read.
    files[path] = { size, mtimeMs, ino, sha256: sha256(name) };
  }
  await writeFile(join(dir, "index.json"), JSON.stringify({ version: 1, files }));

  const library = await open();
  const startedAt = performance.now();
  await library.rescan();
  expect(library.list()).toHaveLength(names.length);
  for (const name of names.slice(0, 100)) expect(library.find(sha256(name), "lora")).toBeDefined();
  // Measured: 0.6 s.
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});
