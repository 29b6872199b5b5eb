/**
 * A link with nothing left out but the browser: a real server, a real extension with the demo
 * renderer, and the Node client. Everything is closed when the test that opened it ends.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectOptions, connect, type Link, type PathReport } from "@beeline/client";
import {
  DemoBackend,
  type DemoBackendOptions,
  type Extension,
  type LinkEvent,
  openCommandService,
  openExtension,
  seedDemoResources,
} from "@beeline/extension";
import { type CreateRtcPeer, realClock } from "@beeline/paths";
import { type LinkInstance, REST_PATH } from "@beeline/protocol";
import type { LinkServerOptions } from "@beeline/server";
import { onTestFinished } from "vitest";
import { Changes } from "./deadline.ts";
import { ask, startLinkServer, type TestServer } from "./link-server.ts";

/** Joining, pairing, the first presence, a path that opens; on two busy cores, perhaps at the second attempt. */
export const LINK_MS = 20_000;

export interface SceneOptions {
  /** Absent: the extension never connects directly. */
  readonly createOfferer?: CreateRtcPeer;
  readonly demo?: DemoBackendOptions;
  readonly turn?: LinkServerOptions["turn"];
}

export interface TestExtension {
  readonly extension: Extension;
  /** What `onLink` told, oldest first. */
  readonly events: readonly LinkEvent[];
  heard(status: LinkEvent["status"]): Promise<LinkEvent>;
}

export class LinkScene {
  readonly server: TestServer;
  readonly dir: string;
  readonly #options: SceneOptions;
  #key: string | undefined;

  private constructor(server: TestServer, dir: string, options: SceneOptions) {
    this.server = server;
    this.dir = dir;
    this.#options = options;
  }

  /** A server, and an extension that serves the one link there. */
  static async open(options: SceneOptions = {}): Promise<LinkScene & { first: TestExtension }> {
    const scene = await LinkScene.openEmpty(options);
    const { key, cookie } = await scene.server.createInstance();
    const first = await scene.openExtension();
    first.extension.pair(scene.server.url, key);
    await first.heard("active");
    const answer = await ask(scene.server.url, "GET", REST_PATH, { headers: { cookie } });
    const [instance] = answer.body as LinkInstance[];
    scene.#key = instance?.key;
    return Object.assign(scene, { first });
  }

  /** A server, and nobody there. */
  static async openEmpty(options: SceneOptions = {}): Promise<LinkScene> {
    const server = await startLinkServer({ turn: options.turn });
    const dir = await mkdtemp(join(tmpdir(), "beeline-link-"));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    return new LinkScene(server, dir, options);
  }

  /** The lasting key. */
  get key(): string {
    if (this.#key === undefined) throw new Error("no extension was paired");
    return this.#key;
  }

  /** @param name extensions of one name share their folders, as one installation that restarts. */
  async openExtension(name = "first"): Promise<TestExtension> {
    const home = join(this.dir, name);
    await seedDemoResources(join(home, "models"));
    const backend = new DemoBackend({ stepMs: 0, previewMs: 0, ...this.#options.demo });
    const service = await openCommandService({
      dataDir: join(home, "data"),
      modelsDir: join(home, "models"),
      backend,
      name,
      version: "0.0.0",
    });
    const changes = new Changes();
    const events: LinkEvent[] = [];
    const extension = await openExtension({
      service,
      configDir: join(home, "config"),
      name,
      createPeer: this.#options.createOfferer,
      onLink: (event) => {
        events.push(event);
        changes.notify();
      },
    });
    onTestFinished(async () => {
      await extension.close();
      await backend.close();
    });
    const heard = (status: LinkEvent["status"]): Promise<LinkEvent> =>
      changes.until(LINK_MS, `the extension ${name} is ${status}`, () =>
        events.find((event) => event.status === status),
      );
    return { extension, events, heard };
  }

  /** @param createPeer absent: a client without WebRTC. */
  async connect(createPeer?: CreateRtcPeer, options: Partial<ConnectOptions> = {}): Promise<Link> {
    const link = await connect(
      {
        server: this.server.url,
        key: options.key ?? this.key,
        clientId: randomBytes(16).toString("hex"),
        ...options,
      },
      { clock: realClock, createPeer },
    );
    onTestFinished(() => link.close(0).catch(() => {}));
    return link;
  }
}

/** Waits until the link's path is what the test wants. */
export async function pathOf(
  link: Link,
  wanted: Partial<PathReport>,
  ms = LINK_MS,
): Promise<PathReport> {
  const changes = new Changes();
  const stop = link.on("path", () => changes.notify());
  try {
    return await changes.until(ms, `the path ${JSON.stringify(wanted)}`, () => {
      const { path } = link;
      const isWanted =
        (wanted.kind ?? path.kind) === path.kind && (wanted.reason ?? path.reason) === path.reason;
      return isWanted ? path : undefined;
    });
  } finally {
    stop();
  }
}

/** Holds an engine's signals back until the test lets them go. */
export function gateSignals(create: CreateRtcPeer): { create: CreateRtcPeer; open: () => void } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    create: (options, handlers) =>
      create(options, {
        ...handlers,
        onSignal: (signal) => void opened.then(() => handlers.onSignal(signal)),
      }),
    open: () => open(),
  };
}
