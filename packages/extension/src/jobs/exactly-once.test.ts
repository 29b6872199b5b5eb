/** One command id is one job, whoever asks however often, and across restarts. */

import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ALICE,
  BOB,
  command,
  Desk,
  Ear,
  gated,
  picture,
  txt2img,
  uuid,
} from "../testing/service-harness.ts";
import { JobStore } from "./job-store.ts";
import { type JobSpec, Jobs } from "./jobs.ts";
import type { LiveJob } from "./live-job.ts";

let desk: Desk;

beforeEach(async () => {
  desk = await Desk.make();
});

afterEach(() => desk.remove());

const conflict = { status: "error", error: { code: "COMMAND_CONFLICT" } };

describe("asking again", () => {
  test("while the job runs attaches to it: the pictures so far, its state, and all that follows", async () => {
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    desk.backend.draw = async (job, hooks) => {
      hooks.onImage(picture(job, 0));
      await gate;
      hooks.onImage(picture(job, 1));
    };
    const first = desk.send(txt2img(1, { quantity: 2 }));
    await first.until((response) => Array.isArray(response.images) && response.images.length === 1);
    const second = desk.send(txt2img(1, { quantity: 2 }));
    expect(await second.until(() => true)).toMatchObject({ status: "processing" });
    expect(second.heard[0]).toBe("image");
    goOn();
    const finals = await Promise.all([first.final, second.final]);
    expect(finals[0]).toEqual(finals[1]);
    expect(second.images.map((image) => image.info.index)).toEqual([0, 1]);
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("after it ended delivers the same pictures and the same response, pictures first", async () => {
    const first = desk.send(txt2img(1, { quantity: 2 }));
    const final = await first.final;
    const again = desk.send(txt2img(1, { quantity: 2 }));
    expect(await again.final).toEqual(final);
    expect(again.heard.slice(0, 2)).toEqual(["image", "image"]);
    const bytes = (ear: typeof again) => Promise.all(ear.images.map((image) => image.read(0, 99)));
    expect(await bytes(again)).toEqual(await bytes(first));
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("with defaults written out, other times or keys in another order is asking the same", async () => {
    await desk.ask(txt2img(1));
    const raw = { ...txt2img(1), createdAt: new Date(0), batchSize: 1, quantity: 1 };
    const reordered = Object.fromEntries(Object.entries(raw).reverse());
    expect(await desk.ask(reordered)).toMatchObject({ status: "success" });
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("for something else, or by somebody else, is a conflict, running or finished", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const running = desk.send(txt2img(1));
    await gate.begun;
    for (const attempt of [1, 2]) {
      expect(await desk.ask(txt2img(1, {}, { prompt: "a wasp" }))).toMatchObject(conflict);
      expect(await desk.ask(txt2img(1), BOB)).toMatchObject(conflict);
      const remove = { resources: [{ type: "lora", hash: "0".repeat(64) }] };
      expect(await desk.ask(command(1, "resources:remove", remove))).toMatchObject(conflict);
      if (attempt === 1) gate.open();
      await running.final;
    }
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("for a job that failed gives the same failure", async () => {
    desk.backend.draw = () => Promise.reject(new Error("once"));
    const first = await desk.ask(txt2img(1));
    expect(await desk.ask(txt2img(1))).toEqual(first);
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("many times at once starts one job", async () => {
    const ears = Array.from({ length: 20 }, () => desk.send(txt2img(1)));
    await Promise.all(ears.map((ear) => ear.final));
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("goes on although the one who asked first stopped listening", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const gone = desk.send(txt2img(1));
    await gate.begun;
    gone.stop();
    const heard = gone.heard.length;
    const back = desk.send(txt2img(1));
    gate.open();
    expect(await back.final).toMatchObject({ status: "success" });
    expect(back.images).toHaveLength(1);
    expect(gone.heard).toHaveLength(heard);
  });
});

describe("after a restart", () => {
  test("a finished job is delivered from disk", async () => {
    const first = desk.send(txt2img(1));
    const final = await first.final;
    await desk.reopen();
    const again = desk.send(txt2img(1));
    expect(await again.final).toEqual(final);
    expect(await again.images[0]?.read(0, 99)).toEqual(Buffer.alloc(16, 1));
    expect(await desk.ask(txt2img(1), BOB)).toMatchObject(conflict);
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("a job that was being drawn has failed as interrupted, and is not drawn again", async () => {
    const gate = gated();
    desk.backend.draw = gate.draw;
    const ear = desk.send(txt2img(1));
    await gate.begun;
    await desk.reopen();
    const interrupted = { status: "error", error: { code: "JOB_INTERRUPTED" } };
    expect(await ear.final).toMatchObject(interrupted);
    expect(await desk.ask(txt2img(1))).toMatchObject(interrupted);
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("so has one whose process died without a word", async () => {
    const job = {
      id: uuid(1),
      type: "image:txt2img",
      linkId: "link",
      createdAt: "2026-01-01T00:00:00.000Z",
    };
    await desk.ask(txt2img(1));
    const digests = (await JobStore.open({ dir: jobsDir(), clock: Date.now })).get(uuid(1));
    await desk.service.close();
    const dying = await JobStore.open({ dir: jobsDir(), clock: Date.now });
    const { owner = "", bodyDigest = "" } = digests ?? {};
    await dying.begin({ ...job, owner, bodyDigest });
    await dying.addImage(uuid(1), {
      index: 0,
      seed: 1,
      mime: "image/png",
      width: 8,
      height: 8,
      bytes: Buffer.alloc(9),
    });
    await desk.open();
    const ear = desk.send(txt2img(1));
    expect(await ear.final).toMatchObject({ status: "error", error: { code: "JOB_INTERRUPTED" } });
    expect(ear.images).toEqual([]);
    expect(await readdir(join(jobsDir(), uuid(1)))).toEqual(["job.json"]);
    expect(desk.backend.jobs).toHaveLength(1);
  });

  test("folders that are no jobs are cleared away", async () => {
    await desk.ask(txt2img(1));
    await desk.service.close();
    await writeFile(join(jobsDir(), uuid(1), "job.json"), "{ half a reco");
    await writeFile(join(jobsDir(), "stray"), "");
    await desk.open();
    expect(await readdir(jobsDir())).toEqual([]);
  });
});

describe("the store", () => {
  const begin = async (store: JobStore, n: number, bytes: number, now: number) => {
    const id = uuid(n);
    const createdAt = new Date(now).toISOString();
    await store.begin({ id, type: "t", owner: "o", linkId: "l", bodyDigest: "b", createdAt });
    await store.addImage(id, {
      index: 0,
      seed: 1,
      mime: "image/png",
      width: 8,
      height: 8,
      bytes: Buffer.alloc(bytes),
    });
  };
  const finish = async (store: JobStore, n: number, bytes: number, now: number) => {
    await begin(store, n, bytes, now);
    await store.finish(uuid(n), { status: "success" });
  };

  test("makes room by dropping pictures, those that arrived first, and still knows their jobs", async () => {
    let now = 0;
    const store = await JobStore.open({
      dir: join(desk.dir, "s"),
      clock: () => now++,
      maxBytes: 300,
    });
    await finish(store, 1, 100, now);
    await finish(store, 2, 100, now);
    await finish(store, 3, 100, now);
    await store.acknowledge(uuid(2));
    await finish(store, 4, 100, now);
    expect(store.images(uuid(2))).toBeUndefined();
    expect(store.get(uuid(2))).toMatchObject({
      state: "finished",
      response: { status: "success" },
    });
    const [image] = store.images(uuid(1)) ?? [];
    await finish(store, 5, 100, now);
    await expect(image?.read(0, 1)).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
    const reopened = await JobStore.open({ dir: join(desk.dir, "s"), clock: () => now++ });
    const left = [1, 2, 3, 4, 5].map((n) => reopened.images(uuid(n))?.length);
    expect(left).toEqual([undefined, undefined, 1, 1, 1]);
  });

  test("refuses what running jobs alone make too large", async () => {
    const store = await JobStore.open({ dir: join(desk.dir, "s"), clock: () => 0, maxBytes: 100 });
    await begin(store, 1, 60, 0);
    await expect(begin(store, 2, 60, 0)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  test("forgets jobs after a day, and the oldest when there are too many", async () => {
    let now = 0;
    const options = { dir: join(desk.dir, "s"), clock: () => now, maxAgeMs: 1_000, maxJobs: 2 };
    const store = await JobStore.open(options);
    await finish(store, 1, 1, now);
    now = 500;
    await finish(store, 2, 1, now);
    await finish(store, 3, 1, now);
    expect(store.get(uuid(1))).toBeUndefined();
    now = 1_501;
    const reopened = await JobStore.open(options);
    expect(reopened.get(uuid(3))).toBeUndefined();
    expect(await readdir(options.dir)).toEqual([]);
  });
});

describe("a job whose record cannot be kept", () => {
  const spec = (more: Partial<JobSpec>): JobSpec => ({
    id: uuid(1),
    type: "image:txt2img",
    owner: "owner",
    linkId: "link",
    bodyDigest: "digest",
    createdAt: new Date(0).toISOString(),
    run: async () => ({ status: "success" }),
    failed: () => ({ status: "error" }),
    ...more,
  });
  const thrower = () => {
    throw new TypeError("made by the test");
  };

  async function newJobs(onResponse: () => void): Promise<Jobs> {
    const clock = Date.now;
    const store = await JobStore.open({ dir: join(desk.dir, "s"), clock });
    return new Jobs({ store, clock, onResponse });
  }

  test.each<[string, Partial<JobSpec>, () => void, string]>([
    ["ends well all the same", {}, thrower, "success"],
    [
      "ends although its error cannot be told",
      { run: thrower, failed: thrower },
      () => {},
      "error",
    ],
  ])("%s", async (_what, more, onResponse, status) => {
    const jobs = await newJobs(onResponse);
    const ear = new Ear();
    jobs.submit(spec(more), ear);
    expect(await ear.final).toMatchObject({ status });
    await jobs.close();
  });

  test("ends although one who listens throws", async () => {
    const jobs = await newJobs(() => {});
    const ended = new Promise<LiveJob>((resolve) => {
      const run = async (job: LiveJob) => {
        resolve(job);
        return { status: "success" } as const;
      };
      jobs.submit(spec({ run }), { response: thrower, preview: thrower, image: thrower });
    }).then((job) => job.ended);
    expect(await ended).toMatchObject({ status: "success" });
  });
});

test("a program that fails with a page of text fails its job, and the history tells it", async () => {
  desk.backend.draw = () => Promise.reject(new Error("x".repeat(10_000)));
  const final = await desk.ask(txt2img(1));
  expect(final).toMatchObject({ id: uuid(1), status: "error" });
  const list = await desk.ask(command(2, "activities:list"));
  expect(list.activities).toMatchObject([{ id: uuid(1), status: "error", error: final.error }]);
});

test("a result whose pictures made room is not drawn again", async () => {
  await desk.ask(txt2img(1));
  desk.service.acknowledge(uuid(1), BOB);
  expect(await desk.ask(txt2img(1))).toMatchObject({ status: "success" });
  desk.service.acknowledge(uuid(1), ALICE);
  await desk.service.close();
  await JobStore.open({ dir: jobsDir(), clock: Date.now, maxBytes: 0 });
  await desk.open();
  expect(await desk.ask(txt2img(1))).toMatchObject({ error: { code: "JOB_UNKNOWN" } });
  expect(desk.backend.jobs).toHaveLength(1);
});

function jobsDir(): string {
  return join(desk.dir, "data", "jobs");
}
