/**
 * A program on a host of the lab that says on its output how it fares. It ends with the lab, if not
 * before; nobody has to remember it.
 */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { Changes } from "../../support/deadline.ts";
import type { Host } from "../host.ts";

/** Node starts, modules load, demo files are written and hashed: ten seconds on a busy machine. */
const PATIENCE_MS = 30_000;

export class Program {
  readonly process: ChildProcess;
  readonly #what: string;
  readonly #changes = new Changes();
  #output = "";
  /** How much of the output {@link says} has taken already. */
  #read = 0;

  constructor(
    host: Host,
    program: string,
    args: readonly string[],
    options: Pick<SpawnOptions, "env" | "cwd"> = {},
  ) {
    this.#what = `${program} ${args[0] ?? ""} on ${host.name}`;
    this.process = host.spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#changes.notify();
      });
    }
    this.process.once("exit", () => this.#changes.notify());
  }

  /** Everything it wrote. */
  get output(): string {
    return this.#output;
  }

  /** The next text that matches, after what was matched before; waits for it. */
  async says(pattern: RegExp, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    try {
      return await this.#changes.until(patienceMs, String(pattern), () => {
        const found = pattern.exec(this.#output.slice(this.#read));
        if (found === null && this.#hasEnded) throw new Error(`it ended without ${pattern}`);
        if (found === null) return undefined;
        this.#read += found.index + found[0].length;
        return found;
      });
    } catch (error) {
      throw new Error(`${this.#what}: ${(error as Error).message}; it wrote:\n${this.#output}`);
    }
  }

  /** Ends it as a crash would, children and all. */
  async kill(): Promise<void> {
    if (this.#hasEnded || this.process.pid === undefined) return;
    const gone = new Promise<void>((resolve) => this.process.once("exit", () => resolve()));
    process.kill(-this.process.pid, "SIGKILL");
    await gone;
  }

  get #hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }
}
