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
import { type CreatedInstance, REST_PATH } from "@beeline/protocol";
import { createLinkServer, type LinkServer } from "@beeline/server";
import pino from "pino";
import { ClientPageServer } from "../support/client-page.ts";
import { drawnJobs } from "../support/stock-backend.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { UdpHop } from "../support/udp-hop.ts";
import { drawnFileOf, openStockService } from "./stock-service.ts";

export interface WorldOptions {
  /** The test runs the extension itself. */
  readonly withoutExtension?: boolean;
}

export class ChaosWorld {
  readonly folder: string;
  /** For the extension's first connection. */
  readonly shortKey: string;
  readonly pages: ClientPageServer;
  /** The direct path's network. */
  readonly direct = new UdpHop();
  /** The relay's two halves. */
  readonly toPage: TcpProxy;
  readonly toExtension: TcpProxy;
  #server: LinkServer;
  #extension: Extension | undefined;
  readonly #port: number;
  readonly #cookie: string;

  private constructor(parts: {
    folder: string;
    shortKey: string;
    cookie: string;
    pages: ClientPageServer;
    server: LinkServer;
    port: number;
    toPage: TcpProxy;
    toExtension: TcpProxy;
  }) {
    this.folder = parts.folder;
    this.shortKey = parts.shortKey;
    this.#cookie = parts.cookie;
    this.pages = parts.pages;
    this.toPage = parts.toPage;
    this.toExtension = parts.toExtension;
    this.#server = parts.server;
    this.#port = parts.port;
  }

  static async open(options: WorldOptions = {}): Promise<ChaosWorld> {
    const folder = await mkdtemp(join(tmpdir(), "beeline-chaos-"));
    const pages = await ClientPageServer.open();
    const server = makeServer(folder, 0, pages.origin);
    const { port, url } = await server.listen();
    const instance = await createInstance(url);
    const [toPage, toExtension] = await Promise.all([TcpProxy.open(port), TcpProxy.open(port)]);
    const world = new ChaosWorld({
      ...instance,
      folder,
      pages,
      server,
      port,
      toPage,
      toExtension,
    });
    if (options.withoutExtension !== true) await world.#openExtension();
    return world;
  }

  /** How often each job was begun. */
  get drawn(): readonly string[] {
    return drawnJobs(drawnFileOf(this.folder));
  }

  get metrics(): ReturnType<LinkServer["metrics"]> {
    return this.#server.metrics();
  }

  /** The lasting key, once the extension has served the room. */
  async key(): Promise<string> {
    const address = new URL(REST_PATH, `http://127.0.0.1:${this.#port}`);
    const answer = await fetch(address, { headers: { cookie: this.#cookie } });
    const [instance] = (await answer.json()) as { key: string }[];
    if (instance === undefined) throw new Error("the server has forgotten the instance");
    return instance.key;
  }

  /** Kills the server and starts another on the same port and folder. */
  async restartServer(): Promise<void> {
    await this.#server.close();
    this.#server = makeServer(this.folder, this.#port, this.pages.origin);
    await this.#server.listen();
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

function makeServer(folder: string, port: number, pageOrigin: string): LinkServer {
  return createLinkServer({
    dataDir: join(folder, "server"),
    port,
    stunPort: false,
    allowedOrigins: [pageOrigin],
    logger: pino({ level: "silent" }),
  });
}

async function createInstance(url: string): Promise<{ shortKey: string; cookie: string }> {
  const answer = await fetch(new URL(REST_PATH, url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { key } = (await answer.json()) as CreatedInstance;
  return { shortKey: key, cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" };
}
