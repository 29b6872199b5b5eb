/** AUTOMATIC1111's relatives: their silent failures made loud, and their one queue shared fairly. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { draw, jobFor, painting } from "./backend-contract.ts";
import { a1111Bench } from "./benches.ts";
import { errorOf, Heard } from "./heard.ts";

const DIALECTS = ["a1111", "forge", "sdnext"] as const;

describe.each(DIALECTS)("%s", (dialect) => {
  let bench: Awaited<ReturnType<typeof a1111Bench>>;
  beforeEach(async () => {
    bench = await a1111Bench(dialect);
    await bench.backend.probe();
  });
  afterEach(() => bench.close());

  const sent = () => bench.fake.requests("/sdapi/v1/txt2img").at(-1)?.body ?? {};
  const lora = () => [{ ...bench.lora, type: "lora" as const, strength: 0.8 }];

  test("is recognised", async () => {
    expect((await bench.backend.capabilities()).kind).toBe(dialect);
  });

  test("says where its files are", async () => {
    const folders = (await bench.backend.folders?.()) ?? [];
    expect(folders).toContainEqual({ type: "lora", path: bench.lora.path.replace(/\/[^/]+$/, "") });
  });

  test("draws with the checkpoint that was asked for, not with the loaded one", async () => {
    await draw(bench);
    const settings = sent().override_settings as Record<string, unknown>;
    expect(settings.sd_model_checkpoint).toContain("meadow.safetensors");
    expect(sent().override_settings_restore_afterwards).toBe(true);
  });

  test("an answer drawn with another model is no answer", async () => {
    bench.fake.ignoresOverride = true;
    const error = await errorOf(draw(bench));
    expect(error.code).toBe("BACKEND_FAILED");
    expect(error.detail).toMatch(/with the model "other" instead of "meadow/);
  });

  test("an answer drawn without the LoRA is no answer", async () => {
    bench.fake.ignoresLoras = true;
    const error = await errorOf(draw(bench, { networks: lora() }));
    expect([error.code, error.detail]).toEqual([
      "BACKEND_FAILED",
      'it drew without the LoRA "ink"',
    ]);
  });

  test("writes LoRAs in its syntax, from its own list", async () => {
    await draw(bench, { networks: lora() });
    expect(sent().prompt).toBe("a bee <lora:ink:0.8>");
  });

  test("takes no network syntax from a prompt", async () => {
    for (const text of [{ prompt: "x <lora:ink:9>" }, { negativePrompt: "<hypernet:wash:1>" }]) {
      expect((await errorOf(draw(bench, text))).code).toBe("COMMAND_INVALID");
    }
    expect(bench.fake.requests("/sdapi/v1/txt2img")).toEqual([]);
  });

  test("takes a joined sampler name apart", async () => {
    await draw(bench, { sampler: "DPM++ 2M Karras" });
    expect([sent().sampler_name, sent().scheduler]).toEqual(["DPM++ 2M", "Karras"]);
  });

  test("sends a picture and its mask ready made, and says that the whole is to be repainted", async () => {
    const { init, maskImage } = await painting(20, 44);
    const source = { image: init, mask: maskImage, denoiseStrength: 0.5, maskedOnly: true };
    await draw(bench, { init: source });
    const body = bench.fake.requests("/sdapi/v1/img2img").at(-1)?.body ?? {};
    expect(body).toMatchObject({ inpaint_full_res: false, inpainting_fill: 1, resize_mode: 0 });
    expect(body.denoising_strength).toBe(0.5);
  });

  test("each batch is a request of its own, so that pictures land as they are ready", async () => {
    await draw(bench, { quantity: 3, batchSize: 2 });
    const bodies = bench.fake.requests("/sdapi/v1/txt2img").map(({ body }) => body);
    expect(bodies.map(({ seed, n_iter, batch_size }) => [seed, n_iter, batch_size])).toEqual([
      [40, 1, 2],
      [42, 1, 2],
      [44, 1, 2],
    ]);
  });

  test("somebody else's progress is not ours: the job waits", async () => {
    await bench.fake.occupy();
    const heard = new Heard();
    const work = bench.backend.generate(jobFor(bench), heard);
    await heard.until(() => heard.progress.length > 1);
    expect(heard.progress.every(({ progress }) => progress === 0)).toBe(true);
    expect(heard.progress.at(-1)?.queued).toBe(1);
    bench.fake.vacate();
    await work;
    expect(heard.images).toHaveLength(1);
  });

  test("a cancel while somebody else draws never interrupts them, only us when our turn comes", async () => {
    await bench.fake.occupy();
    bench.hold();
    const heard = new Heard();
    const work = bench.backend.generate(jobFor(bench), heard);
    await heard.until(() => heard.progress.length > 0);
    heard.abort.abort();
    expect((await errorOf(work)).code).toBe("CANCELED");
    expect(bench.fake.interrupted).toEqual([]);
    bench.fake.vacate();
    await expect.poll(() => bench.fake.interrupted.length).toBeGreaterThan(0);
    bench.release();
    expect((await draw(bench, { seed: 7 })).images.map(({ seed }) => seed)).toEqual([7]);
    expect(bench.fake.interrupted).not.toContain("task(somebody else)");
  });

  test("half a picture after somebody's interrupt is not a result", async () => {
    bench.hold();
    const heard = new Heard();
    const work = bench.backend.generate(jobFor(bench), heard);
    await bench.fake.gate.reached;
    bench.fake.interrupt();
    const error = await errorOf(work);
    expect([error.code, error.detail]).toEqual([
      "BACKEND_FAILED",
      expect.stringContaining("somebody stopped the drawing"),
    ]);
    expect(heard.images).toEqual([]);
  });

  test("being turned away for too many requests is waited out", async () => {
    const reply = { status: 429, headers: { "retry-after": "0" }, body: { detail: "rate limit" } };
    bench.fake.misbehave("/sdapi/v1/txt2img", { kind: "reply", reply }, { kind: "reply", reply });
    expect((await draw(bench)).images).toHaveLength(1);
  });

  test("progress that cannot be had is no reason to fail", async () => {
    const reply = { status: 429, body: { detail: "rate limit" } };
    bench.hold();
    const heard = new Heard();
    const work = bench.backend.generate(jobFor(bench), heard);
    await heard.until(() => heard.progress.length > 0);
    for (const path of ["/internal/progress", "/sdapi/v1/progress"]) {
      bench.fake.misbehave(path, { kind: "reply", reply });
    }
    bench.release();
    await work;
    expect(heard.images).toHaveLength(1);
  });

  test("sends the owner's credentials and no Origin", async () => {
    bench.fake.credentials = "owner:secret-word";
    const { findBackend } = await import("@beeline/extension");
    const url = bench.fake.url.replace("http://", "http://owner:secret-word@");
    const found = await findBackend({ kind: "a1111", url });
    expect(found.url).toBe(bench.fake.url);
    await draw({ ...bench, backend: found.backend });
    await found.backend.close();
    expect(bench.fake.asked.every(({ headers }) => headers.origin === undefined)).toBe(true);
  });
});

test("under --nowebui, where tasks are unknown, progress is told by the task's name", async () => {
  const bench = await a1111Bench("a1111");
  bench.fake.noWebUi = true;
  bench.hold();
  const heard = new Heard();
  const work = bench.backend.generate(jobFor(bench), heard);
  await heard.until(() => heard.progress.some(({ progress }) => progress > 0));
  bench.release();
  await work;
  expect(heard.images).toHaveLength(1);
  await bench.close();
});

test("a VAE is a module to Forge and a setting to the others", async () => {
  const settings = await Promise.all(
    DIALECTS.map(async (dialect) => {
      const bench = await a1111Bench(dialect);
      await draw(bench, { vae: bench.vae });
      const { body = {} } = bench.fake.requests("/sdapi/v1/txt2img")[0] ?? {};
      const { sd_vae, forge_additional_modules } = body.override_settings as Record<
        string,
        unknown
      >;
      await bench.close();
      return [sd_vae, (forge_additional_modules as string[] | undefined)?.length];
    }),
  );
  expect(settings).toEqual([
    ["soft.safetensors", undefined],
    [undefined, 1],
    ["soft.safetensors", undefined],
  ]);
});

test("a program that is idle under our request has lost it", async () => {
  const bench = await a1111Bench("a1111");
  bench.hold();
  const idle = { active: false, queued: false, completed: false };
  const replies = Array.from({ length: 500 }, () => ({
    kind: "reply" as const,
    reply: { body: idle },
  }));
  bench.fake.misbehave("/internal/progress", ...replies);
  const error = await errorOf(draw(bench));
  expect([error.code, error.detail]).toEqual([
    "BACKEND_UNAVAILABLE",
    expect.stringContaining("said nothing of this job"),
  ]);
  await bench.close();
});
