/**
 * What the subjects with a real page have in common: a page of Chromium that asks, a home that answers,
 * a server if they meet at one, and signals carried by the bench if they do not.
 */

import type { OpenOptions } from "../ends/asker.ts";
import type { HomeKind } from "../ends/home-end.ts";
import type * as pageEnd from "../ends/page-end.ts";
import type { PageKind } from "../ends/page-end.ts";
import type { BenchBrowser, BenchPage } from "../stage/browser.ts";
import { Program } from "../stage/program.ts";
import type { Stage } from "../stage/stage.ts";
import { type HomeSide, NodeHome, PageHome } from "./home-side.ts";
import { MeetingServer, type ServerKind } from "./meeting-server.ts";
import { type Connection, type Prepared, relayPids, type Subject } from "./subject.ts";

declare const benchEnd: typeof pageEnd;

export interface ChromiumSubject {
  readonly page: PageKind;
  /** `chromium`: PeerJS, whose home is a page too. */
  readonly home: HomeKind | "chromium";
  /** Absent: they need none; the bench carries their signals, which costs them nothing. */
  readonly server?: ServerKind;
}

/** Slower than any attempt of ours to connect directly (12 s), which then says why. */
const OPEN_LIMIT_MS = 25_000;

export function chromiumSubject(
  entry: Omit<Subject, "prepare" | "measuresJoin">,
  parts: ChromiumSubject,
): Subject {
  return {
    ...entry,
    measuresJoin: parts.server !== undefined,
    prepare: (stage, browser) => PreparedChromium.prepare(parts, stage, browser),
  };
}

/** All but those that never leave their server. */
export function mayUseTurn(page: PageKind): boolean {
  if (page.kind === "beeline") return page.policy !== "relayOnly";
  return page.kind !== "first-version";
}

class PreparedChromium implements Prepared {
  readonly processes: Readonly<Record<string, readonly number[]>>;
  readonly #parts: ChromiumSubject;
  readonly #browser: BenchBrowser;
  readonly #home: HomeSide;
  readonly #server: MeetingServer | undefined;
  #options: OpenOptions;
  #openings = 0;

  private constructor(
    parts: ChromiumSubject,
    browser: BenchBrowser,
    home: HomeSide,
    server: MeetingServer | undefined,
    options: OpenOptions,
    stage: Stage,
  ) {
    this.#parts = parts;
    this.#browser = browser;
    this.#home = home;
    this.#server = server;
    this.#options = options;
    this.processes = {
      page: browser.pids,
      extension: home.pids,
      ...relayPids(stage, server?.pid, mayUseTurn(parts.page)),
    };
  }

  static async prepare(
    parts: ChromiumSubject,
    stage: Stage,
    browser: BenchBrowser,
  ): Promise<PreparedChromium> {
    const { iceServers, seats } = stage;
    const server =
      parts.server === undefined ? undefined : await MeetingServer.start(stage, parts.server);
    const home: HomeSide =
      parts.home === "chromium"
        ? await PageHome.open(stage)
        : new NodeHome(new Program(seats.home, "home-end.ts"), parts.home);
    const key = parts.server === "beeline" ? ((await server?.key("new")) ?? "") : "";
    const options = { server: server?.url ?? "", key, iceServers, home: seats.home.address };
    return new PreparedChromium(parts, browser, home, server, options, stage);
  }

  async open(): Promise<Connection> {
    const introduced = this.#introduce();
    introduced.catch(() => {});
    const page: BenchPage = await this.#browser.page((signal) => this.#home.accept(signal));
    try {
      await introduced;
      // The page listens before the home offers.
      const opened = page.page.evaluate(([kind, options]) => benchEnd.open(kind, options), [
        this.#parts.page,
        this.#options,
      ] as const);
      opened.catch(() => {});
      if (this.#server === undefined) {
        await this.#home.open(this.#options, (signal) => page.accept(signal));
      }
      const join = await within(opened, OPEN_LIMIT_MS);
      return new PageConnection(page, join, this.#home, () => this.#home.leave());
    } catch (error) {
      await page.close();
      await this.#home.leave();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#home.end();
    await this.#server?.close();
  }

  /**
   * A home belongs to one connection, or it would go on sending into the next turn what this one has
   * asked for. What is met at a server is there before anybody asks, as an extension is.
   */
  async #introduce(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#openings += 1;
    if (this.#parts.server === "peerjs") {
      // The server may not know yet that the last one of a name is gone.
      this.#options = { ...this.#options, key: `home-${this.#openings}` };
    }
    await this.#home.open(this.#options);
    if (this.#parts.server !== "beeline") return;
    // Short until an extension has used it; the next one comes with the lasting one, as if restarted.
    this.#options = { ...this.#options, key: await server.key("current") };
  }
}

class PageConnection implements Connection {
  readonly join: Readonly<Record<string, number>>;
  readonly #page: BenchPage;
  readonly #home: HomeSide;
  readonly #onClosed: () => Promise<void>;

  constructor(
    page: BenchPage,
    join: Readonly<Record<string, number>>,
    home: HomeSide,
    onClosed: () => Promise<void>,
  ) {
    this.#page = page;
    this.join = join;
    this.#home = home;
    this.#onClosed = onClosed;
  }

  roundTrips(count: number, limitMs: number): Promise<readonly number[]> {
    return this.#page.page.evaluate(
      ([count, limitMs]) => benchEnd.asking.roundTrips(count, limitMs),
      [count, limitMs] as const,
    );
  }

  busyRoundTrips(bytes: number, settleMs: number, limitMs: number): Promise<readonly number[]> {
    return this.#page.page.evaluate(
      ([bytes, settleMs, limitMs]) => benchEnd.asking.busyRoundTrips(bytes, settleMs, limitMs),
      [bytes, settleMs, limitMs] as const,
    );
  }

  transfer: Connection["transfer"] = (bytes, direction, limitMs) =>
    this.#page.page.evaluate(
      ([bytes, direction, limitMs]) =>
        direction === "down"
          ? benchEnd.asking.get(bytes, limitMs)
          : benchEnd.asking.put(bytes, limitMs),
      [bytes, direction, limitMs] as const,
    );

  sent(): ReturnType<HomeSide["sent"]> {
    return this.#home.sent();
  }

  async close(): Promise<void> {
    await this.#page.page.evaluate(() => benchEnd.asking.close()).catch(() => {});
    await this.#page.close();
    await this.#onClosed();
  }
}

async function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("did not connect in time")), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
