/**
 * Real PostgreSQL and Redis servers on free ports of this machine, for tests.
 *
 * Each has a folder of its own under the system's temporary folder; process and folder are gone
 * when the test ends that started it, or on {@link Service.stop}. PostgreSQL refuses to run as
 * root, so root starts it as somebody else.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findService, installServices } from "../../scripts/services.mjs";
import { Changes } from "./deadline.ts";

/** A database starts in a second or two; on a machine with two busy cores in ten. */
const PATIENCE_MS = 30_000;
/** "nobody", on every Linux; anybody but root will do. */
const UNPRIVILEGED = 65_534;

export interface Service {
  readonly url: string;
  readonly port: number;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<Service> {
  const program = programOf("redis-server");
  const folder = await newFolder();
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  const process = new ServiceProcess(folder, program, args, /Ready to accept connections/);
  await process.start();
  return process.as(`redis://127.0.0.1:${port}`, port);
}

export async function startPostgres(): Promise<Service> {
  const bin = programOf("postgres");
  const folder = await newFolder();
  const data = join(folder, "data");
  const asNobody = unprivileged(folder);
  const options = ["-D", data, "-U", "beeline", "--auth=trust", "--no-sync", "--encoding=UTF8"];
  const made = spawnSync(join(bin, "initdb"), [...options, "--locale=C"], {
    ...asNobody,
    cwd: folder,
    encoding: "utf8",
  });
  if (made.status !== 0)
    throw new Error(`initdb failed\n${made.stdout}${made.stderr}${made.error ?? ""}`);
  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"];
  const ready = /database system is ready to accept connections/;
  const process = new ServiceProcess(folder, join(bin, "postgres"), args, ready, asNobody);
  await process.start();
  return process.as(`postgres://beeline@127.0.0.1:${port}/postgres`, port);
}

/** Somebody else's id, and a folder that belongs to them; nothing unless we are root. */
export function unprivileged(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  chownSync(folder, UNPRIVILEGED, UNPRIVILEGED);
  chmodSync(folder, 0o700);
  return { uid: UNPRIVILEGED, gid: UNPRIVILEGED };
}

/** @throws with what to type if the program cannot be had. */
export function programOf(service: Parameters<typeof findService>[0]): string {
  const known = findService(service);
  if (known !== undefined) return known;
  installServices(() => {});
  const program = findService(service);
  if (program === undefined) throw new Error(`${service} is not installed`);
  return program;
}

/** One program that says on its output when it is ready. */
export class ServiceProcess {
  readonly #folder: string;
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #ready: RegExp;
  readonly #identity: { uid?: number; gid?: number };
  readonly #changes = new Changes();
  #child: ChildProcess | undefined;
  #output = "";

  constructor(
    folder: string,
    program: string,
    args: readonly string[],
    ready: RegExp,
    identity: { uid?: number; gid?: number } = {},
  ) {
    this.#folder = folder;
    this.#program = program;
    this.#args = args;
    this.#ready = ready;
    this.#identity = identity;
  }

  get output(): string {
    return this.#output;
  }

  async start(): Promise<void> {
    this.#output = "";
    const child = spawn(this.#program, this.#args, {
      ...this.#identity,
      cwd: this.#folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const hear = (text: string | Buffer) => {
      this.#output += text;
      this.#changes.notify();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("error", (error) => hear(String(error)));
    try {
      await this.#changes.until(PATIENCE_MS, `${this.#program} to be ready`, () =>
        this.#ready.test(this.#output) ? true : undefined,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}; it wrote:\n${this.#output}`);
    }
  }

  /** As a crash would; resolves once it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    // PostgreSQL's other processes end by themselves when the first one is gone.
    child.kill("SIGKILL");
    await gone;
  }

  as(url: string, port: number): Service {
    return {
      url,
      port,
      kill: () => this.kill(),
      start: () => this.start(),
      stop: async () => {
        await this.kill();
        await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  }
}

export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "beeline-service-"));
}

/** A port that nobody had a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
