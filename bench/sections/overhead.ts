/**
 * What the session costs: bytes per second of one large transfer from Node to Chromium through our
 * session and without it, over the same engines and over a relay on the same machine.
 *
 * The bare channel and the bare room are filled by the same rule as ours (32 KiB in the channel, four
 * frames in the socket), because unbounded ones are faster until they break.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CHANNEL_BUFFER_BYTES,
  DirectPath,
  Exchange,
  RelayPath,
  RoomConnection,
  type RtcPeer,
  type RtcSignal,
  realClock,
  SessionDriver,
} from "@beeline/paths";
import { createWeriftPeer } from "@beeline/paths/werift";
import { decodeRecord, MAX_RECORD_BYTES, PRIORITY, parseHello, Session } from "@beeline/protocol";
import type { Browser, Page } from "playwright-core";
import { io, type Socket } from "socket.io-client";
import { launchChromium } from "../../test/support/chromium.ts";
import { ClientPageServer } from "../../test/support/client-page.ts";
import { createInstance } from "../../test/support/instance.ts";
import { noise } from "../../test/support/noise-png.ts";
import { bundleForPage } from "../../test/support/page-bundle.ts";
import { quantile } from "../report/statistics.ts";
import { Child } from "./child-process.ts";
import { cpuTime } from "./cpu-time.ts";
import type * as benchPage from "./overhead-page.ts";
import { type Figure, type Scale, type Section, type Subject, takeTurns } from "./section.ts";

declare const bench: typeof benchPage;

const MIB = 1024 * 1024;
/** As RoomConnection: what may wait in the socket below us. */
const MAX_WAITING_FRAMES = 4;

