/** ComfyUI: what its socket does not say, what its cache forgets, and whose job a stop hits. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { draw, jobFor, painting } from "./backend-contract.ts";
import { comfyBench } from "./benches.ts";
import { errorOf, Heard } from "./heard.ts";

let bench: Awaited<ReturnType<typeof comfyBench>>;
beforeEach(async () => {
  bench = await comfyBench();
});
afterEach(() => bench.close());

test("the first picture's prompt carries the job's id", async () => {
  const id = crypto.randomUUID();
  await draw(bench, { id, quantity: 2 });
  expect(bench.fake.drawn[0]?.id).toBe(id);
  expect(new Set(bench.fake.drawn.map((prompt) => prompt.id)).size).toBe(2);
});

test("a graph says everything that was asked for", async () => {
  await draw(bench, {
    sampler: "DPM++ 2M Karras",
    clipSkip: 2,
    vae: bench.vae,
    networks: [
      { ...bench.lora, type: "lora", strength: 0.8 },
      { ...bench.files.hypernet, type: "hypernet", strength: 0.5 },
    ],
  });
  const { fake } = bench;
  expect(fake.node("CheckpointLoaderSimple")).toEqual({ ckpt_name: "meadow.safetensors" });
  expect(fake.node("LoraLoader")).toMatchObject({ strength_model: 0.8, strength_clip: 0.8 });
  expect(fake.node("HypernetworkLoader")).toMatchObject({ strength: 0.5 });
  expect(fake.node("CLIPSetLastLayer")).toMatchObject({ stop_at_clip_layer: -2 });
  expect(fake.node("VAEDecode")).toMatchObject({ vae: ["vae", 0] });
  expect(fake.node("KSampler")).toMatchObject({
    seed: 40,
    steps: 8,
    cfg: 7,
    sampler_name: "dpmpp_2m",
    scheduler: "karras",
    denoise: 1,
  });
});

test("text of a prompt is text", async () => {
  const prompt = '"]}, <lora:ink:1> ["checkpoint",0] {a|b}';
  await draw(bench, { prompt });
  expect(bench.fake.node("CLIPTextEncode")?.text).toBe(prompt);
  expect(bench.fake.node("LoraLoader")).toBeUndefined();
});

test("a masked picture keeps its latent outside the mask and goes to the temporary folder", async () => {
  const { init, maskImage } = await painting(20, 44);
  const source = { image: init, mask: maskImage, denoiseStrength: 0.5, maskedOnly: false };
  await draw(bench, { init: source });
  expect(bench.fake.node("SetLatentNoiseMask")).toBeDefined();
  expect(bench.fake.node("LoadImage")?.image).toMatch(/^beeline\/.*-init\.png \[temp\]$/);
  expect(bench.fake.node("KSampler")?.denoise).toBe(0.5);
});

test("previews are asked for, and the workflow stays at home", async () => {
  const [image] = (await draw(bench)).images;
  const text = Buffer.from(image?.bytes ?? []).toString("latin1");
  expect(text).not.toMatch(/workflow|private|class_type/);
  expect(text).toContain("tEXtparameters");
  const [prompt] = bench.fake.requests("/prompt");
  expect(prompt?.body.extra_data).toEqual({ preview_method: "auto" });
});

test("the workflow stays in when the owner wants it", async () => {
  const { ComfyUiBackend } = await import("@beeline/extension");
  const backend = new ComfyUiBackend({ url: bench.fake.url, headers: {}, keepWorkflow: true });
  const [image] = (await draw({ ...bench, backend })).images;
  expect(Buffer.from(image?.bytes ?? []).toString("latin1")).toContain("tEXtworkflow");
  await backend.close();
});

test("a socket that breaks costs nothing but its previews", async () => {
  bench.hold();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await bench.fake.gate.reached;
  bench.fake.dropSockets();
  bench.release();
  await work;
  expect(heard.images).toHaveLength(1);
});

test("a server that says nothing on its socket is asked", async () => {
  bench.fake.mute = true;
  expect((await draw(bench)).images).toHaveLength(1);
});

test("a restart in mid-job is an error, not a wait", async () => {
  bench.hold();
  const work = draw(bench);
  await bench.fake.gate.reached;
  bench.fake.restart();
  const error = await errorOf(work);
  expect([error.code, error.detail]).toEqual([
    "BACKEND_FAILED",
    expect.stringContaining("restarted"),
  ]);
});

test("a picture that was cleaned away before it was fetched is drawn again", async () => {
  bench.fake.misbehave("/view", { kind: "reply", reply: { status: 404 } });
  expect((await draw(bench)).images).toHaveLength(1);
  expect(bench.fake.drawn).toHaveLength(2);
});

test("no two prompts are the same to its cache", async () => {
  await draw(bench);
  await draw(bench);
  const [one, two] = bench.fake.drawn.map(({ graph }) => JSON.stringify(graph.result));
  expect(one).not.toBe(two);
});

test("others' prompts come first, and their number is told", async () => {
  bench.hold();
  bench.fake.occupy();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await heard.until(() => heard.progress.length > 0);
  expect(heard.progress[0]).toMatchObject({ progress: 0, queued: 1 });
  bench.release();
  await work;
});

const LADDER = [
  { name: "by job", hasJobsApi: true, targetsInterrupts: true },
  { name: "by prompt", hasJobsApi: false, targetsInterrupts: true },
  { name: "by whatever runs", hasJobsApi: false, targetsInterrupts: false },
];

test.each(LADDER)("where a stop works $name, a cancel stops what runs of ours", async (server) => {
  Object.assign(bench.fake, server);
  bench.hold();
  const heard = new Heard();
  const id = crypto.randomUUID();
  const work = bench.backend.generate(jobFor(bench, { id }), heard);
  await bench.fake.gate.reached;
  heard.abort.abort();
  expect((await errorOf(work)).code).toBe("CANCELED");
  await expect.poll(() => bench.fake.interrupted).toContain(id);
  bench.release();
  expect((await draw(bench)).images).toHaveLength(1);
});

test.each(LADDER)(
  "where a stop works $name, a cancel of what waits stops nobody else",
  async (server) => {
    Object.assign(bench.fake, server);
    bench.hold();
    bench.fake.occupy();
    const heard = new Heard();
    const work = bench.backend.generate(jobFor(bench), heard);
    await heard.until(() => heard.progress.length > 0);
    heard.abort.abort();
    expect((await errorOf(work)).code).toBe("CANCELED");
    await expect.poll(() => bench.fake.waiting).toEqual([]);
    bench.release();
    await draw(bench);
    expect(bench.fake.interrupted).toEqual([]);
    expect(bench.fake.drawn.map(({ id }) => id)).toHaveLength(2);
  },
);

test("a stop pressed at the machine is told as that", async () => {
  bench.hold();
  const work = draw(bench);
  await bench.fake.gate.reached;
  bench.fake.interrupt();
  expect((await errorOf(work)).detail).toContain("somebody stopped the drawing");
});
