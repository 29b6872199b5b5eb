/** The side that is asked: a program in Node, or (PeerJS) a page in a browser of its own. */

import type { RtcSignal } from "@beeline/paths";
import type { OpenOptions } from "../ends/asker.ts";
import type { FromHome, HomeKind, ToHome } from "../ends/home-end.ts";
import type * as pageEnd from "../ends/page-end.ts";
import type { SentCounters } from "../ends/resent-bytes.ts";
import { BenchBrowser, type BenchPage } from "../stage/browser.ts";
import type { Program } from "../stage/program.ts";
import type { Stage } from "../stage/stage.ts";

declare const benchEnd: typeof pageEnd;

export interface HomeSide {
  readonly pids: readonly number[];
  open(options: OpenOptions, onSignal?: (signal: RtcSignal) => void): Promise<void>;
  accept(signal: RtcSignal): void;
  /** What it has sent since it was opened; undefined of those that do not count. */
  sent(): Promise<SentCounters | undefined>;
  leave(): Promise<void>;
  end(): Promise<void>;
}

export class NodeHome implements HomeSide {
  readonly #program: Program<ToHome, FromHome>;
  readonly #kind: HomeKind;
  #stopSignals: () => void = () => {};

  constructor(program: Program<ToHome, FromHome>, kind: HomeKind) {
    this.#program = program;
    this.#kind = kind;
  }

  get pids(): readonly number[] {
    return [this.#program.pid];
  }

  async open(options: OpenOptions, onSignal?: (signal: RtcSignal) => void): Promise<void> {
    this.#stopSignals();
    this.#stopSignals = this.#program.listen((message) => {
      if (message.type === "signal") onSignal?.(message.signal);
    });
    const ready = this.#program.hear((message) => {
      if (message.type === "failed") throw new Error(`the home: ${message.why}`);
      return message.type === "ready" ? true : undefined;
    });
    this.#program.tell({ type: "open", kind: this.#kind, options });
    await ready;
  }

  accept(signal: RtcSignal): void {
    this.#program.tell({ type: "signal", signal });
  }

  async sent(): Promise<SentCounters | undefined> {
    const told = this.#program.hear((message) => (message.type === "sent" ? message : undefined));
    this.#program.tell({ type: "sent" });
    return (await told).counters;
  }

  async leave(): Promise<void> {
    const closed = this.#program.hear((message) => message.type === "closed" || undefined);
    this.#program.tell({ type: "close" });
    await closed.catch(() => {});
  }

  async end(): Promise<void> {
    this.#stopSignals();
    await this.#program.close();
  }
}

export class PageHome implements HomeSide {
  readonly #browser: BenchBrowser;
  readonly #page: BenchPage;

  private constructor(browser: BenchBrowser, page: BenchPage) {
    this.#browser = browser;
    this.#page = page;
  }

  static async open(stage: Stage): Promise<PageHome> {
    const browser = await BenchBrowser.open(stage.seats.home);
    return new PageHome(browser, await browser.page(() => {}));
  }

  get pids(): readonly number[] {
    return this.#browser.pids;
  }

  async open(options: OpenOptions): Promise<void> {
    await this.#page.page.evaluate((options) => benchEnd.serve(options), options);
  }

  accept(): void {}

  async sent(): Promise<undefined> {}

  async leave(): Promise<void> {
    await this.#page.page.evaluate(() => benchEnd.stop());
  }

  async end(): Promise<void> {
    await this.#browser.close();
  }
}