export async function measureOverhead({ isQuick }: Scale): Promise<Section> {
  const size = (isQuick ? 16 : 64) * MIB;
  const folder = await mkdtemp(join(tmpdir(), "beeline-bench-"));
  const browser = await launchChromium();
  const pages = await ClientPageServer.open();
  const link = await Child.start("link-server-process.ts", [folder, pages.origin]);
  const room = await Child.start("raw-room-process.ts", []);
  const stage = await Stage.open(browser, pages.origin, noise(size, 1));
  const costs: Figure[] = [];
  const subject = (name: string, send: () => Promise<benchPage.Received>): Subject => {
    const node: number[] = [];
    const others: number[] = [];
    costs.push({ name: `${name}: Node`, unit: "CPU ms/MiB", values: node });
    costs.push({ name: `${name}: Chromium and server`, unit: "CPU ms/MiB", values: others });
    const run = async (): Promise<number> => {
      const before = cpuTime();
      const { bytes, ms } = await send();
      const after = cpuTime();
      if (before !== undefined && after !== undefined) {
        node.push(((after.own - before.own) * 1000) / (bytes / MIB));
        others.push(((after.children - before.children) * 1000) / (bytes / MIB));
      }
      return bytes / MIB / (ms / 1000);
    };
    return { name, run };
  };
  try {
    const figures = await takeTurns(isQuick ? 2 : 7, "MiB/s", [
      subject("bare data channel", () => stage.rawDirect()),
      subject("session, direct", () => stage.sessionDirect()),
      subject("bare socket.io room", () => stage.rawRoom(room.url)),
      subject("session, relay", () => stage.sessionRelay(link.url)),
    ]);
    const [rawDirect, direct, rawRoom, relay] = figures;
    return {
      title: `Overhead: ${size / MIB} MiB, Node to Chromium, loopback`,
      figures: [...figures, ...costs],
      notes: [
        `Session over the bare data channel: ${slowdown(direct, rawDirect)}.`,
        `Session over the bare room: ${slowdown(relay, rawRoom)}.`,
      ],
      unshown:
        "It does not show a network: on loopback the processor is the limit, so it counts instructions.",
    };
  } finally {
    await browser.close();
    await Promise.all([link.close(), room.close(), pages.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Round by round, because the machine's other work changes more from round to round than anything. */
function slowdown(ours: Figure | undefined, bare: Figure | undefined): string {
  const ratios = (ours?.values ?? []).map((value, round) => value / (bare?.values[round] ?? 1));
  return `${((1 - quantile(ratios, 0.5)) * 100).toFixed(1)} % slower (median of the rounds' ratios)`;
}

/** The sending end in this process and the receiving one in a page. */
class Stage {
  readonly #page: Page;
  readonly #payload: Buffer;
  #onSignal: (signal: RtcSignal) => void = () => {};

  private constructor(page: Page, payload: Buffer) {
    this.#page = page;
    this.#payload = payload;
  }

  static async open(browser: Browser, origin: string, payload: Buffer): Promise<Stage> {
    const page = await browser.newPage();
    await page.goto(origin);
    const stage = new Stage(page, payload);
    await page.exposeFunction("sendSignal", (signal: RtcSignal) => stage.#onSignal(signal));
    await page.addScriptTag({
      content: await bundleForPage(new URL("overhead-page.ts", import.meta.url), "bench"),
    });
    return stage;
  }

  async rawDirect(): Promise<benchPage.Received> {
    await this.#page.evaluate((bytes) => bench.expectRawDirect(bytes), this.#payload.byteLength);
    let wake = (): void => {};
    const peer = await this.#dial({ onWritable: () => wake() });
    const done = this.#received();
    for (const message of records(this.#payload)) {
      while (peer.bufferedBytes >= CHANNEL_BUFFER_BYTES) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      peer.send(message);
    }
    return await this.#end(done, () => peer.close());
  }

  async sessionDirect(): Promise<benchPage.Received> {
    const sessionId = randomBytes(16).toString("hex");
    await this.#page.evaluate(([bytes, id]) => bench.expectSessionDirect(bytes, id), [
      this.#payload.byteLength,
      sessionId,
    ] as const);
    const { driver, send } = extensionSession(sessionId, this.#payload);
    const peer = await this.#dial({
      onMessage: (message) => driver.receive(message),
      onWritable: () => driver.run(),
    });
    driver.attach(new DirectPath(peer, 1));
    const done = this.#received();
    await send();
    return await this.#end(done, () => driver.stop());
  }

  async rawRoom(url: string): Promise<benchPage.Received> {
    await this.#page.evaluate(([bytes, url]) => bench.expectRawRoom(bytes, url), [
      this.#payload.byteLength,
      url,
    ] as const);
    const socket: Socket = io(url, { transports: ["websocket"], forceNew: true });
    await new Promise<void>((resolve) => socket.on("connect", resolve));
    const { engine } = socket.io;
    const done = this.#received();
    for (const message of records(this.#payload)) {
      while (engine.writeBuffer.length >= MAX_WAITING_FRAMES) {
        await new Promise<void>((resolve) => engine.once("drain", resolve));
      }
      socket.emit("data", message);
    }
    return await this.#end(done, () => socket.disconnect());
  }

  async sessionRelay(server: string): Promise<benchPage.Received> {
    const { key } = await createInstance(server);
    const sessionId = randomBytes(16).toString("hex");
    const { driver, session, send } = extensionSession(sessionId, this.#payload);
    let onLinked = (): void => {};
    const linked = new Promise<void>((resolve) => {
      onLinked = resolve;
    });
    let onRekey: (key: string) => void = () => {};
    const lasting = new Promise<string>((resolve) => {
      onRekey = resolve;
    });
    const room: RoomConnection = new RoomConnection(
      { server, key, role: "extension", name: "bench", capabilities: ["session/1"] },
      realClock,
      {
        onJoined: () => {},
        onDown: () => {},
        onPresence: () => {},
        onRekey: (key) => onRekey(key),
        onSignal: () => {},
        onRelay: (from, bytes) => {
          const record = decodeRecord(bytes);
          if (record.type !== "hello") return driver.receive(bytes);
          parseHello(record.body);
          driver.attach(new RelayPath(room, from, record.generation));
          session.handshake.welcome(false);
          driver.run();
          onLinked();
        },
        onDrain: () => driver.run(),
        onDialect: () => {},
        onEnd: () => {},
      },
    );
    await this.#page.evaluate(
      ([bytes, id, url, key]) => bench.expectSessionRelay(bytes, id, url, key),
      [this.#payload.byteLength, sessionId, server, await lasting] as const,
    );
    await linked;
    const done = this.#received();
    await send();
    return await this.#end(done, () => {
      driver.stop();
      room.close();
    });
  }

  #received(): Promise<benchPage.Received> {
    return this.#page.evaluate(() => bench.received());
  }

  async #end(done: Promise<benchPage.Received>, close: () => void): Promise<benchPage.Received> {
    const received = await done;
    close();
    await this.#page.evaluate(() => bench.hangUp());
    return received;
  }

  async #dial(handlers: {
    onMessage?(message: Uint8Array): void;
    onWritable(): void;
  }): Promise<RtcPeer> {
    return await new Promise((resolve, reject) => {
      const peer = createWeriftPeer(
        { iceServers: [] },
        {
          onSignal: (signal) =>
            void this.#page.evaluate((signal) => bench.accept(signal), signal).catch(reject),
          onPhase: () => {},
          onOpen: () => resolve(peer),
          onMessage: (message) => handlers.onMessage?.(message),
          onWritable: () => handlers.onWritable(),
          onClose: (reason) => reject(new Error(`the channel closed: ${reason}`)),
        },
      );
      this.#onSignal = (signal) => peer.accept(signal);
    });
  }
}

function* records(payload: Buffer): Generator<Buffer> {
  for (let at = 0; at < payload.byteLength; at += MAX_RECORD_BYTES) {
    yield payload.subarray(at, at + MAX_RECORD_BYTES);
  }
}

function extensionSession(
  sessionId: string,
  payload: Buffer,
): { driver: SessionDriver; session: Session; send: () => Promise<void> } {
  const session = new Session({ role: "extension", sessionId });
  const driver = new SessionDriver(session, realClock, (event) => exchange.handle(event));
  const exchange: Exchange = new Exchange(driver, () => undefined);
  const send = async (): Promise<void> => {
    const size = payload.byteLength;
    const blob = exchange.sendBlob(
      {
        kind: "image",
        id: "00000000-0000-4000-8000-000000000000",
        offset: 0,
        info: {
          index: 0,
          seed: 0,
          mime: "image/png",
          size,
          sha256: "0".repeat(64),
          width: 1,
          height: 1,
        },
      },
      PRIORITY.bulk,
      { size, read: async (offset, length) => payload.subarray(offset, offset + length) },
    );
    await blob.delivered;
  };
  return { driver, session, send };
}
