/** sd-server: one model, no steps, and a cancel that may come too late. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { draw, jobFor } from "./backend-contract.ts";
import { sdServerBench } from "./benches.ts";
import { errorOf, Heard } from "./heard.ts";

let bench: Awaited<ReturnType<typeof sdServerBench>>;
beforeEach(async () => {
  bench = await sdServerBench();
});
afterEach(() => bench.close());

test("any model but its own is refused, though it would draw and show the same hash", async () => {
  const error = await errorOf(draw(bench, { model: bench.files.other }));
  expect([error.code, error.detail]).toEqual([
    "MODEL_NOT_FOUND",
    expect.stringContaining('"other.safetensors" was asked for'),
  ]);
});

test("a server started anew with another model in mid-job gives no picture", async () => {
  bench.hold();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await bench.fake.gate.reached;
  bench.fake.model = bench.files.other.path;
  bench.release();
  expect((await errorOf(work)).code).toBe("MODEL_NOT_FOUND");
  expect(heard.images).toEqual([]);
});

test("LoRAs travel beside the prompt", async () => {
  await draw(bench, { networks: [{ ...bench.lora, type: "lora", strength: 0.8 }] });
  const { body } = bench.fake.requests("/sdcpp/v1/img_gen")[0] ?? {};
  expect(body).toMatchObject({
    prompt: "a bee",
    lora: [{ path: "ink.safetensors", multiplier: 0.8 }],
    sample_params: { sample_method: "euler_a", scheduler: "discrete", sample_steps: 8 },
  });
});

test("others' jobs come first, and a full queue is waited out", async () => {
  bench.fake.maxQueue = 1;
  bench.hold();
  bench.fake.occupy();
  bench.fake.occupy();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await heard.until(() => heard.progress.length > 0);
  expect(heard.progress[0]?.queued).toBe(1);
  bench.release();
  await work;
  expect(heard.images).toHaveLength(1);
});

test("a cancel takes a waiting job out of its queue", async () => {
  bench.hold();
  bench.fake.occupy();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await heard.until(() => heard.progress.length > 0);
  heard.abort.abort();
  expect((await errorOf(work)).code).toBe("CANCELED");
  const isOver = () => [...bench.fake.jobs.values()].at(-1)?.status === "cancelled";
  await expect.poll(isOver).toBe(true);
});

test("a restart in mid-job is an error, not a wait", async () => {
  bench.hold();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await heard.until(() => heard.progress.length > 0);
  bench.fake.restart();
  expect((await errorOf(work)).detail).toContain("restarted");
});
