/**
 * A tab that is really in the background, which Playwright cannot give: it tells every page that it is
 * visible and focused (Emulation.setFocusEmulationEnabled) and starts Chromium with throttling off.
 *
 * So this starts a Chromium of its own and speaks the DevTools protocol over its pipe: two tabs in one
 * window, the second brought to the front.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { findChromium, installChromium } from "../../scripts/chromium.mjs";
import type { PageDriver } from "./client-page.ts";

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Chromium's end of `--remote-debugging-pipe`: JSON messages that end in a zero byte. */
class DevTools {
  readonly #in: Writable;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  #unread = "";

  constructor(chromium: ChildProcess) {
    this.#in = chromium.stdio[3] as Writable;
    const out = chromium.stdio[4] as Readable;
    out.setEncoding("utf8");
    out.on("data", (text: string) => this.#read(text));
  }

  async send(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const { result, error } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#in.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split("\0");
    this.#unread = messages.pop() ?? "";
    for (const message of messages) {
      const answer = JSON.parse(message) as Answer;
      if (answer.id === undefined) continue;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    }
  }
}

interface Tab extends PageDriver {
  readonly targetId: string;
}

export class TwoTabs {
  readonly first: Tab;
  readonly #second: Tab;
  readonly #tools: DevTools;
  readonly #chromium: ChildProcess;
  readonly #profile: string;

  private constructor(
    chromium: ChildProcess,
    profile: string,
    tools: DevTools,
    [first, second]: [Tab, Tab],
  ) {
    this.#chromium = chromium;
    this.#profile = profile;
    this.#tools = tools;
    this.first = first;
    this.#second = second;
  }

  /** The first tab shows `url` and is in front. */
  static async open(url: string): Promise<TwoTabs> {
    const { executablePath, env } = findChromium() ?? installChromium(console.log);
    const profile = await mkdtemp(join(tmpdir(), "beeline-tabs-"));
    const chromium = spawn(
      executablePath,
      [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-sync",
        "--no-first-run",
        "--remote-debugging-pipe",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    const tools = new DevTools(chromium);
    const first = await openTab(tools, url);
    const second = await openTab(tools, "about:blank");
    const tabs = new TwoTabs(chromium, profile, tools, [first, second]);
    await tabs.show();
    return tabs;
  }

  /** Brings the second tab to the front, so that nobody sees the first. */
  async hide(): Promise<void> {
    await this.#tools.send("Target.activateTarget", { targetId: this.#second.targetId });
    await this.#seen("hidden");
  }

  async show(): Promise<void> {
    await this.#tools.send("Target.activateTarget", { targetId: this.first.targetId });
    await this.#seen("visible");
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#chromium.once("exit", resolve));
    await this.#tools.send("Browser.close");
    await exited;
    await rm(this.#profile, { recursive: true, force: true });
  }

  /** Chromium tells a page of its tab's change in a moment of its own choosing. */
  async #seen(state: DocumentVisibilityState): Promise<void> {
    await this.first.evaluate(async (state) => {
      while (document.visibilityState !== state) {
        await new Promise((resolve) =>
          document.addEventListener("visibilitychange", resolve, { once: true }),
        );
      }
    }, state);
  }
}

async function openTab(tools: DevTools, url: string): Promise<Tab> {
  const { targetId } = await tools.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await tools.send("Target.attachToTarget", { targetId, flatten: true });
  const tab: Tab = {
    targetId: targetId as string,
    evaluate: async <A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R> => {
      const { result, exceptionDetails } = (await tools.send(
        "Runtime.evaluate",
        {
          expression: `(${run.toString()})(${JSON.stringify(argument) ?? "undefined"})`,
          awaitPromise: true,
          returnByValue: true,
        },
        sessionId as string,
      )) as { result: { value: R }; exceptionDetails?: { exception?: { description?: string } } };
      if (exceptionDetails === undefined) return result.value;
      throw new Error(exceptionDetails.exception?.description ?? "the page threw");
    },
  };
  await tools.send("Page.navigate", { url }, sessionId as string);
  await tab.evaluate(async () => {
    if (document.readyState === "complete") return;
    await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  }, undefined);
  return tab;
}
