/**
 * Programs of the bench that need a process of their own, so that what they cost is not mixed with
 * what the rest costs: started with tsx, heard over IPC.
 */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Often enough to see a queue of 100 ms. */
const REPORT_EVERY_MS = 20;

export interface MemoryReport<Metrics> {
  readonly rssBytes: number;
  readonly metrics: Metrics;
}

export class Child<Metrics> {
  readonly port: number;
  #latest: MemoryReport<Metrics> | undefined;
  readonly #process: ChildProcess;
  /** Called with every report. */
  onReport: (report: MemoryReport<Metrics>) => void = () => {};

  private constructor(child: ChildProcess, port: number) {
    this.port = port;
    this.#process = child;
    child.on("message", (report: MemoryReport<Metrics>) => {
      this.#latest = report;
      this.onReport(report);
    });
  }

  /** Starts `program` of this folder; resolves when it has said which port it listens on. */
  static async start<Metrics>(program: string, args: readonly string[]): Promise<Child<Metrics>> {
    const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
      execArgv: ["--import=tsx", "--conditions=@beeline/source"],
    });
    const { port } = await new Promise<{ port: number }>((resolve, reject) => {
      child.once("message", resolve as (message: unknown) => void);
      child.once("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
    });
    return new Child<Metrics>(child, port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get latest(): MemoryReport<Metrics> {
    if (this.#latest === undefined) throw new Error("the process has not reported yet");
    return this.#latest;
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill();
    await exited;
  }
}

/** The child's half: tells its parent what it holds, until it is killed or the parent is gone. */
export function reportMemory(metrics: () => unknown = () => ({})): void {
  process.on("disconnect", () => process.exit());
  setInterval(() => {
    process.send?.({ rssBytes: process.memoryUsage.rss(), metrics: metrics() });
  }, REPORT_EVERY_MS);
}
