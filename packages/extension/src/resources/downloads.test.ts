/** Downloads from a real server that misbehaves in the ways that real ones do. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BeelineError, type ResourceToAdd } from "@beeline/protocol";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DownloadProgress, Downloads } from "./downloads.ts";
import { PARTIAL_FOLDER } from "./folders.ts";
import { Library } from "./library.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let dir: string;
let library: Library;
let downloads: Downloads;
let server: Server;
let origin: string;
let handler: Handler;
let requests: IncomingMessage[];
/** Bytes of the download that was last heard of, and who wants to know. */
let received: number;
let onReceived: (count: number) => void;
let now: number;

const never = new AbortController().signal;
const policy = { allowHosts: ["localhost"], allowInsecure: true };

/** A sound safetensors file with `size` bytes of data. */
function model(size: number, fill = 7): Buffer {
  const header = JSON.stringify({ w: { dtype: "U8", shape: [size], data_offsets: [0, size] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(size, fill)]);
}

function resource(content: Uint8Array, more: Partial<ResourceToAdd> = {}): ResourceToAdd {
  const hash = createHash("sha256").update(content).digest("hex");
  return { type: "lora", name: "m.safetensors", url: `${origin}/m`, hash, ...more };
}

/** Serves ranges with If-Range as a good server does. */
function serve(content: Buffer, etag: string, request: IncomingMessage, response: ServerResponse) {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const resumes = from > 0 && request.headers["if-range"] === etag;
  const rest = resumes ? content.subarray(from) : content;
  const range = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
  response.writeHead(resumes ? 206 : 200, {
    etag,
    "content-length": rest.length,
    ...(resumes && range),
  });
  return rest;
}

/** Sends some bytes and cuts the connection as soon as the other end reports to have all of them. */
function cutAfter(bytes: number, content: Buffer, response: ServerResponse): void {
  const goal = received + bytes;
  onReceived = (count) => {
    if (count < goal) return;
    onReceived = () => undefined;
    response.destroy();
  };
  response.write(content.subarray(0, bytes));
}

function newDownloads(freeMargin = 0, maxBytes = 1_000_000): Downloads {
  const limits = { freeMargin, maxBytes, retryDelayMs: 1, attempts: 3 };
  // Every reading is a second later, so that no report is held back.
  const clock = () => {
    now += 1_000;
    return now;
  };
  return new Downloads({ library, policy, limits, clock });
}

function report(progress: DownloadProgress): void {
  received = progress.receivedBytes;
  onReceived(received);
}

const target = () => join(dir, "models", "loras", "m.safetensors");
const partialFolder = () => join(dir, "models", "loras", PARTIAL_FOLDER);
const partials = () => readdir(partialFolder());

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "beeline-download-"));
  library = await Library.open({
    modelsDir: join(dir, "models"),
    indexFile: join(dir, "index.json"),
    clock: Date.now,
  });
  requests = [];
  received = 0;
  onReceived = () => undefined;
  now = Date.now();
  server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "localhost", listening));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  downloads = newDownloads();
});

afterEach(async () => {
  await downloads.close();
  await library.close();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await rm(dir, { recursive: true });
});

