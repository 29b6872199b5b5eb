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
import { Child } from "./child-process.ts";
import { openLinkedPage } from "./linked-page.ts";
import type * as benchPage from "./overhead-page.ts";
import type { Figure, Scale, Section } from "./section.ts";

declare const bench: typeof benchPage;

const MIB = 1024 * 1024;
const PICTURE_BYTES = 32 * MIB;
const SLOW = { delayMs: 0, bytesPerSecond: 20_000_000 / 8 };
const FRAME_BYTES = 16 * 1024;

interface Cost {
  readonly rss: Figure;
  readonly queued: Figure;
  readonly note: string;
}

export async function measureRelayMemory({ isQuick }: Scale): Promise<Section> {
  const pictures = isQuick ? 1 : 3;
  const ours = await throughSession(pictures);
  const bare = await throughRoom(pictures * PICTURE_BYTES);
  return {
    title: `Relay memory: ${pictures * 32} MiB to a page behind 20 Mbit/s`,
    figures: [ours.rss, ours.queued, bare.rss, bare.queued],
    notes: [ours.note, bare.note],
    unshown: "It does not show many pages at once, or hours.",
  };
}

async function throughSession(pictures: number): Promise<Cost> {
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
    await page.draw(id, "large", pictures);
    const { elapsedMs, error } = await page.story(id);
    const seconds = (elapsedMs / 1000).toFixed(1);
    const linkSeconds = ((pictures * PICTURE_BYTES) / SLOW.bytesPerSecond).toFixed(1);
    const drops = world.toPage.connections - 1;
    return {
      ...peak.figures("session and link server"),
      note:
        `Session: ${error ?? "delivered"} in ${seconds} s with drawing and storing (the link alone ` +
        `needs ${linkSeconds} s), receiver dropped ${drops} times.`,
    };
  } finally {
    await browser.close();
    await world.close();
  }
}

async function throughRoom(bytes: number): Promise<Cost> {
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
    let sent = 0;
    const send = async (bytes: number): Promise<void> => {
      await page.evaluate(([bytes, url]) => bench.expectRawRoom(bytes, url), [
        bytes,
        proxy.url,
      ] as const);
      const payload = noise(bytes, 1);
      for (let at = 0; at < bytes; at += FRAME_BYTES) {
        sender.emit("data", payload.subarray(at, at + FRAME_BYTES));
      }
      sent += bytes;
    };
    await send(PICTURE_BYTES);
    await page.evaluate(() => bench.received());
    const warmUpConnections = proxy.connections;
    proxy.shape(SLOW);
    const peak = watchPeak(server, () => sent - proxy.down.total);
    await send(bytes);
    const linkMs = (bytes / SLOW.bytesPerSecond) * 1000;
    const arrived = await Promise.race([
      page.evaluate(() => bench.received()),
      delay(linkMs * 1.5, undefined),
    ]);
    sender.disconnect();
    const outcome = arrived === undefined ? "never whole" : "delivered";
    return {
      ...peak.figures("bare room"),
      note: `Bare room: ${outcome}, receiver dropped ${proxy.connections - warmUpConnections - 1} times.`,
    };
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
): { figures(name: string): Pick<Cost, "rss" | "queued"> } {
  const { rssBytes: before, metrics } = server.latest;
  const queuedBefore = queuedBytes(metrics);
  let rss = 0;
  let queued = 0;
  server.onReport = (report) => {
    rss = Math.max(rss, report.rssBytes - before);
    queued = Math.max(queued, queuedBytes(report.metrics) - queuedBefore);
  };
  return {
    figures: (name) => ({
      rss: { name: `${name}: memory of the process, growth`, unit: "MiB", values: [rss / MIB] },
      queued: { name: `${name}: not yet on the page's wire`, unit: "MiB", values: [queued / MIB] },
    }),
  };
}
