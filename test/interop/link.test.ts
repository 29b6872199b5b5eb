/**
 * A link end to end, over the stand-in and over real WebRTC: what arrives, which way it came, and
 * that the server carried none of a picture that came directly.
 */
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageUpdate, Link, LinkImage } from "@beeline/client";
import { type CreateRtcPeer, loadSimplePeer } from "@beeline/paths";
import { createMemoryRtc } from "@beeline/paths/memory";
import { createWeriftPeer } from "@beeline/paths/werift";
import { describe, expect, test } from "vitest";
import { within } from "../support/deadline.ts";
import { drawUntil } from "../support/draw-until.ts";
import { gateSignals, LINK_MS, LinkScene, pathOf } from "../support/link-scene.ts";
import { startLinkServer } from "../support/link-server.ts";
import { severDatagrams } from "../support/severed-datagrams.ts";

const DRAW_MS = 20_000;
/** What may pass the relay beside a direct picture: pings, acknowledgements, a hedged command. */
const RELAY_REMAINDER_BYTES = 16 * 1024;

/** A picture of some 300 KB. */
const PICTURE = { params: { prompt: "a bee", width: 512, height: 512, steps: 2, seed: 7 } };
/** One that takes seconds where a step takes 50 ms. */
const LONG = { params: { ...PICTURE.params, steps: 150 } };

interface Engine {
  readonly createOfferer: CreateRtcPeer;
  readonly createAnswerer: CreateRtcPeer;
  /** As when a cable is pulled: nothing gets through, and nobody is told. */
  cut(): void;
}

const engines: Record<string, () => Promise<Engine>> = {
  "the stand-in": async () => createMemoryRtc(),
  "werift and wrtc": async () => {
    const createAnswerer = await loadSimplePeer();
    if (createAnswerer === undefined) throw new Error("type: npm install @roamhq/wrtc");
    return { createOfferer: createWeriftPeer, createAnswerer, cut: () => severDatagrams() };
  },
};

function expectWhole({ bytes, sha256, size }: LinkImage): void {
  expect(bytes.byteLength).toBe(size);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
}

async function draw(link: Link): Promise<LinkImage> {
  const { images } = await within(DRAW_MS, "the picture", link.txt2img(PICTURE).result);
  const [image] = images;
  if (image === undefined) throw new Error("no picture");
  expectWhole(image);
  return image;
}

async function drawOnDirect(link: Link): Promise<LinkImage> {
  await pathOf(link, { kind: "direct" });
  return await draw(link);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return within(DRAW_MS, "the refusal", promise).then(
    () => "fulfilled",
    (error: { code?: unknown }) => error.code ?? error,
  );
}

