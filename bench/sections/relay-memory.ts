/**
 * What a slow receiver costs the relay: one page behind 20 Mbit/s takes a large result, once through
 * our session and our server, once through a bare socket.io room that is given everything at once.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { LinkServerMetrics } from "@beeline/server";
import { io } from "socket.io-client";
import { ChaosWorld, type StartServer } from "../../test/chaos/world.ts";
import { launchChromium } from "../../test/support/chromium.ts";
import { noise } from "../../test/support/noise-png.ts";
import { bundleForPage } from "../../test/support/page-bundle.ts";
import { TcpProxy } from "../../test/support/tcp-proxy.ts";
import { median } from "../report/statistics.ts";
import { rounded } from "../report/summary.ts";
import { Child } from "./child-process.ts";
import { openLinkedPage } from "./linked-page.ts";
import type * as benchPage from "./overhead-page.ts";
import type { Figure, Scale, Section } from "./section.ts";

declare const bench: typeof benchPage;

const MIB = 1024 * 1024;
const PICTURE_BYTES = 32 * MIB;
const SLOW = { delayMs: 0, bytesPerSecond: 20_000_000 / 8 };
const FRAME_BYTES = 16 * 1024;

const ROUNDS = 5;

/** What one run cost, in MiB. */
interface Cost {
  readonly rss: number;
  readonly queued: number;
  /** Absent: the page never had it all. */
  readonly seconds?: number;
  readonly drops: number;
}

export async function measureRelayMemory({ isQuick }: Scale): Promise<Section> {
  const ours: Cost[] = [];
  const bare: Cost[] = [];
  const turns = [
    async () => ours.push(await throughSession()),
    async () => bare.push(await throughRoom()),
  ];
  for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
    for (const turn of turns) await turn();
    turns.reverse();
  }
  return {
    title: `Relay memory: ${PICTURE_BYTES / MIB} MiB to a page behind 20 Mbit/s`,
    figures: [...figuresOf("session and link server", ours), ...figuresOf("bare room", bare)],
    notes: [
      `Session, with drawing and storing: ${fateOf(ours)}`,
      `Bare room: ${fateOf(bare)}`,
      `The link alone needs ${(PICTURE_BYTES / SLOW.bytesPerSecond).toFixed(1)} s.`,
    ],
    unshown: "It does not show many pages at once, or hours.",
  };
}

function figuresOf(name: string, costs: readonly Cost[]): Figure[] {
  return [
    {
      name: `${name}: memory of the process, growth`,
      unit: "MiB",
      values: costs.map(({ rss }) => rss),
    },
    {
      name: `${name}: not yet on the page's wire`,
      unit: "MiB",
      values: costs.map(({ queued }) => queued),
    },
  ];
}

function fateOf(costs: readonly Cost[]): string {
  const times = costs.flatMap(({ seconds }) => seconds ?? []);
  const drops = costs.reduce((sum, cost) => sum + cost.drops, 0);
  return `delivered ${times.length} of ${costs.length} times, in ${rounded(median(times))} s at the median; receiver dropped ${drops} times.`;
}

async function throughSession(): Promise<Cost> {
  let server: Child<LinkServerMetrics> | undefined;
  const startServer: StartServer = async (folder, _port, origin) => {
    const child = await Child.start<LinkServerMetrics>("link-server-process.ts", [folder, origin]);
    server = child;
    return { port: child.port, metrics: () => child.latest.metrics, close: () => child.close() };
  };
  const world = await ChaosWorld.open({ startServer });
  const browser = await launchChromium();
  try {
    const { page } = await openLinkedPage(world, browser, "relayOnly");
    if (server === undefined) throw new Error("the world started no server");
    const warmUp = randomUUID();
    await page.draw(warmUp, "large");
    await page.story(warmUp);
    world.toPage.shape(SLOW);
    const peak = watchPeak(server, ({ relayedBytes }) => relayedBytes - world.toPage.down.total);
    const id = randomUUID();
    await page.draw(id, "large");
    const { elapsedMs, error } = await page.story(id);
    const done = error === null ? { seconds: elapsedMs / 1000 } : {};
    return { ...peak(), ...done, drops: world.toPage.connections - 1 };
  } finally {
    await browser.close();
    await world.close();
  }
}

async function throughRoom(): Promise<Cost> {
  const server = await Child.start<unknown>("raw-room-process.ts", []);
  const proxy = await TcpProxy.open(server.port);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.addScriptTag({
      content: await bundleForPage(new URL("overhead-page.ts", import.meta.url), "bench"),
    });
    const sender = io(server.url, { transports: ["websocket"] });
    await new Promise<void>((resolve) => sender.on("connect", resolve));
    const payload = noise(PICTURE_BYTES, 1);
    let sent = 0;
    const send = async (): Promise<void> => {
      await page.evaluate(([bytes, url]) => bench.expectRawRoom(bytes, url), [
        PICTURE_BYTES,
        proxy.url,
      ] as const);
      for (let at = 0; at < PICTURE_BYTES; at += FRAME_BYTES) {
        sender.emit("data", payload.subarray(at, at + FRAME_BYTES));
      }
      sent += PICTURE_BYTES;
    };
    await send();
    await page.evaluate(() => bench.received());
    const warmUpConnections = proxy.connections;
    proxy.shape(SLOW);
    const peak = watchPeak(server, () => sent - proxy.down.total);
    const startedAtMs = performance.now();
    await send();
    const linkMs = (PICTURE_BYTES / SLOW.bytesPerSecond) * 1000;
    const arrived = await Promise.race([
      page.evaluate(() => bench.received()),
      delay(linkMs * 1.5, undefined),
    ]);
    sender.disconnect();
    const done = arrived === undefined ? {} : { seconds: (performance.now() - startedAtMs) / 1000 };
    return { ...peak(), ...done, drops: proxy.connections - warmUpConnections - 1 };
  } finally {
    await browser.close();
    await proxy.close();
    await server.close();
  }
}

/** The most a server held from now on, above what it holds now. */
function watchPeak<Metrics>(
  server: Child<Metrics>,
  queuedBytes: (metrics: Metrics) => number,
): () => Pick<Cost, "rss" | "queued"> {
  const { rssBytes: before, metrics } = server.latest;
  const queuedBefore = queuedBytes(metrics);
  let rss = 0;
  let queued = 0;
  server.onReport = (report) => {
    rss = Math.max(rss, report.rssBytes - before);
    queued = Math.max(queued, queuedBytes(report.metrics) - queuedBefore);
  };
  return () => ({ rss: rss / MIB, queued: queued / MIB });
}
