/** Commands are answered in the specification's shapes, and every one of them is answered. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "./service.ts";
import {
  ALICE,
  BOB,
  command,
  Desk,
  gated,
  img2img,
  picture,
  sha256,
  txt2img,
  uuid,
} from "./testing/service-harness.ts";

let desk: Desk;

beforeEach(async () => {
  desk = await Desk.make();
});

afterEach(() => desk.remove());

/** The smallest thing that begins like a PNG; the fake backend decodes nothing. */
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);

describe("image:txt2img", () => {
  test("goes from pending over processing to success, each picture before the final response", async () => {
    desk.backend.draw = async (job, hooks) => {
      hooks.onProgress({ progress: 12.3456, step: 1, steps: 4, etaMs: 100.4 });
      hooks.onPreview({ index: 0, mime: "image/jpeg", bytes: PNG });
      hooks.onImage(picture(job, 0));
      hooks.onImage(picture(job, 1));
    };
    const ear = desk.send(txt2img(1, { quantity: 2 }));
    const final = await ear.final;
    expect(final).toEqual({
      id: uuid(1),
      type: "image:txt2img",
      version: "1.0.0",
      createdAt: "2026-01-02T03:04:05.678Z",
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      status: "success",
      progress: 100,
      images: [0, 1].map((index) => ({
        index,
        seed: 4242 + index,
        mime: "image/png",
        width: 64,
        height: 64,
        size: 16,
        sha256: sha256(Buffer.alloc(16, index + 1)),
      })),
    });
    expect(ear.heard.filter((event) => event === "image")).toHaveLength(2);
    expect(ear.heard.at(-1)).toBe(final);
    expect(ear.previews).toEqual([0]);
    const [, second] = ear.images;
    expect(Buffer.from((await second?.read(4, 100)) ?? [])).toEqual(Buffer.alloc(12, 2));
  });

  test("resolves hashes to files, picks the first checkpoint and sampler, and reports the drawn seed", async () => {
    const vae = await desk.put("vae/v.safetensors", "a vae");
    const lora = await desk.put("loras/sub/l.safetensors", "a lora");
    await desk.reopen();
    const additionalNetworks = [{ type: "lora", hash: lora.toUpperCase(), strength: 0.5 }];
    await desk.ask(txt2img(1, { vae, additionalNetworks }, { sampler: "ddim", seed: -1 }));
    await desk.ask(txt2img(2, {}, { seed: 7 }));
    expect(desk.backend.jobs).toMatchObject([
      {
        model: { hash: sha256("a model"), name: "model.safetensors" },
        vae: { hash: vae },
        networks: [{ hash: lora, type: "lora", strength: 0.5 }],
        sampler: "DDIM",
        seed: 4242,
        init: undefined,
      },
      { sampler: "Euler a", seed: 7, vae: undefined, networks: [] },
    ]);
  });

  const missing = sha256("not here");
  test.each([
    ["MODEL_NOT_FOUND", { model: missing }, {}, missing],
    ["RESOURCE_NOT_FOUND", { vae: missing }, {}, missing],
    [
      "RESOURCE_NOT_FOUND",
      { additionalNetworks: [{ type: "lora", hash: missing, name: "Bees" }] },
      {},
      "Bees",
    ],
    [
      "COMMAND_UNSUPPORTED",
      { additionalNetworks: [{ type: "hypernet", hash: missing }] },
      {},
      "hypernet",
    ],
    ["SAMPLER_NOT_FOUND", {}, { sampler: "Eular" }, "Eular"],
  ])("answers %s by name and draws nothing", async (code, more, params, named) => {
    const final = await desk.ask(txt2img(1, more, params));
    expect(final).toMatchObject({ status: "error", error: { code } });
    expect((final.error as { message: string }).message).toContain(named);
    expect(desk.backend.jobs).toEqual([]);
  });

  test("passes a backend's own error on, and gives any other its words", async () => {
    desk.backend.draw = () => Promise.reject(new Error("CUDA out of memory"));
    expect(await desk.ask(txt2img(1))).toMatchObject({
      status: "error",
      error: { code: "BACKEND_FAILED", message: "CUDA out of memory" },
    });
  });

  test("fails when a backend says that it is done and pictures are missing", async () => {
    desk.backend.draw = async (job, hooks) => hooks.onImage(picture(job, 0));
    const final = await desk.ask(txt2img(1, { quantity: 2 }));
    expect(final).toMatchObject({ status: "error", error: { code: "BACKEND_FAILED" } });
  });

  test("spares listeners most of the progress, but not those who come later", async () => {
    let now = 0;
    await desk.remove();
    desk = await Desk.make({ clock: () => now });
    const gate = gated();
    desk.backend.draw = async (job, hooks) => {
      for (let step = 1; step <= 100; step++) {
        now += 10;
        hooks.onProgress({ progress: step / 2, step, steps: 100, etaMs: undefined });
      }
      await gate.draw(job, hooks);
    };
    const ear = desk.send(txt2img(1));
    await gate.begun;
    expect(ear.responses.length).toBeLessThanOrEqual(12);
    const late = desk.send(txt2img(1));
    expect(await late.until(() => true)).toMatchObject({ step: 100, progress: 50 });
    gate.open();
    await ear.final;
  });
});

