/**
 * A site with models on loopback, for the extension under trial to download from: slowly enough that
 * it reports progress and can be canceled, in ranges if it wants.
 */

import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** Shipped extensions report once a second, so a download takes three and a bit. */
const PIECES = 32;
const PIECE_EVERY_MS = 100;
const FILE_BYTES = 1024 * 1024;

export interface Model {
  readonly name: string;
  readonly hash: string;
  readonly url: string;
  readonly bytes: Buffer;
}

/** One of many that only fill a list. */
export function tinyModel(index: number): Model {
  const name = `a-model-with-a-name-of-the-usual-length-${index}.safetensors`;
  const bytes = Buffer.from(name);
  return { name, bytes, hash: createHash("sha256").update(bytes).digest("hex"), url: "" };
}

export class ModelSite {
  readonly #server: Server;
  readonly #models = new Map<string, Model>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<ModelSite> {
    const server = createServer();
    const site = new ModelSite(server);
    server.on("request", (request, response) => {
      void site
        .#answer(request.url ?? "", request.headers.range)
        .then(async ({ status, headers, body }) => {
          response.writeHead(status, { ...headers, "content-length": body.length });
          const step = Math.ceil(body.length / PIECES) || 1;
          for (let at = 0; at < body.length && !response.destroyed; at += step) {
            response.write(body.subarray(at, at + step));
            await wait(PIECE_EVERY_MS);
          }
          response.end();
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A model that nobody has yet: a safetensors file with one tensor of bytes. */
  add(name: string): Model {
    const tensor = { dtype: "U8", shape: [FILE_BYTES], data_offsets: [0, FILE_BYTES] };
    const header = Buffer.from(JSON.stringify({ weights: tensor }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const bytes = Buffer.concat([length, header, Buffer.alloc(FILE_BYTES, name)]);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const model = { name, hash, bytes, url: `${this.url}/${name}` };
    this.#models.set(`/${name}`, model);
    return model;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(path: string, range: string | undefined) {
    const model = this.#models.get(path);
    const headers: Record<string, string> = {};
    if (model === undefined) return { status: 404, headers, body: Buffer.alloc(0) };
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    if (from === undefined) return { status: 200, headers, body: model.bytes };
    headers["content-range"] = `bytes ${from}-${to}/${model.bytes.length}`;
    return { status: 206, headers, body: model.bytes.subarray(Number(from), Number(to) + 1) };
  }
}
