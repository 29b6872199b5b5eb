/** Resources as commands: listed, added with progress, cancelled, removed, and across a restart. */

import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ALICE,
  BOB,
  command,
  Desk,
  MODEL,
  sha256,
  txt2img,
  uuid,
} from "../testing/service-harness.ts";

let desk: Desk;
let server: Server;
let origin: string;
let handler: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[];

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "localhost", listening));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  desk = await Desk.make({ allowHosts: ["localhost"], allowInsecure: true });
});

afterEach(async () => {
  await desk.remove();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

/** A sound safetensors file; `fill` makes it differ from others. */
function model(fill: number, size = 1_000): Buffer {
  const header = JSON.stringify({ w: { dtype: "U8", shape: [size], data_offsets: [0, size] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(size, fill)]);
}

const files = [model(1), model(2), model(3)];
const item = (n: number, more: object = {}) => ({
  type: "lora",
  hash: sha256(files[n] ?? ""),
  name: `${n}.safetensors`,
  url: `${origin}/${n}?token=secret`,
  ...more,
});
const ref = (n: number) => ({ type: "lora", hash: sha256(files[n] ?? "") });
const add = (id: number, ...resources: object[]) => command(id, "resources:add", { resources });
const loraPath = (n: number) => join(desk.dir, "models", "loras", `${n}.safetensors`);

const serveAll = (request: IncomingMessage, response: ServerResponse) => {
  response.end(files[Number(request.url?.[1])]);
};

/** Sends headers and half of the file, and then nothing. */
const stall = (request: IncomingMessage, response: ServerResponse) => {
  const content = files[Number(request.url?.[1])] ?? Buffer.alloc(0);
  response.writeHead(200, { "content-length": content.length, etag: '"1"' });
  response.write(content.subarray(0, content.length / 2));
};

describe("resources:add", () => {
  test("downloads several files, echoes what was asked in every update, and tells the backend", async () => {
    handler = serveAll;
    const ear = desk.send(add(1, item(0), item(1)));
    const final = await ear.final;
    expect(final).toMatchObject({
      id: uuid(1),
      type: "resources:add",
      version: "1.0.0",
      status: "success",
      resources: [
        { ...item(0), status: "success", progress: 100 },
        { ...item(1), status: "success", progress: 100 },
      ],
    });
    expect(ear.responses[0]).toMatchObject({ status: "pending", resources: [item(0), item(1)] });
    for (const response of ear.responses)
      expect(response.resources).toMatchObject([item(0), item(1)]);
    expect(desk.backend.refreshed).toBe(1);
    const list = await desk.ask(command(2, "resources:list", { types: ["lora"] }));
    expect(list.resources).toMatchObject([
      { ...ref(0), name: "0.safetensors", path: "loras/0.safetensors" },
      { ...ref(1), name: "1.safetensors" },
    ]);
  });

  test("fails as a whole when one file fails, names why, and keeps the other", async () => {
    handler = serveAll;
    const wrong = item(1, { url: `${origin}/2` });
    const final = await desk.ask(add(1, item(0), wrong));
    expect(final).toMatchObject({
      status: "error",
      error: { code: "HASH_MISMATCH" },
      resources: [{ status: "success" }, { status: "error", error: { code: "HASH_MISMATCH" } }],
    });
    expect(existsSync(loraPath(0))).toBe(true);
    expect(existsSync(loraPath(1))).toBe(false);
  });

  test("says only in the last response that it ended, with the reason", async () => {
    handler = serveAll;
    const ear = desk.send(add(1, item(0, { url: `${origin}/2` })));
    await ear.final;
    const ends = ear.responses.filter(({ status }) => status === "error");
    expect(ends).toEqual([ear.responses.at(-1)]);
    expect(ends).toMatchObject([{ error: { code: "HASH_MISMATCH" } }]);
  });

  describe("from a server that misbehaves", () => {
    beforeEach(async () => {
      // Every reading is so much later that no report is held back, and speed is that since the last.
      let now = Date.now();
      const clock = () => {
        now += 10_000;
        return now;
      };
      Object.assign(desk.options, { clock });
      await desk.reopen();
    });

    const progressOf = (response: Record<string, unknown>) =>
      (response.resources as { progress: number; speed?: number }[])[0];

    test("begins again after a cut, and its speed is never below zero", async () => {
      const content = files[0] ?? Buffer.alloc(0);
      let cut = () => {};
      handler = (_request, response) => {
        response.writeHead(200, { "content-length": content.length });
        if (requests.length > 1) response.end(content);
        else response.write(content.subarray(0, 600));
        cut = () => response.destroy();
      };
      const ear = desk.send(add(1, item(0)));
      await ear.until((response) => (progressOf(response)?.progress ?? 0) > 0);
      cut();
      expect(await ear.final).toMatchObject({ status: "success" });
      expect(requests).toHaveLength(2);
      for (const response of ear.responses)
        expect(progressOf(response)?.speed ?? 0).toBeGreaterThanOrEqual(0);
    });

    test("is refused when more comes than was said, and its progress ends at 100", async () => {
      handler = (_request, response) => {
        response.writeHead(206, { "content-range": "bytes 0-9/10" });
        response.end(files[0]);
      };
      const ear = desk.send(add(1, item(0)));
      expect(await ear.final).toMatchObject({
        status: "error",
        error: { code: "DOWNLOAD_FAILED", message: expect.stringContaining("10 bytes") },
      });
      for (const response of ear.responses)
        expect(progressOf(response)?.progress).toBeLessThanOrEqual(100);
      const list = await desk.ask(command(2, "activities:list"));
      expect(list.activities).toMatchObject([{ id: uuid(1), status: "error" }]);
    });
  });

  test("shows files on their way in the list, and tells that the list changed", async () => {
    handler = stall;
    const changes: string[] = [];
    desk.service.onChanged((what) => changes.push(what));
    const ear = desk.send(add(1, item(0)));
    await ear.until((response) => response.status === "processing");
    const list = await desk.ask(command(2, "resources:list", { types: ["LORA"] }));
    expect(list.resources).toEqual([{ ...ref(0), name: "0.safetensors", downloading: true }]);
    expect(await desk.ask(command(3, "resources:list", { types: ["vae"] }))).toMatchObject({
      resources: [],
    });
    expect(changes).toContain("resources");
  });

  test("asked for twice under one id downloads once", async () => {
    handler = serveAll;
    const [first, second] = await Promise.all([
      desk.ask(add(1, item(0))),
      desk.ask(add(1, item(0))),
    ]);
    expect(first).toEqual(second);
    expect(requests).toHaveLength(1);
  });

  test("goes on after a restart, from where it was, and is answered under its id", async () => {
    let now = Date.now();
    const clock = () => {
      // Every reading is a second later, so that no report is held back.
      now += 1_000;
      return now;
    };
    Object.assign(desk.options, { clock });
    await desk.reopen();
    handler = stall;
    const before = desk.send(add(1, item(0)));
    await before.until((response) => {
      const [file] = response.resources as { progress: number }[];
      return (file?.progress ?? 0) > 0;
    });
    handler = (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const content = files[0] ?? Buffer.alloc(0);
      const range = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
      response.writeHead(from > 0 ? 206 : 200, range).end(content.subarray(from));
    };
    await desk.reopen();
    expect(await before.final).toMatchObject({ error: { code: "JOB_INTERRUPTED" } });
    expect(await desk.ask(add(1, item(0)))).toMatchObject({ status: "success" });
    expect(requests.map((request) => request.headers["if-range"])).toEqual([undefined, '"1"']);
    expect(await readFile(loraPath(0))).toEqual(files[0]);
    const log = await desk.ask(command(2, "activities:list"));
    expect(log.activities).toMatchObject([{ id: uuid(1), status: "success" }]);
  });
});

describe("resources:add:cancel", () => {
  const underWay = async () => {
    handler = stall;
    const ear = desk.send(add(1, item(0), item(1)));
    await ear.until((response) =>
      (response.resources as { status: string }[]).every((file) => file.status === "processing"),
    );
    return ear;
  };
  const partials = () =>
    existsSync(join(desk.dir, "models", "loras", ".beeline-partial", `${ref(0).hash}.part`));

  test("in the specification's form, under the add's own id, cancels one file and not the other", async () => {
    const ear = await underWay();
    expect(partials()).toBe(true);
    const answer = await desk.ask(command(1, "resources:add:cancel", { resources: [ref(0)] }));
    expect(answer).toMatchObject({
      id: uuid(1),
      type: "resources:add:cancel",
      status: "success",
      resources: [{ ...ref(0), status: "canceled" }],
    });
    expect(partials()).toBe(false);
    const latest = ear.responses.at(-1);
    expect(latest).toMatchObject({ status: "processing", resources: [{ status: "canceled" }, {}] });
  });

  test("of every file ends the add as canceled, and may be repeated", async () => {
    const ear = await underWay();
    const cancel = (id: number) =>
      desk.ask(
        command(id, "resources:add:cancel", { activityId: uuid(1), resources: [ref(0), ref(1)] }),
      );
    expect(await cancel(5)).toMatchObject({
      resources: [{ status: "canceled" }, { status: "canceled" }],
    });
    expect(await ear.final).toMatchObject({ status: "canceled" });
    expect(await cancel(6)).toMatchObject({
      resources: [{ status: "canceled" }, { status: "canceled" }],
    });
  });

  test("that comes too late says what the files came to", async () => {
    handler = serveAll;
    await desk.ask(add(1, item(0)));
    const late = command(1, "resources:add:cancel", { resources: [ref(0)] });
    expect(await desk.ask(late)).toMatchObject({
      status: "success",
      resources: [{ status: "success" }],
    });
  });

  test.each([
    ["somebody else's add", "JOB_UNKNOWN", BOB, 1, 0],
    ["no add at all", "JOB_UNKNOWN", ALICE, 9, 0],
    ["a file that is not part of it", "RESOURCE_NOT_FOUND", ALICE, 1, 2],
  ])("of %s is refused", async (_what, code, caller, id, file) => {
    const ear = await underWay();
    const raw = command(7, "resources:add:cancel", {
      activityId: uuid(id),
      resources: [ref(file)],
    });
    expect(await desk.ask(raw, caller)).toMatchObject({ status: "error", error: { code } });
    expect(ear.responses.at(-1)).toMatchObject({ status: "processing" });
  });

  test("activities:cancel stops the whole add", async () => {
    const ear = await underWay();
    const answer = await desk.ask(command(8, "activities:cancel", { activityId: uuid(1) }));
    expect(answer).toMatchObject({ status: "success", activityId: uuid(1) });
    expect(await ear.final).toMatchObject({
      status: "canceled",
      resources: [{ status: "canceled" }, { status: "canceled" }],
    });
  });
});

describe("resources:remove", () => {
  test("deletes what is there, and fails for what is not, file by file", async () => {
    const refs = [{ type: "Checkpoint", hash: sha256(MODEL).toUpperCase() }, ref(0)];
    const final = await desk.ask(command(1, "resources:remove", { resources: refs }));
    expect(final).toMatchObject({
      status: "error",
      error: { code: "RESOURCE_NOT_FOUND" },
      resources: [
        { type: "checkpoint", hash: sha256(MODEL), status: "success" },
        { ...ref(0), status: "error", error: { code: "RESOURCE_NOT_FOUND" } },
      ],
    });
    expect(existsSync(join(desk.dir, "models", "checkpoints", "model.safetensors"))).toBe(false);
    expect(desk.backend.refreshed).toBe(1);
    expect(await desk.ask(txt2img(2))).toMatchObject({ error: { code: "MODEL_NOT_FOUND" } });
  });
});

describe("resources:list", () => {
  test("answers from memory and tells when a look at the disk found more", async () => {
    await desk.put("vae/new.safetensors", "new");
    const changed = new Promise<void>((resolve) => {
      desk.service.onChanged((what) => {
        if (what === "resources") resolve();
      });
    });
    expect((await desk.ask(command(1, "resources:list"))).resources).toHaveLength(1);
    await changed;
    expect((await desk.ask(command(2, "resources:list"))).resources).toHaveLength(2);
  });
});

describe("the activity log", () => {
  const log = async (caller = ALICE, fields = {}) => {
    const answer = await desk.ask(command(90, "activities:list", fields), caller);
    return answer.activities as { id: string; status: string; resources?: { url: string }[] }[];
  };

  test("has the last ten requests, newest first, without tokens, reads left out", async () => {
    handler = serveAll;
    await desk.ask(add(1, item(0)));
    expect((await log())[0]?.resources?.[0]?.url).toBe(`${origin}/0`);
    for (let n = 2; n <= 12; n++) await desk.ask(txt2img(n));
    await desk.ask(command(13, "extension:describe"));
    expect((await log()).map((entry) => entry.id)).toEqual(
      [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map(uuid),
    );
    expect(await log(ALICE, { quantity: 2 })).toHaveLength(2);
    const file = await readFile(join(desk.dir, "data", "activities.json"), "utf8");
    expect(file).not.toContain("secret");
  });

  test("survives a restart, and can be cleared", async () => {
    await desk.ask(txt2img(1));
    const changes: string[] = [];
    await desk.reopen();
    desk.service.onChanged((what) => changes.push(what));
    expect(await log()).toMatchObject([{ id: uuid(1), status: "success" }]);
    expect(await desk.ask(command(2, "activities:clear"))).toMatchObject({ activities: [] });
    expect(changes).toEqual(["activities"]);
    await desk.reopen();
    expect(await log()).toEqual([]);
  });

  test("keeps what is under way, whatever else comes and is cleared", async () => {
    handler = stall;
    const ear = desk.send(add(1, item(0)));
    await ear.until((response) => response.status === "processing");
    for (let n = 2; n <= 12; n++) await desk.ask(txt2img(n));
    expect((await log()).at(-1)).toMatchObject({ id: uuid(1), status: "processing" });
    await desk.ask(command(50, "activities:clear"));
    expect((await log()).map((entry) => entry.id)).toEqual([uuid(1)]);
  });

  test("of one link is not another's", async () => {
    await desk.ask(txt2img(1));
    expect(await log({ ...BOB, linkId: "another link" })).toEqual([]);
  });

  test("that cannot be read begins anew", async () => {
    await desk.service.close();
    await writeFile(join(desk.dir, "data", "activities.json"), "[{");
    await desk.open();
    expect(await log()).toEqual([]);
    await rm(join(desk.dir, "data", "activities.json"));
  });
});
