/** sd_civitai_extension in a checkout, run in a stand-in of AUTOMATIC1111's web UI (a1111-host.py). */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Changes } from "../../support/deadline.ts";
import { programOf } from "../../support/services.ts";
import type { Model } from "./model-site.ts";
import { say } from "./report.ts";
import type { ExtensionUnderTrial, RunningExtension } from "./trial.ts";

const HOST = fileURLToPath(new URL("./a1111-host.py", import.meta.url));
/** Python starts in a second, on two busy cores in ten. */
const PATIENCE_MS = 30_000;

export function a1111Extension(checkout: string, home: string): ExtensionUnderTrial {
  const loras = join(home, "models", "Lora");
  return {
    name: "sd_civitai_extension",
    folder: loras,
    async seed({ name, bytes }: Model) {
      await mkdir(loras, { recursive: true });
      await writeFile(join(loras, name), bytes);
    },
    start: (server) => A1111.start(checkout, server, home),
  };
}

class A1111 implements RunningExtension {
  readonly #child: ChildProcess;
  readonly #changes = new Changes();
  readonly #told: Record<string, unknown>[] = [];
  #text = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.trim().split("\n")) say(`      stderr: ${line}`);
    });
  }

  static async start(checkout: string, server: string, home: string): Promise<A1111> {
    const python = programOf("python3-socketio");
    // Nothing of the trial is left in the checkout.
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
    const host = new A1111(spawn(python, [HOST, checkout, server, home], { env }));
    await host.#next("started");
    return host;
  }

  pair(key: string): void {
    this.#tell({ set: ["civitai_link_key", key] });
  }

  async key(): Promise<unknown> {
    this.#told.length = 0;
    this.#tell({ tell: "civitai_link_key" });
    return (await this.#next("told")).told;
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await exited;
  }

  #tell(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  #next(name: string): Promise<Record<string, unknown>> {
    return this.#changes.until(PATIENCE_MS, `the extension's host says "${name}"`, () =>
      this.#told.find((line) => name in line),
    );
  }

  #read(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("@@")) this.#told.push(JSON.parse(line.slice(2)));
      else if (line.trim() !== "")
        say(`      | ${line.replace(/[0-9a-f]{128}/g, "<lasting key>")}`);
    }
    this.#changes.notify();
  }
}
