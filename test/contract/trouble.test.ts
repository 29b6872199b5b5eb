/** What goes wrong between us and any real backend: always a typed error, never a hang or a secret. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { draw, jobFor, painting } from "./backend-contract.ts";
import { a1111Bench, comfyBench, sdServerBench } from "./benches.ts";
import { errorOf, Heard } from "./heard.ts";

const OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB";
const HTML = Buffer.from("<html><body><h1>502 Bad Gateway</h1></body></html>");

interface Kind {
  readonly name: string;
  readonly make: () => ReturnType<typeof a1111Bench | typeof comfyBench | typeof sdServerBench>;
  /** Where a job is sent. */
  readonly jobs: string;
  /** Where its bytes are capped. */
  readonly uploads: string;
}

const KINDS: readonly Kind[] = [
  {
    name: "AUTOMATIC1111",
    make: () => a1111Bench("a1111"),
    jobs: "/sdapi/v1/txt2img",
    uploads: "/sdapi/v1/img2img",
  },
  {
    name: "SD.Next",
    make: () => a1111Bench("sdnext"),
    jobs: "/sdapi/v1/txt2img",
    uploads: "/sdapi/v1/img2img",
  },
  { name: "ComfyUI", make: comfyBench, jobs: "/prompt", uploads: "/upload/image" },
  {
    name: "sd-server",
    make: sdServerBench,
    jobs: "/sdcpp/v1/img_gen",
    uploads: "/sdcpp/v1/img_gen",
  },
];

describe.each(KINDS)("$name in trouble:", ({ make, jobs, uploads }) => {
  let bench: Awaited<ReturnType<Kind["make"]>>;
  beforeEach(async () => {
    bench = await make();
  });
  afterEach(() => bench.close());

  test("one that is not running is unavailable, by its address", async () => {
    await bench.fake.close();
    for (const work of [bench.backend.probe(), bench.backend.capabilities(), draw(bench)]) {
      const error = await errorOf(work);
      expect(error.code).toBe("BACKEND_UNAVAILABLE");
      expect(error.detail).toMatch(/127\.0\.0\.1.*ECONNREFUSED/);
    }
  });

  test("one that goes away in mid-job is unavailable or failed, within its patience", async () => {
    bench.hold();
    const heard = new Heard();
    const work = bench.backend.generate(jobFor(bench), heard);
    await heard.until(() => heard.progress.length > 0);
    const failed = errorOf(work);
    await bench.fake.close();
    expect((await failed).code).toBe("BACKEND_UNAVAILABLE");
  });

  test("one that wants credentials says so, and they are in no error", async () => {
    bench.fake.credentials = "owner:secret-word";
    const error = await errorOf(bench.backend.capabilities());
    expect(error.code).toBe("BACKEND_UNAVAILABLE");
    expect(error.detail).toContain("BEELINE_BACKEND_AUTH");
  });

  test("an answer that is a web page is a failure in its words", async () => {
    bench.fake.misbehave(jobs, { kind: "reply", reply: { status: 200, body: HTML } });
    const error = await errorOf(draw(bench));
    expect([error.code, error.detail]).toEqual([
      "BACKEND_FAILED",
      expect.stringContaining("502 Bad Gateway"),
    ]);
  });

  test("an answer of another shape is a failure", async () => {
    bench.fake.misbehave(jobs, { kind: "reply", reply: { status: 200, body: { images: 7 } } });
    expect((await errorOf(draw(bench))).code).toBe("BACKEND_FAILED");
  });

  test("a request that is too large for it names the limit's side", async () => {
    const reply = { status: 413, body: Buffer.from("Maximum request body size exceeded") };
    bench.fake.misbehave(uploads, { kind: "reply", reply });
    const { init } = await painting(0, 0);
    const source = { image: init, mask: undefined, denoiseStrength: 0.5, maskedOnly: false };
    expect((await errorOf(draw(bench, { init: source }))).code).toBe("LIMIT_EXCEEDED");
  });

  test("a connection that breaks while a job is sent is an error, and the next job is drawn", async () => {
    bench.fake.misbehave(jobs, { kind: "hang-up" });
    expect((await errorOf(draw(bench))).code).toBe("BACKEND_UNAVAILABLE");
    expect((await draw(bench)).images).toHaveLength(1);
  });

  test("half a picture is no picture", async () => {
    bench.fake.spoils = "truncated";
    const error = await errorOf(draw(bench));
    expect([error.code, error.detail]).toEqual([
      "BACKEND_FAILED",
      expect.stringContaining("no picture"),
    ]);
  });

  test("a picture of another size is not what was asked for", async () => {
    bench.fake.spoils = "size";
    const error = await errorOf(draw(bench, { width: 128 }));
    expect([error.code, error.detail]).toEqual([
      "BACKEND_FAILED",
      expect.stringContaining("64 × 72 pixels instead of 128 × 64"),
    ]);
  });

  test("running out of memory says what to do", async () => {
    if ("fails" in bench.fake) {
      const words = { exception_type: "OutOfMemoryError", exception_message: OUT_OF_MEMORY };
      Object.assign(bench.fake, { fails: jobs === "/prompt" ? words : OUT_OF_MEMORY });
    } else {
      const body = { error: "OutOfMemoryError", detail: "", body: "", errors: OUT_OF_MEMORY };
      bench.fake.misbehave(jobs, { kind: "reply", reply: { status: 500, body } });
    }
    const error = await errorOf(draw(bench));
    expect(error.code).toBe("BACKEND_FAILED");
    expect(error.detail).toMatch(/ran out of memory; ask for a smaller picture.*2\.00 GiB/);
  });
});
