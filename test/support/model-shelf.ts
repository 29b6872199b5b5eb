/** Model files on a real disk, as the library hands them to a backend. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ResolvedFile } from "@beeline/extension";

export class ModelShelf {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<ModelShelf> {
    return new ModelShelf(await mkdtemp(join(tmpdir(), "beeline-shelf-")));
  }

  folder(name: string): string {
    return join(this.root, name);
  }

  /** A file whose content is its name. */
  async put(folder: string, name: string): Promise<ResolvedFile> {
    await mkdir(this.folder(folder), { recursive: true });
    const path = join(this.folder(folder), name);
    const content = safetensors(name);
    await writeFile(path, content);
    return { path, name, hash: createHash("sha256").update(content).digest("hex") };
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** The smallest file of the format: a header that tells tensors apart by `name`. */
function safetensors(name: string): Buffer {
  const header = Buffer.from(JSON.stringify({ __metadata__: { name } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header]);
}
