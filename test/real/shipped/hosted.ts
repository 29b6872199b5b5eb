/** A shipped extension in a process of its own, told what to do line by line. */

import { type ChildProcess, spawn } from "node:child_process";
import { Changes } from "../../support/deadline.ts";
import { say } from "./report.ts";

/** A process starts in a second, on two busy cores in ten. */
const PATIENCE_MS = 30_000;

export class Hosted {
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

  /** Resolves once it has said that it started. */
  static async start(program: string, args: readonly string[]): Promise<Hosted> {
    // Nothing of the trial is left in the checkout.
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
    const host = new Hosted(spawn(program, args, { env }));
    await host.#next("started");
    return host;
  }

  tell(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** What it answers to that. */
  async ask(line: object): Promise<unknown> {
    this.#told.length = 0;
    this.tell(line);
    return (await this.#next("told")).told;
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await exited;
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