describe("a download", () => {
  test("ends in the library under its name, with progress, and leaves nothing beside it", async () => {
    const content = model(200_000);
    handler = (request, response) => response.end(serve(content, '"1"', request, response));
    const reports: DownloadProgress[] = [];
    await downloads.add(resource(content), never, (progress) => reports.push(progress));
    expect(await readFile(target())).toEqual(content);
    expect(library.list()).toMatchObject([
      { type: "lora", name: "m.safetensors", size: content.length },
    ]);
    expect(reports.at(-1)).toMatchObject({
      receivedBytes: content.length,
      totalBytes: content.length,
    });
    expect(await partials()).toEqual([]);
  });

  test("that is cut is resumed where it stopped, and the whole is what was promised", async () => {
    const content = model(300_000);
    const cuts = [100_000, 50_000];
    handler = (request, response) => {
      const rest = serve(content, '"1"', request, response);
      const cut = cuts.shift();
      if (cut === undefined) response.end(rest);
      else cutAfter(cut, rest, response);
    };
    await downloads.add(resource(content), never, report);
    expect(await readFile(target())).toEqual(content);
    const ranges = requests.map((request) => request.headers.range);
    expect(ranges).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
  });

  test("that is resumed from another version of the file begins again", async () => {
    const [old, now] = [model(100_000, 1), model(100_000, 2)];
    handler = (request, response) => {
      if (requests.length === 1) cutAfter(50_000, serve(old, '"old"', request, response), response);
      else response.end(serve(now, '"new"', request, response));
    };
    await downloads.add(resource(now), never, report);
    expect(await readFile(target())).toEqual(now);
  });

  test("that the extension's end interrupted goes on after its start", async () => {
    const content = model(200_000);
    const stopping = new AbortController();
    handler = (request, response) => {
      const rest = serve(content, '"1"', request, response);
      if (requests.length === 1) response.write(rest.subarray(0, 80_000));
      else response.end(rest);
    };
    const stopped = new BeelineError("JOB_INTERRUPTED", "stopping");
    const first = downloads.add(resource(content), stopping.signal, (progress) => {
      if (progress.receivedBytes > 0) stopping.abort(stopped);
    });
    await expect(first).rejects.toBe(stopped);
    expect((await partials()).sort()).toHaveLength(2);

    await downloads.close();
    downloads = newDownloads();
    await downloads.add(resource(content), never, report);
    expect(requests[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(await readFile(target())).toEqual(content);
  });

  test("whose part is already whole is finished by a 416", async () => {
    const content = model(50_000);
    const item = resource(content);
    await mkdir(partialFolder(), { recursive: true });
    const part = join(partialFolder(), `${item.hash}.part`);
    await writeFile(part, content);
    const sidecar = { url: item.url, sha256: item.hash, validator: '"1"', size: content.length };
    await writeFile(`${part}.json`, JSON.stringify(sidecar));
    handler = (_request, response) =>
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
    await downloads.add(item, never, report);
    expect(await readFile(target())).toEqual(content);
  });

  test("that is cancelled leaves nothing", async () => {
    const content = model(200_000);
    const cancel = new AbortController();
    handler = (request, response) => {
      response.write(serve(content, '"1"', request, response).subarray(0, 80_000));
    };
    const canceled = new BeelineError("CANCELED", "on request");
    const running = downloads.add(resource(content), cancel.signal, (progress) => {
      if (progress.receivedBytes > 0) cancel.abort(canceled);
    });
    await expect(running).rejects.toBe(canceled);
    expect(await partials()).toEqual([]);
    expect(existsSync(target())).toBe(false);
    expect(downloads.inFlight()).toEqual([]);
  });

  test("of a file that is there already succeeds without a request", async () => {
    const content = model(10);
    await writeFile(join(dir, "models", "loras", "elsewhere.safetensors"), content);
    await library.rescan();
    await downloads.add(resource(content), never, report);
    expect(requests).toEqual([]);
  });

  test("of a file that is there but not hashed yet succeeds without a request", async () => {
    const content = model(10);
    await writeFile(target(), content);
    await downloads.add(resource(content), never, report);
    expect(requests).toEqual([]);
    expect(library.list()).toHaveLength(1);
  });

  test("wanted by two commands is made once, and the second takes over when the first gives up", async () => {
    const content = model(100_000);
    const cancel = new AbortController();
    let begun = () => {};
    const underway = new Promise<void>((resolve) => {
      begun = resolve;
    });
    handler = (request, response) => {
      const rest = serve(content, '"1"', request, response);
      if (requests.length > 1) return response.end(rest);
      begun();
      return response.write(rest.subarray(0, 1_000));
    };
    const first = downloads.add(resource(content), cancel.signal, () => undefined);
    const second = downloads.add(resource(content), never, report);
    const third = downloads.add(resource(content), never, report);
    await underway;
    expect(downloads.inFlight()).toMatchObject([{ name: "m.safetensors", downloading: true }]);
    expect(requests).toHaveLength(1);
    cancel.abort(new BeelineError("CANCELED", "on request"));
    await expect(first).rejects.toMatchObject({ code: "CANCELED" });
    await Promise.all([second, third]);
    expect(requests).toHaveLength(2);
  });

  test("is not begun beside a running one because somebody in between gave up", async () => {
    const content = model(100_000);
    const giveUp = new AbortController();
    let finish = () => {};
    const begun = new Promise<void>((resolve) => {
      handler = (request, response) => {
        const rest = serve(content, '"1"', request, response);
        response.write(rest.subarray(0, 1_000));
        finish = () => response.end(rest.subarray(1_000));
        resolve();
      };
    });
    const first = downloads.add(resource(content), never, report);
    const second = downloads.add(resource(content), giveUp.signal, report);
    await begun;
    giveUp.abort(new BeelineError("CANCELED", "on request"));
    await expect(second).rejects.toMatchObject({ code: "CANCELED" });
    const third = downloads.add(resource(content), never, report);
    finish();
    await Promise.all([first, third]);
    expect(requests).toHaveLength(1);
  });

  test("brings a preview picture, decoded and encoded again, and none when that is no picture", async () => {
    const [content, other] = [model(10), model(11)];
    const large = await sharp({
      create: { width: 900, height: 600, channels: 3, background: "red" },
    })
      .jpeg()
      .toBuffer();
    handler = (request, response) => {
      if (request.url === "/picture") response.end(large);
      else if (request.url === "/trap") response.end("<svg/>");
      else response.end(request.url === "/m" ? content : other);
    };
    await downloads.add(resource(content, { previewImage: `${origin}/picture` }), never, report);
    const preview = await sharp(join(dir, "models", "loras", "m.preview.png")).metadata();
    expect(preview).toMatchObject({ format: "png", width: 512 });
    const more = { name: "o.safetensors", url: `${origin}/o`, previewImage: `${origin}/trap` };
    await downloads.add(resource(other, more), never, report);
    expect(library.list().map((file) => file.hasPreview)).toEqual([true, false]);
  });
});

describe("refused, with nothing left behind, is", () => {
  const refusal = async (code: string, item: ResourceToAdd) => {
    await expect(downloads.add(item, never, report)).rejects.toMatchObject({ code });
    expect(existsSync(target())).toBe(false);
    expect(library.list()).toEqual([]);
  };

  test("a file with another hash", async () => {
    handler = (_request, response) => response.end(model(10, 1));
    await refusal("HASH_MISMATCH", resource(model(10, 2)));
    expect(await partials()).toEqual([]);
  });

  test("a file with the right hash that is no safetensors file", async () => {
    const pickle = Buffer.from("PK\u0003\u0004 this would run code when it is loaded");
    handler = (_request, response) => response.end(pickle);
    await refusal("FILE_REFUSED", resource(pickle));
    expect(await partials()).toEqual([]);
  });

  test("a login page, after its headers", async () => {
    handler = (_request, response) =>
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>Log in");
    await refusal("DOWNLOAD_FAILED", resource(model(10)));
    expect(requests).toHaveLength(1);
  });

  test("a login page that calls itself a file, after its first bytes", async () => {
    handler = (_request, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.write("<!DOCTYPE html><html>Log in");
    };
    await refusal("FILE_REFUSED", resource(model(10)));
  });

  test.each([401, 404])("status %d, without another try", async (status) => {
    handler = (_request, response) => response.writeHead(status).end();
    await refusal("DOWNLOAD_FAILED", resource(model(10)));
    expect(requests).toHaveLength(1);
  });

  test("a server that fails, after three tries", async () => {
    handler = (_request, response) => response.writeHead(503).end();
    await refusal("DOWNLOAD_FAILED", resource(model(10)));
    expect(requests).toHaveLength(3);
  });

  test("a file that says it is too large", async () => {
    handler = (_request, response) => {
      response.writeHead(200, { "content-length": 2_000_000 });
      response.write("x");
    };
    await refusal("LIMIT_EXCEEDED", resource(model(10)));
  });

  test("a file that does not say so but never ends", async () => {
    const piece = model(100_000);
    handler = (_request, response) => {
      const pour = () => {
        if (response.destroyed) return;
        response.write(piece, pour);
      };
      pour();
    };
    await refusal("LIMIT_EXCEEDED", resource(model(10)));
  });

  test("a file for which there is no room", async () => {
    await downloads.close();
    downloads = newDownloads(Number.MAX_SAFE_INTEGER);
    handler = (_request, response) => response.end(model(10));
    await refusal("DISK_FULL", resource(model(10)));
  });

  test.each(["../x.safetensors", "x.ckpt", "a/b.safetensors"])("the name %s", async (name) => {
    await refusal("NAME_REFUSED", resource(model(10), { name }));
    expect(requests).toEqual([]);
  });

  test("a redirect to a host that nobody allowed", async () => {
    handler = (_request, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
    await refusal("URL_REFUSED", resource(model(10)));
    expect(requests).toHaveLength(1);
  });

  test("an address that nobody allowed", async () => {
    const url = origin.replace("localhost", "127.0.0.1");
    await refusal("URL_REFUSED", resource(model(10), { url }));
    expect(requests).toEqual([]);
  });
});

test("a name that is taken by another file is refused and that file stays", async () => {
  await writeFile(target(), "the user's own");
  handler = (_request, response) => response.end(model(10));
  const adding = downloads.add(resource(model(10)), never, report);
  await expect(adding).rejects.toMatchObject({ code: "NAME_REFUSED" });
  expect(await readFile(target(), "utf8")).toBe("the user's own");
});
