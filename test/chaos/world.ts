/**
 * Everything that is really there: link server, extension, Chromium with the shipped client, and a
 * network between them that a test can break. One world per test; closing it closes all of it.
 *
 *     Chromium ══ UdpHop ══ extension          direct
 *        └── TcpProxy ── server ── TcpProxy ──┘ relay
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Extension, openExtension } from "@beeline/extension";
import { createWeriftPeer } from "@beeline/paths/werift";
import { createLinkServer, type LinkServerMetrics } from "@beeline/server";
import pino from "pino";
import { ClientPageServer } from "../support/client-page.ts";
import { createInstance, currentKey, type Instance } from "../support/instance.ts";
import { drawnJobs } from "../support/stock-backend.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { UdpHop } from "../support/udp-hop.ts";
import { drawnFileOf, openStockService } from "./stock-service.ts";

export interface WorldOptions {
  /** The test runs the extension itself. */
  readonly withoutExtension?: boolean;
  /** Absent: a server in this process. */
  readonly startServer?: StartServer;
}

/** @param port 0: a free one. */
export type StartServer = (
  folder: string,
  port: number,
  pageOrigin: string,
) => Promise<RunningServer>;

export interface RunningServer {
  readonly port: number;
  metrics(): LinkServerMetrics;
  close(): Promise<void>;
}

export class ChaosWorld {
  readonly folder: string;
  readonly pages: ClientPageServer;
  /** The direct path's network. */
  readonly direct = new UdpHop();
  /** The relay's two halves. */
  readonly toPage: TcpProxy;
  readonly toExtension: TcpProxy;
  readonly #startServer: StartServer;
  readonly #instance: Instance;
  #server: RunningServer;
  #extension: Extension | undefined;

  private constructor(parts: {
    folder: string;
    pages: ClientPageServer;
    startServer: StartServer;
    server: RunningServer;
    instance: Instance;
    toPage: TcpProxy;
    toExtension: TcpProxy;
  }) {
    this.folder = parts.folder;
    this.pages = parts.pages;
    this.toPage = parts.toPage;
    this.toExtension = parts.toExtension;
    this.#startServer = parts.startServer;
    this.#server = parts.server;
    this.#instance = parts.instance;
  }

  static async open(options: WorldOptions = {}): Promise<ChaosWorld> {
    const folder = await mkdtemp(join(tmpdir(), "beeline-chaos-"));
    const pages = await ClientPageServer.open();
    const startServer = options.startServer ?? startServerHere;
    const server = await startServer(folder, 0, pages.origin);
    const { port } = server;
    const instance = await createInstance(urlOf(port));
    const [toPage, toExtension] = await Promise.all([TcpProxy.open(port), TcpProxy.open(port)]);
    const network = { toPage, toExtension };
    const world = new ChaosWorld({ folder, pages, startServer, server, instance, ...network });
    if (options.withoutExtension !== true) await world.#openExtension();
    return world;
  }

  /** How often each job was begun. */
  get drawn(): readonly string[] {
    return drawnJobs(drawnFileOf(this.folder));
  }

  /** For the extension's first connection. */
  get shortKey(): string {
    return this.#instance.key;
  }

  get metrics(): LinkServerMetrics {
    return this.#server.metrics();
  }

  /** The lasting key, once the extension has served the room. */
  key(): Promise<string> {
    return currentKey(urlOf(this.#server.port), this.#instance);
  }

  /** Kills the server and starts another on the same port and folder. */
  async restartServer(): Promise<void> {
    const { port } = this.#server;
    await this.#server.close();
    this.#server = await this.#startServer(this.folder, port, this.pages.origin);
  }

  async close(): Promise<void> {
    await this.#extension?.close();
    this.direct.close();
    await Promise.all([this.toPage.close(), this.toExtension.close(), this.pages.close()]);
    await this.#server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #openExtension(): Promise<void> {
    let onActive = (): void => {};
    const active = new Promise<void>((resolve) => {
      onActive = resolve;
    });
    this.#extension = await openExtension({
      service: await openStockService(this.folder),
      configDir: join(this.folder, "config"),
      name: "chaos",
      createPeer: this.direct.wrap(createWeriftPeer),
      onLink: ({ status }) => {
        if (status === "active") onActive();
      },
    });
    this.#extension.pair(this.toExtension.url, this.shortKey);
    await active;
  }
}

const startServerHere: StartServer = async (folder, port, pageOrigin) => {
  const server = createLinkServer({
    dataDir: join(folder, "server"),
    port,
    stunPort: false,
    allowedOrigins: [pageOrigin],
    logger: pino({ level: "silent" }),
  });
  const address = await server.listen();
  return { port: address.port, metrics: server.metrics, close: server.close };
};

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