describe.each(Object.entries(engines))("over %s", (_name, createEngine) => {
  test("commands are answered over the relay until the direct path is open", async () => {
    const engine = await createEngine();
    const gate = gateSignals(engine.createOfferer);
    const scene = await LinkScene.open({ createOfferer: gate.create });
    const link = await scene.connect(engine.createAnswerer);

    expect((await link.describe()).name).toBe("first");
    expect(link.path.kind).toBe("relay");
    expect((await draw(link)).path).toBe("relay");
    gate.open();
    expect((await pathOf(link, { kind: "direct" })).reason).toBe("open");
    const { last } = await drawUntil(
      () => drawOnDirect(link),
      ({ path }) => path === "direct",
    );
    expect(last.path).toBe("direct");
  });

  test("the server carries none of a picture that travels directly", async () => {
    const engine = await createEngine();
    const scene = await LinkScene.open({ createOfferer: engine.createOfferer });
    const link = await scene.connect(engine.createAnswerer);
    const { last } = await drawUntil(
      async () => {
        await pathOf(link, { kind: "direct" });
        const before = scene.server.server.metrics().relayedBytes;
        const { path, size } = await draw(link);
        const relayed = scene.server.server.metrics().relayedBytes - before;
        const direct = link.stats().paths.find(({ kind }) => kind === "direct");
        return { path, size, relayed, received: direct?.receivedBytes };
      },
      ({ path, relayed }) => path === "direct" && relayed < RELAY_REMAINDER_BYTES,
    );
    expect(last.path).toBe("direct");
    expect(last.relayed).toBeLessThan(RELAY_REMAINDER_BYTES);
    expect(last.size).toBeGreaterThan(4 * RELAY_REMAINDER_BYTES);
    expect(last.received).toBeGreaterThan(last.size);
  });

  test("a direct path cut amid a picture: it arrives by relay, whole and once", async () => {
    const engine = await createEngine();
    const scene = await LinkScene.open({ createOfferer: engine.createOfferer });
    const link = await scene.connect(engine.createAnswerer);
    await pathOf(link, { kind: "direct" });

    const job = link.txt2img(PICTURE);
    const arrived: Extract<ImageUpdate, { kind: "image" }>[] = [];
    let isCut = false;
    const reading = (async () => {
      for await (const update of job) {
        if (update.kind === "transfer" && !isCut && update.received < update.size) {
          engine.cut();
          isCut = true;
        }
        if (update.kind === "image") arrived.push(update);
      }
    })();
    const { images } = await within(DRAW_MS, "the picture", job.result);
    await within(LINK_MS, "the end of the updates", reading);
    expect(isCut).toBe(true);
    expect(arrived.map(({ image }) => image.path)).toEqual(["relay"]);
    for (const image of images) expectWhole(image);
    expect(images).toEqual(arrived.map(({ image }) => image));
  });

  test("two clients at once have a direct path each, and each its own picture", async () => {
    const engine = await createEngine();
    const scene = await LinkScene.open({ createOfferer: engine.createOfferer });
    const links = await Promise.all([
      scene.connect(engine.createAnswerer),
      scene.connect(engine.createAnswerer),
    ]);
    await Promise.all(links.map((link) => pathOf(link, { kind: "direct" })));
    expect(scene.first.extension.links()).toMatchObject([{ status: "active", clients: 2 }]);

    const seeds = [1, 2];
    const { last: images } = await drawUntil(
      async () => {
        await Promise.all(links.map((link) => pathOf(link, { kind: "direct" })));
        const results = links.map((link, at) => {
          const params = { ...PICTURE.params, seed: seeds[at] ?? 0 };
          return within(DRAW_MS, "a picture", link.txt2img({ params }).result);
        });
        return (await Promise.all(results)).map(({ images: [image] }) => image);
      },
      (drawn) => drawn.every((image) => image?.path === "direct"),
    );
    expect(images.map((image) => image?.seed)).toEqual(seeds);
    expect(images.map((image) => image?.path)).toEqual(["direct", "direct"]);
  });
});

