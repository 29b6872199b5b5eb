/** What bench/soak.ts breaks: two server processes, their PostgreSQL and Redis, and a balancer. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { REST_PATH } from "@beeline/protocol";
import { freePort, type Service, startPostgres, startRedis } from "../test/support/services.ts";

const MAIN = fileURLToPath(new URL("../packages/beeline/dist/main.js", import.meta.url));
const AWAY_MS = 1_000;
/** All peers of the soak come from one address, and own more links than a person does. */
const LIMITS = ["--sockets-per-address", "100000", "--instance-limit", "100000"];

export class SoakServers {
  readonly #folder: string;
  readonly #services: Readonly<Record<"postgres" | "redis", Service>>;
  readonly #ports: readonly number[];
  readonly #processes: ChildProcess[] = [];
  readonly #balancer: Server;
  /** Forwarded so far. */
  connections = 0;
  /** Server processes that ended although nobody killed them. */
  crashed = 0;
  readonly #killed = new WeakSet<ChildProcess>();

  private constructor(folder: string, postgres: Service, redis: Service, ports: readonly number[]) {
    this.#folder = folder;
    this.#services = { postgres, redis };
    this.#ports = ports;
    this.#balancer = createServer((socket) => this.#forward(socket));
  }

  static async open(folder: string): Promise<SoakServers> {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    const ports = [await freePort(), await freePort()];
    await writeFile(join(folder, "secret"), randomBytes(32).toString("hex"));
    const servers = new SoakServers(folder, postgres, redis, ports);
    await Promise.all(ports.map((_port, index) => servers.#start(index)));
    servers.#balancer.listen(0, "127.0.0.1");
    await once(servers.#balancer, "listening");
    return servers;
  }

  get url(): string {
    const address = this.#balancer.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  /** @returns the short key, and how to read the key that replaced it. */
  async createInstance(): Promise<{ key: string; listed(): Promise<string> }> {
    const headers = { "content-type": "application/json" };
    const created = await fetch(this.url + REST_PATH, { method: "POST", body: "{}", headers });
    const { id, key } = (await created.json()) as { id: number; key: string };
    const cookie = created.headers.get("set-cookie")?.split(";")[0] ?? "";
    return {
      key,
      listed: async () => {
        const answer = await fetch(this.url + REST_PATH, { headers: { cookie } });
        const all = (await answer.json()) as { id: number; key: string }[];
        return all.find((instance) => instance.id === id)?.key ?? "";
      },
    };
  }

  async killOne(): Promise<void> {
    const index = Math.floor(Math.random() * this.#ports.length);
    this.#kill(this.#processes[index]);
    await wait(AWAY_MS);
    await this.#start(index);
  }

  async restart(name: "postgres" | "redis"): Promise<void> {
    await this.#services[name].kill();
    await wait(AWAY_MS);
    await this.#services[name].start();
  }

  async close(): Promise<void> {
    this.#balancer.close();
    for (const child of this.#processes) this.#kill(child);
    await Promise.all(Object.values(this.#services).map((service) => service.stop()));
  }

  async #start(index: number): Promise<void> {
    const { postgres, redis } = this.#services;
    const home = join(this.#folder, String(index));
    const flags = ["--port", String(this.#ports[index]), "--no-stun", "--home", home, ...LIMITS];
    const secret = ["--secret-file", join(this.#folder, "secret")];
    const shared = ["--database", postgres.url, "--redis", redis.url, ...secret];
    const args = [MAIN, "server", ...flags, ...shared, "--log-level", "fatal"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#processes[index] = child;
    child.once("exit", () => {
      if (this.#killed.has(child)) return;
      this.crashed++;
      // As a supervisor would.
      void this.#start(index);
    });
    if (child.stdout !== null) await once(child.stdout, "data");
  }

  #kill(child: ChildProcess | undefined): void {
    if (child === undefined) return;
    this.#killed.add(child);
    child.kill("SIGKILL");
  }

  /** To the servers in turns; what is down is passed over. */
  #forward(socket: Socket): void {
    const ports = this.#ports;
    const first = this.connections++;
    const attempt = (tries: number): void => {
      const upstream = dial(ports[(first + tries) % ports.length] ?? 0, "127.0.0.1");
      const end = () => [socket, upstream].forEach((half) => void half.destroy());
      upstream.once("error", () => (tries + 1 < ports.length ? attempt(tries + 1) : end()));
      upstream.once("connect", () => {
        for (const half of [socket, upstream]) half.on("error", end).on("close", end);
        socket.pipe(upstream).pipe(socket);
      });
    };
    socket.on("error", () => {});
    attempt(0);
  }
}