describe("image:img2img", () => {
  test("reads pictures from blobs, base64 and data addresses, before the job waits", async () => {
    const asked: number[] = [];
    const blobs = {
      read: async (blob: number) => {
        asked.push(blob);
        return PNG;
      },
    };
    const params = { initImage: { blob: 3 }, maskImage: PNG.toString("base64"), maskedOnly: true };
    await desk.send(img2img(1, params), ALICE, blobs).final;
    await desk.ask(img2img(2, { initImage: `data:image/png;base64,${PNG.toString("base64")}` }));
    expect(asked).toEqual([3]);
    const [first, second] = desk.backend.jobs.map((job) => job.init);
    expect(first).toMatchObject({ denoiseStrength: 0.75, maskedOnly: true });
    expect(
      [first?.image, first?.mask, second?.image].map((bytes) => Buffer.from(bytes ?? [])),
    ).toEqual([PNG, PNG, PNG]);
    expect(second?.mask).toBeUndefined();
  });

  test.each([
    ["IMAGE_UNREADABLE", "not base64 at all!"],
    ["IMAGE_UNREADABLE", Buffer.from("<svg/>").toString("base64")],
    ["IMAGE_UNREADABLE", "data:image/svg+xml,<svg/>"],
    ["URL_REFUSED", "http://169.254.169.254/latest/meta-data"],
    ["URL_REFUSED", "file:///etc/passwd"],
    ["SESSION_CLOSED", { blob: 0 }],
  ])("answers %s to %j", async (code, initImage) => {
    expect(await desk.ask(img2img(1, { initImage }))).toMatchObject({
      status: "error",
      error: { code },
    });
    expect(desk.backend.jobs).toEqual([]);
  });

  test("is refused by a backend that cannot do it", async () => {
    desk.backend.able = { ...desk.backend.able, img2img: false };
    const final = await desk.ask(img2img(1, { initImage: PNG.toString("base64") }));
    expect(final).toMatchObject({ error: { code: "COMMAND_UNSUPPORTED" } });
  });
});

describe("the queue", () => {
  test("draws one job at a time, in turns between clients, and tells each its place", async () => {
    const gate = gated();
    let drawing = 0;
    desk.backend.draw = async (job, hooks) => {
      drawing += 1;
      expect(drawing).toBe(1);
      await gate.draw(job, hooks);
      drawing -= 1;
    };
    const first = desk.send(txt2img(1));
    await gate.begun;
    const second = desk.send(txt2img(2));
    const third = desk.send(txt2img(3));
    await third.until((response) => response.queuePosition === 2);
    const bobs = desk.send(txt2img(4), BOB);
    await bobs.until((response) => response.queuePosition === 1);
    await third.until((response) => response.queuePosition === 3);
    gate.open();
    await Promise.all([first, second, third, bobs].map((ear) => ear.final));
    const order = desk.backend.jobs.map((job) => job.id);
    expect(order).toEqual([1, 4, 2, 3].map(uuid));
  });

  test("takes 32 waiting jobs and refuses the next, which may be sent again later", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const ears = Array.from({ length: 33 }, (_, n) => desk.send(txt2img(n)));
    await gate.begun;
    expect(await desk.ask(txt2img(99), BOB)).toMatchObject({ error: { code: "QUEUE_FULL" } });
    gate.open();
    await Promise.all(ears.map((ear) => ear.final));
    expect(await desk.ask(txt2img(99), BOB)).toMatchObject({ status: "success" });
  });
});