describe("without a direct path", () => {
  test("the same picture comes by relay, with the reason", async () => {
    const rtc = createMemoryRtc();
    const scene = await LinkScene.open({ createOfferer: rtc.createOfferer });
    const direct = await scene.connect(rtc.createAnswerer);
    await pathOf(direct, { kind: "direct" });
    rtc.refuse("ice-failed");
    const relayed = await scene.connect(rtc.createAnswerer);
    await pathOf(relayed, { kind: "relay", reason: "ice-failed" });

    const before = scene.server.server.metrics().relayedBytes;
    const image = await draw(relayed);
    expect(image.path).toBe("relay");
    expect(scene.server.server.metrics().relayedBytes - before).toBeGreaterThan(image.size);
    expect(image.sha256).toBe((await draw(direct)).sha256);
    expect(relayed.stats().attempts[0]).toMatchObject({ outcome: "failed", reason: "ice-failed" });
  });

  test.each([
    ["a client without WebRTC", "no-webrtc", false],
    ["a client that wants the relay only", "policy", true],
  ] as const)("%s says so: %s", async (_name, reason, hasPeer) => {
    const rtc = createMemoryRtc();
    const scene = await LinkScene.open({ createOfferer: rtc.createOfferer });
    const link = await scene.connect(hasPeer ? rtc.createAnswerer : undefined, {
      policy: hasPeer ? "relayOnly" : "preferDirect",
    });
    expect((await draw(link)).path).toBe("relay");
    expect(link.path).toMatchObject({ kind: "relay", reason });
  });

  test("a client that no longer wants the relay only has TURN credentials given to both sides", async () => {
    const rtc = createMemoryRtc();
    const given: [side: string, hasCredentials: boolean][] = [];
    const noted =
      (side: string, create: CreateRtcPeer): CreateRtcPeer =>
      (options, handlers) => {
        given.push([side, options.iceServers.some(({ credential }) => credential !== undefined)]);
        return create(options, handlers);
      };
    const scene = await LinkScene.open({
      createOfferer: noted("extension", rtc.createOfferer),
      turn: { urls: ["turn:127.0.0.1:1"], secret: "a secret of sixteen characters" },
    });
    const link = await scene.connect(noted("client", rtc.createAnswerer), { policy: "relayOnly" });
    await draw(link);
    expect(given).toEqual([]);
    const job = link.txt2img(PICTURE);

    link.setPolicy("preferDirect");
    await pathOf(link, { kind: "direct", reason: "open" });
    expectWhole((await within(DRAW_MS, "the picture", job.result)).images[0] as LinkImage);
    expect(given).toEqual([
      ["extension", true],
      ["client", true],
    ]);

    // There and back costs no connection: the server still goes by what it was told.
    const states: string[] = [];
    link.on("state", (state) => states.push(state));
    link.setPolicy("relayOnly");
    expect(link.path).toMatchObject({ kind: "relay", reason: "policy" });
    link.setPolicy("preferDirect");
    await pathOf(link, { kind: "direct", reason: "open" });
    expect(states).toEqual([]);
  });

  test("an extension that never connects directly is known as such", async () => {
    const rtc = createMemoryRtc();
    const scene = await LinkScene.open();
    const link = await scene.connect(rtc.createAnswerer);
    expect((await draw(link)).path).toBe("relay");
    expect(link.path).toMatchObject({ kind: "relay", reason: "disabled-there" });
  });

  test("a failed attempt is tried again, and then the path is direct", async () => {
    const rtc = createMemoryRtc();
    rtc.refuse("ice-failed");
    const scene = await LinkScene.open({ createOfferer: rtc.createOfferer });
    const link = await scene.connect(rtc.createAnswerer);
    await pathOf(link, { reason: "ice-failed" });
    rtc.refuse(undefined);
    await pathOf(link, { kind: "direct", reason: "open" });
    expect(link.stats().attempts.map(({ outcome }) => outcome)).toContain("failed");
  });
});

describe("an extension", () => {
  test("that stops and comes back is asked again, and answers what became of the job", async () => {
    const scene = await LinkScene.open({ demo: { stepMs: 50 } });
    const link = await scene.connect();
    const job = link.txt2img(LONG);
    for await (const update of job) if (update.kind === "progress") break;
    await scene.first.extension.close();
    const again = await scene.openExtension();
    await again.heard("active");
    expect(await codeOf(job.result)).toBe("JOB_INTERRUPTED");
    expect((await draw(link)).path).toBe("relay");
  });

  test("that was away gets the calls that waited for it", async () => {
    const scene = await LinkScene.open();
    await scene.first.extension.close();
    const link = await scene.connect();
    const drawing = draw(link);
    expect(link.state).toBe("waiting");
    await scene.openExtension();
    expect((await drawing).path).toBe("relay");
    expect(link.state).toBe("linked");
  });

  test("beside another one in the room stands by, is told so and takes over", async () => {
    const scene = await LinkScene.open();
    const second = await scene.openExtension("second");
    second.extension.pair(scene.server.url, scene.key);
    expect((await second.heard("standby")).error?.code).toBe("EXTENSION_STANDBY");
    const link = await scene.connect();
    expect((await link.describe()).name).toBe("first");
    await scene.first.extension.close();
    await second.heard("active");
    expect((await link.describe()).name).toBe("second");
  });

  test("forgets a lasting key that exists no more, and says so", async () => {
    const scene = await LinkScene.openEmpty();
    const extension = await scene.openExtension();
    extension.extension.pair(scene.server.url, "0".repeat(128));
    expect((await extension.heard("ended")).error?.code).toBe("LINK_KEY_UNKNOWN");
    await extension.extension.close();
    const stored = await readFile(join(scene.dir, "first/config/links.json"), "utf8");
    expect(JSON.parse(stored).links).toEqual([]);
  });
});

