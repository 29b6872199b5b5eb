import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createKeyring, drawLastingKey, drawShortKey, loadSecret } from "./keyring.ts";

async function dataDir(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "beeline-keyring-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test("the secret is drawn once, kept, and readable by its owner only", async () => {
  const dir = await dataDir();
  const secret = loadSecret(dir);
  expect(secret.byteLength).toBe(32);
  expect(loadSecret(dir)).toEqual(secret);
  expect((await stat(join(dir, "server-secret"))).mode & 0o777).toBe(0o600);
});

test("a damaged secret stops the start instead of being replaced", async () => {
  const dir = await dataDir();
  await writeFile(join(dir, "server-secret"), "short");
  expect(() => loadSecret(dir)).toThrow("server-secret");
});

test("a key is sealed differently each time and opened by its own secret only", () => {
  const ours = createKeyring(Buffer.alloc(32, 1));
  const theirs = createKeyring(Buffer.alloc(32, 2));
  const key = drawLastingKey();
  const sealed = ours.seal(key);

  expect(ours.open(sealed)).toBe(key);
  expect(ours.seal(key)).not.toEqual(sealed);
  expect(sealed.includes(key)).toBe(false);
  expect(() => theirs.open(sealed)).toThrow();
  const changed = Buffer.from(sealed);
  changed[40] = (changed[40] ?? 0) ^ 1;
  expect(() => ours.open(changed)).toThrow();
});

test("digests are stable under one secret and different under another", () => {
  const secret = Buffer.alloc(32, 1);
  const key = drawShortKey();
  const digest = createKeyring(secret).digest(key);
  expect(createKeyring(secret).digest(key)).toEqual(digest);
  expect(digest.byteLength).toBe(32);
  expect(createKeyring(Buffer.alloc(32, 2)).digest(key)).not.toEqual(digest);
});

test("keys have the lengths that clients tell them apart by", () => {
  expect(drawShortKey()).toMatch(/^[0-9a-f]{6}$/);
  expect(drawLastingKey()).toMatch(/^[0-9a-f]{128}$/);
});
