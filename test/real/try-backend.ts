/**
 * Tries a real, running backend: `npm run try:backend -- [--url http://127.0.0.1:8188]`.
 *
 * Draws a handful of small pictures with the smallest checkpoint, checks what Beeline promises of
 * any backend, and says what held. It changes nothing but the program's queue. `npm test` does not
 * run it: it needs a GPU's patience and somebody's models.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { findBackend, type GenerateJob, type ResolvedFile } from "@beeline/extension";
import sharp from "sharp";
import { errorOf, Heard } from "../contract/heard.ts";

const SIDE = 512;

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    checkpoint: { type: "string" },
    steps: { type: "string", default: "8" },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

let failures = 0;
async function check(what: string, work: () => Promise<string | undefined>): Promise<void> {
  const startedAt = performance.now();
  const problem = await work().catch((error: unknown) => String(error));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(
    `${problem === undefined ? "ok  " : "FAIL"}  ${what} (${seconds} s)${problem ? `: ${problem}` : ""}`,
  );
  if (problem !== undefined) failures += 1;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** The smallest checkpoint in its folders: it loads soonest. */
async function smallest(folders: readonly string[]): Promise<string> {
  const found: { path: string; size: number }[] = [];
  for (const folder of folders) {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    for (const name of names.filter((each) => /\.(?:safetensors|gguf|ckpt)$/.test(each))) {
      const path = join(folder, name);
      found.push({ path, size: (await stat(path)).size });
    }
  }
  found.sort((a, b) => a.size - b.size);
  const [first] = found;
  if (first === undefined) throw new Error(`no checkpoint in ${folders.join(", ") || "no folder"}`);
  return first.path;
}

const { BEELINE_BACKEND_AUTH: auth } = process.env;
const headers = auth ? { authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {};
const { backend, url } = await findBackend({ url: values.url, headers });
const able = await backend.capabilities();
const folders = (await backend.folders?.()) ?? [];
say(`${able.name} at ${url}: ${able.samplers.length} samplers`);
for (const { type, path } of folders) say(`      ${type}: ${path}`);

const path =
  values.checkpoint ??
  (await smallest(folders.filter(({ type }) => type === "checkpoint").map((each) => each.path)));
const model: ResolvedFile = { path, name: basename(path), hash: await sha256Of(path) };
say(`      drawing with ${model.name}`);

const job = (more: Partial<GenerateJob> = {}): GenerateJob => ({
  id: crypto.randomUUID(),
  quantity: 1,
  batchSize: 1,
  model,
  vae: undefined,
  networks: [],
  prompt: "a bee on a flower, macro photograph",
  negativePrompt: "blurry",
  sampler: able.samplers.includes("Euler a") ? "Euler a" : (able.samplers[0] ?? ""),
  seed: 4242,
  steps: Number(values.steps),
  width: SIDE,
  height: SIDE,
  cfgScale: 7,
  clipSkip: undefined,
  init: undefined,
  ...more,
});

async function draw(more: Partial<GenerateJob> = {}): Promise<Heard> {
  const heard = new Heard();
  await backend.generate(job(more), heard);
  return heard;
}

let picture = new Uint8Array();
await check("draws a picture that tells how it was made", async () => {
  const { images, progress, previews } = await draw();
  picture = new Uint8Array(images[0]?.bytes ?? []);
  say(`      ${progress.length} reports of progress, ${previews.length} previews`);
  const text = Buffer.from(picture).toString("latin1");
  if (!text.includes("parameters")) return "no parameters in it";
  return text.includes("workflow") ? "the workflow is in it" : undefined;
});
await check("draws the same picture again from the same seed", async () => {
  const pixels = (bytes: Uint8Array) => sharp(bytes).raw().toBuffer();
  const [again] = (await draw()).images;
  const same = (await pixels(again?.bytes ?? picture)).equals(await pixels(picture));
  return same ? undefined : "the pixels differ";
});
await check("draws two with seeds that follow", async () => {
  const seeds = (await draw({ quantity: 2 })).images.map(({ seed }) => seed);
  return seeds.join() === "4242,4243" ? undefined : `seeds ${seeds.join()}`;
});
for (const maskedOnly of [false, true]) {
  await check(`repaints a masked part and nothing else (only masked: ${maskedOnly})`, async () => {
    const mask = await sharp({
      create: { width: SIDE, height: SIDE, channels: 3, background: "black" },
    })
      .composite([
        {
          input: { create: { width: 128, height: 128, channels: 3, background: "white" } },
          left: 192,
          top: 192,
        },
      ])
      .png()
      .toBuffer();
    const init = { image: picture, mask, denoiseStrength: 0.75, maskedOnly };
    const [image] = (await draw({ init, seed: 77 })).images;
    const before = await sharp(picture).removeAlpha().raw().toBuffer();
    const after = await sharp(image?.bytes).removeAlpha().raw().toBuffer();
    let inside = 0;
    for (let at = 0; at < before.length; at += 3) {
      const x = (at / 3) % SIDE;
      const y = Math.floor(at / 3 / SIDE);
      if (before.compare(after, at, at + 3, at, at + 3) === 0) continue;
      if (x < 191 || x > 320 || y < 191 || y > 320) return `pixel ${x},${y} changed`;
      inside += 1;
    }
    return inside > 1000 ? undefined : "nothing changed inside the mask";
  });
}
await check("refuses a model that it does not have", async () => {
  const stranger = {
    path: "/nowhere/stranger.safetensors",
    name: "stranger",
    hash: "0".repeat(64),
  };
  const { code } = await errorOf(draw({ model: stranger }));
  return code === "MODEL_NOT_FOUND" ? undefined : code;
});
await check("ends a canceled job at once, and draws the next", async () => {
  const heard = new Heard();
  const work = errorOf(backend.generate(job({ steps: 60 }), heard));
  await heard.until(
    () => heard.progress.some(({ progress }) => progress > 0) || able.progress === "images",
  );
  heard.abort.abort();
  const { code } = await work;
  if (code !== "CANCELED") return code;
  return (await draw()).images.length === 1 ? undefined : "the next one did not come";
});

await backend.close();
say(failures === 0 ? "Everything held." : `${failures} did not hold.`);
process.exitCode = failures === 0 ? 0 : 1;
