/** A shipped extension or site played by python-socketio: what it hears, and what it is told to do. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { Changes } from "./deadline.ts";
import type { TestServer } from "./link-server.ts";
import { programOf } from "./services.ts";

const SCRIPT = fileURLToPath(new URL("./shipped-peer.py", import.meta.url));
/** Python starts, connects by polling and upgrades; on two busy cores. */
const PATIENCE_MS = 45_000;

export type Data = Record<string, unknown> | null;

export class PythonPeer {
  readonly #child: ChildProcess;
  readonly #changes = new Changes();
  readonly heard: { event: string; data: Data }[] = [];
  #taken = 0;
  #text = "";
  #errors = "";

  constructor({ url }: Pick<TestServer, "url">, kind: "sd" | "client", key: string) {
    this.#child = spawn(programOf("python3-socketio"), [SCRIPT, url, kind, key]);
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#child.stderr?.on("data", (text) => {
      this.#errors += text;
    });
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  /** The next event of this name, passing over those before it. */
  async next(event: string, matches: (data: Data) => boolean = () => true): Promise<Data> {
    const what = () => `${event} after ${this.story.join(", ")}\n${this.#errors}`;
    const found = await this.#changes
      .until(PATIENCE_MS, event, () => {
        const at = this.heard.findIndex(
          (heard, index) => index >= this.#taken && heard.event === event && matches(heard.data),
        );
        return at < 0 ? undefined : at;
      })
      .catch(() => Promise.reject(new Error(`never heard: ${what()}`)));
    this.#taken = found + 1;
    return this.heard[found]?.data ?? null;
  }

  get story(): string[] {
    return this.heard.map(({ event }) => event);
  }

  command(id: string, type: string, more: object = {}): void {
    this.tell({ emit: "command", data: { id, type, createdAt: "2026-01-01", ...more } });
  }

  tell(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  #read(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop() ?? "";
    this.heard.push(...lines.map((line) => JSON.parse(line) as { event: string; data: Data }));
    this.#changes.notify();
  }
}