describe("cancelling", () => {
  const cancel = (n: number, activityId: string, caller: Caller = ALICE) =>
    desk.ask(command(n, "activities:cancel", { activityId }), caller);

  test("stops a running job and a waiting one, hands nothing more over, and may be repeated", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const running = desk.send(txt2img(1));
    await gate.begun;
    const waiting = desk.send(txt2img(2));
    await waiting.until((response) => response.queuePosition === 1);
    expect(await cancel(10, uuid(2))).toMatchObject({ status: "success", activityId: uuid(2) });
    expect(await cancel(11, uuid(1))).toMatchObject({ status: "success" });
    expect(await cancel(12, uuid(1))).toMatchObject({ status: "success" });
    expect(await running.final).toMatchObject({ status: "canceled", error: { code: "CANCELED" } });
    expect(await waiting.final).toMatchObject({ status: "canceled" });
    expect(running.images).toEqual([]);
    expect(desk.backend.jobs).toHaveLength(1);
    desk.backend.draw = async (job, hooks) => hooks.onImage(picture(job, 0));
    expect(await desk.ask(txt2img(3))).toMatchObject({ status: "success" });
  });

  test("that comes too late tells what the job came to", async () => {
    await desk.ask(txt2img(1));
    expect(await cancel(10, uuid(1))).toMatchObject({ status: "success" });
    await desk.ask(txt2img(2, {}, { sampler: "none" }));
    expect(await cancel(11, uuid(2))).toMatchObject({
      status: "error",
      error: { code: "SAMPLER_NOT_FOUND" },
    });
  });

  test("somebody else's job, or none, is refused and harms nothing", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const ear = desk.send(txt2img(1));
    await gate.begun;
    expect(await cancel(10, uuid(1), BOB)).toMatchObject({ error: { code: "JOB_UNKNOWN" } });
    expect(await cancel(11, uuid(77))).toMatchObject({ error: { code: "JOB_UNKNOWN" } });
    gate.open();
    expect(await ear.final).toMatchObject({ status: "success" });
  });
});

describe("never silent:", () => {
  test.each([
    ["COMMAND_UNKNOWN", { ...command(1, "image:paint") }, { id: uuid(1), type: "image:paint" }],
    [
      "VERSION_UNSUPPORTED",
      { ...command(1, "activities:list"), version: "2.0.0" },
      { id: uuid(1) },
    ],
    ["COMMAND_INVALID", txt2img(1, {}, { steps: 1000 }), { id: uuid(1), type: "image:txt2img" }],
    ["COMMAND_INVALID", { id: "7", type: "activities:list" }, { id: "7", type: "activities:list" }],
    ["COMMAND_INVALID", { id: 7 }, { id: "", type: "" }],
    ["COMMAND_INVALID", null, { id: "", type: "" }],
    ["COMMAND_INVALID", "resources:list", { id: "", type: "" }],
    ["COMMAND_INVALID", [], { id: "", type: "" }],
  ])("%s answers %j", async (code, raw, named) => {
    expect(await desk.ask(raw)).toMatchObject({ ...named, status: "error", error: { code } });
  });

  test("what the owner does not permit is answered and not done", async () => {
    await desk.remove();
    desk = await Desk.make({
      permit: async (asked, caller) => caller.name === "Alice" && asked.type !== "resources:remove",
    });
    const remove = { resources: [{ type: "checkpoint", hash: sha256("a model") }] };
    const refused = { status: "error", error: { code: "NOT_PERMITTED" } };
    expect(await desk.ask(command(1, "resources:remove", remove))).toMatchObject(refused);
    expect(await desk.ask(txt2img(2), BOB)).toMatchObject(refused);
    expect(await desk.ask(txt2img(2))).toMatchObject({ status: "success" });
  });

  test("a listener that throws harms neither the job nor the other listeners", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const broken = {
      response: () => {
        throw new Error("broken");
      },
      preview: () => undefined,
      image: () => undefined,
    };
    desk.service.handle(txt2img(1), ALICE, { read: () => Promise.reject(new Error()) }, broken);
    const ear = desk.send(txt2img(1));
    await gate.begun;
    gate.open();
    expect(await ear.final).toMatchObject({ status: "success" });
  });
});

test("extension:describe tells what the backend can and what the limits are", async () => {
  expect(await desk.ask(command(1, "extension:describe"))).toMatchObject({
    status: "success",
    extension: {
      name: "test",
      version: "0.0.0",
      backend: { kind: "fake", demo: true, samplers: ["Euler a", "DDIM"], networks: ["lora"] },
      limits: { quantity: 16, side: 2048 },
    },
  });
});