describe("a client", () => {
  test("of an unknown key is refused at once", async () => {
    const scene = await LinkScene.openEmpty();
    expect(await codeOf(scene.connect(undefined, { key: "f".repeat(128) }))).toBe(
      "LINK_KEY_UNKNOWN",
    );
    expect(await codeOf(scene.connect(undefined, { key: "short" }))).toBe("LINK_KEY_MALFORMED");
  });

  test("waits for a server that is down at first", async () => {
    const { server, port, dataDir, createAccountInstance } = await startLinkServer();
    const scene = await LinkScene.openEmpty();
    const { key, token } = await createAccountInstance();
    await server.close();
    const url = `http://127.0.0.1:${port}`;
    const connecting = scene.connect(undefined, { server: url, key, token });
    await startLinkServer({ dataDir, port });
    const link = await within(LINK_MS, "the link", connecting);
    expect(link.state).toBe("waiting");
  });

  test("gives connecting up when its signal says so", async () => {
    const { server, port } = await startLinkServer();
    const scene = await LinkScene.openEmpty();
    await server.close();
    const controller = new AbortController();
    const url = `http://127.0.0.1:${port}`;
    const key = "a".repeat(128);
    const connecting = scene.connect(undefined, { server: url, key, signal: controller.signal });
    controller.abort();
    expect(await codeOf(connecting)).toBe("CANCELED");
    const aborted = scene.connect(undefined, { server: url, key, signal: AbortSignal.abort() });
    expect(await codeOf(aborted)).toBe("CANCELED");
  });

  test.each(["its method", "its signal"])("cancels a running job by %s", async (means) => {
    const scene = await LinkScene.open({ demo: { stepMs: 50 } });
    const link = await scene.connect();
    const controller = new AbortController();
    const job = link.txt2img(LONG, { signal: controller.signal });
    for await (const update of job) if (update.kind === "progress") break;
    if (means === "its method") job.cancel();
    else controller.abort();
    expect(await codeOf(job.result)).toBe("CANCELED");
    expect((await link.listActivities()).map(({ status }) => status)).toEqual(["canceled"]);
  });

  test("does not ask for a job whose signal was aborted before", async () => {
    const scene = await LinkScene.open();
    const link = await scene.connect();
    const job = link.txt2img(LONG, { signal: AbortSignal.abort() });
    expect(await codeOf(job.result)).toBe("CANCELED");
    expect(await link.listActivities()).toEqual([]);
  });

  test("asks the same job twice under one id and gets one picture", async () => {
    const scene = await LinkScene.open();
    const id = randomUUID();
    const clientId = "5".repeat(32);
    const link = await scene.connect(undefined, { clientId });
    const first = link.txt2img(PICTURE, { id });
    expect(await codeOf(link.txt2img(PICTURE, { id }).result)).toBe("COMMAND_CONFLICT");
    const reloaded = await scene.connect(undefined, { clientId });
    const second = reloaded.txt2img(PICTURE, { id });
    const [one, other] = await within(
      DRAW_MS,
      "both results",
      Promise.all([first.result, second.result]),
    );
    expect(one.images[0]?.sha256).toBe(other.images[0]?.sha256);
    expect(await link.listActivities()).toHaveLength(1);
  });

  test("that closes leaves no promise open, whatever was under way", async () => {
    const scene = await LinkScene.open({ demo: { stepMs: 50 } });
    const link = await scene.connect();
    const job = link.txt2img(LONG);
    const updates = (async () => {
      for await (const _update of job);
    })();
    const open = [job.result, link.describe(), link.listResources(), link.listActivities()];
    const settled = Promise.allSettled(open);
    await link.close(0).catch(() => {});
    await within(LINK_MS, "every promise settles", settled);
    await within(LINK_MS, "the updates end", updates);
    expect(link.state).toBe("closed");
    expect(await codeOf(job.result)).toBe("SESSION_CLOSED");
    expect(await codeOf(link.describe())).toBe("SESSION_CLOSED");
    expect(() => link.txt2img(PICTURE)).toThrow("SESSION_CLOSED");
    await link.close();
  });
});
