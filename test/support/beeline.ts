/**
 * The `beeline` command as a person runs it: real processes, started from the build.
 *
 * Each process keeps its keys and data in a folder of its own and leads a process group of its own;
 * when the test that made them ends, the group is killed and the folder removed, whatever happened.
 * `npm test` builds first; without a build, starting fails and says so.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { Changes, within } from "./deadline.ts";

const MAIN = fileURLToPath(new URL("../../packages/beeline/dist/main.js", import.meta.url));

/** Node starts, modules load, demo files are written and hashed: a second, ten on a busy machine. */
const PATIENCE_MS = 30_000;

/** A new folder for `--home`; gone when the test ends. */
export async function newHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "beeline-e2e-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
}

/** One running `beeline …`. */
export class BeelineProcess {
  readonly #child: ChildProcess;
  readonly #changes = new Changes();
  readonly #exit: Promise<number | null>;
  #output = "";
  /** How much of the output {@link says} has taken already. */
  #read = 0;

  /** @param args as typed after `beeline`, without `--home`. */
  constructor(home: string, ...args: readonly string[]) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm test, or npm run build`);
    const { BEELINE_HOME: _home, BEELINE_KEY: _key, PORT: _port, ...env } = process.env;
    this.#child = spawn(process.execPath, [MAIN, ...args, "--home", home], {
      env: { ...env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#changes.notify();
      });
    }
    this.#exit = new Promise((resolve) => this.#child.once("close", (code) => resolve(code)));
    onTestFinished(() => this.kill());
  }

  /** Everything it wrote, log and all. */
  get output(): string {
    return this.#output;
  }

  /** The next text that matches, after what was matched before; waits for it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await this.#changes.until(PATIENCE_MS, String(pattern), () => {
        const found = pattern.exec(this.#output.slice(this.#read));
        if (found === null) return undefined;
        this.#read += found.index + found[0].length;
        return found;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; it wrote:\n${this.#output}`);
    }
  }

  /** Its exit code, once it has ended by itself. */
  exited(): Promise<number | null> {
    return within(PATIENCE_MS, `the end of beeline; it wrote:\n${this.#output}`, this.#exit);
  }

  /** Ctrl+C. */
  async stop(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.exited();
  }

  /** As a service manager ends it. @returns its exit code. */
  terminate(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.exited();
  }

  /** As `kill -9` does, or a crash. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined && this.#child.exitCode === null) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // It ended by itself in this very moment.
      }
    }
    await this.#exit;
  }
}

/** A process that serves the page, and the address it printed. */
export interface ServingProcess {
  readonly process: BeelineProcess;
  readonly url: string;
}

/** `beeline demo` on a free port, drawing quickly unless `args` say otherwise. */
export async function startDemo(home: string, ...args: string[]): Promise<ServingProcess> {
  const demo = new BeelineProcess(home, "demo", "--port", "0", "--demo-step-ms", "5", ...args);
  const [, url = ""] = await demo.says(/Open {2}(http\S+)/);
  return { process: demo, url };
}

/** `beeline server`, on a free port unless `args` name one. */
export async function startServer(home: string, ...args: string[]): Promise<ServingProcess> {
  const server = new BeelineProcess(home, "server", "--port", "0", ...args);
  const [, url = ""] = await server.says(/Link server: (http\S+)/);
  return { process: server, url };
}

/** `beeline extension` at that server, with the demo renderer and every right. */
export function startExtension(home: string, url: string, ...args: string[]): BeelineProcess {
  const demo = ["--backend", "demo", "--demo-step-ms", "5", "--allow", "generate,list,add,remove"];
  return new BeelineProcess(home, "extension", "--server", url, ...demo, ...args);
}
