/**
 * Real PostgreSQL and Redis servers on free ports of this machine, for tests.
 *
 * Each has a folder of its own under the system's temporary folder; process and folder are gone
 * when the test ends that started it, or on {@link Service.stop}. PostgreSQL refuses to run as
 * root, so root starts it as somebody else.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, chownSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findService, installServices } from "../../scripts/services.mjs";
import { Changes } from "./deadline.ts";

/** A database starts in a second or two; on a machine with two busy cores in ten. */
const PATIENCE_MS = 30_000;
/** A port is chosen here and bound there, and somebody else may take it in between. */
const PORTS_TRIED = 3;
/** What all of these programs say then. */
const PORT_TAKEN = /address already in use/i;
/** What coturn has said, with --verbose, once it is up and has its port for both: in any order. */
export const COTURN_READY =
  /^(?=.*TCP listener opened)(?=.*UDP listener opened)(?=.*Total General servers)/s;
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
  const fixed = ["--bind", "127.0.0.1", "--save", "", "--dir", folder];
  return onFreePort(async (port) => {
    const args = ["--port", String(port), ...fixed];
    const process = new ServiceProcess(folder, program, args, /Ready to accept connections/);
    await process.start();
    return process.as(`redis://127.0.0.1:${port}`, port);
  });
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
  const ready = /database system is ready to accept connections/;
  return onFreePort(async (port) => {
    const args = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"];
    const process = new ServiceProcess(folder, join(bin, "postgres"), args, ready, asNobody);
    await process.start();
    return process.as(`postgres://beeline@127.0.0.1:${port}/postgres`, port);
  });
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

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** @throws with what it wrote if it ends, finds its port taken, or is not ready in time; it is gone then. */
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
    let isOver = false;
    child.once("close", () => {
      isOver = true;
      this.#changes.notify();
    });
    const what = `${this.#program} to be ready`;
    try {
      const outcome = await this.#changes.until(PATIENCE_MS, what, () => {
        if (isOver || PORT_TAKEN.test(this.#output)) return "failed";
        return this.#ready.test(this.#output) ? "ready" : undefined;
      });
      if (outcome === "failed") throw new Error(`${this.#program} did not start`);
    } catch (error) {
      await this.kill();
      throw new Error(`${(error as Error).message}; it wrote:\n${this.#output}`);
    }
  }

  /** As a crash would; resolves once it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || !this.isRunning) return;
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

/** Starts something on a port that it cannot choose itself, and on another where that fails. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tried === PORTS_TRIED) throw error;
    }
  }
}

/** A port that nobody had a moment ago, neither of TCP nor of UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const isFree = await isFreeOfUdp(port);
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}

async function isFreeOfUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
