/** The documented balancers bring both peers of a link to one process, and to the other when it dies. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RoomConnection, realClock } from "@beeline/paths";
import type { Role } from "@beeline/protocol";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Cluster, type ClusterServer } from "../support/cluster.ts";
import { Changes } from "../support/deadline.ts";
import { ask } from "../support/link-server.ts";
import {
  newFolder,
  onFreePort,
  programOf,
  type Service,
  ServiceProcess,
  startPostgres,
  startRedis,
} from "../support/services.ts";

let postgres: Service;
let redis: Service;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));

/** That all of them hash to one of two processes happens once in 2¹⁵ runs. */
const LINKS = 16;
/** Peers wait up to 5 s between attempts, a dead process is missed for 8 s; the rest is for busy cores. */
const SETTLED_MS = 30_000;
const POLL_MS = 100;

async function documented(name: string, ports: readonly number[], port: number): Promise<string> {
  const path = fileURLToPath(new URL(`../../docs/operate/${name}`, import.meta.url));
  return (await readFile(path, "utf8"))
    .replace("127.0.0.1:3939", `127.0.0.1:${ports[0]}`)
    .replace("127.0.0.1:3940", `127.0.0.1:${ports[1]}`)
    .replace("listen 80;", `listen 127.0.0.1:${port};`)
    .replace("bind :80", `bind 127.0.0.1:${port}`);
}

/** How each is run with its documented file, and what it says when it is up. */
const BALANCERS = {
  async nginx(ports: readonly number[], port: number) {
    const folder = await newFolder();
    const body = await documented("nginx.conf", ports, port);
    const global = `daemon off; pid ${folder}/pid; error_log stderr notice; events {}`;
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    const http = `http { access_log off; ${paths.join(" ")}\n${body}\n}`;
    await writeFile(join(folder, "nginx.conf"), `${global}\n${http}\n`);
    const args = ["-c", join(folder, "nginx.conf"), "-e", "stderr"];
    return new ServiceProcess(folder, programOf("nginx"), args, /start worker process \d/);
  },
  async haproxy(ports: readonly number[], port: number) {
    const folder = await newFolder();
    await writeFile(join(folder, "haproxy.cfg"), await documented("haproxy.cfg", ports, port));
    const args = ["-V", "-db", "-f", join(folder, "haproxy.cfg")];
    return new ServiceProcess(folder, programOf("haproxy"), args, /Using \w+\(\) as the polling/);
  },
};

/** One side of a link, as our client and our extension connect. */
class Side {
  readonly connection: RoomConnection;
  readonly #changes = new Changes();
  #key: string | undefined;

  constructor(server: string, role: Role, key: string, installId: string) {
    const none = () => {};
    this.connection = new RoomConnection(
      { server, role, key, name: "", capabilities: [], installId },
      realClock,
      {
        onJoined: none,
        onDown: none,
        onPresence: none,
        onSignal: none,
        onRelay: none,
        onDrain: none,
        onDialect: none,
        onEnd: none,
        onRekey: (lasting) => {
          this.#key = lasting;
          this.#changes.notify();
        },
      },
    );
    onTestFinished(() => this.connection.close());
  }

  lastingKey(): Promise<string> {
    return this.#changes.until(SETTLED_MS, "the lasting key", () => this.#key);
  }
}

/** HAProxy says nothing after it has opened its port; where it cannot, it ends. */
async function answers(url: string, balancer: ServiceProcess): Promise<void> {
  const changes = new Changes();
  let outcome: "answered" | "ended" | undefined;
  const look = async (): Promise<void> => {
    const status = await ask(url, "GET", "/healthz").then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) outcome = "answered";
    else if (!balancer.isRunning) outcome = "ended";
    else setTimeout(() => void look(), POLL_MS);
    changes.notify();
  };
  void look();
  const how = await changes.until(SETTLED_MS, `an answer at ${url}`, () => outcome);
  if (how === "ended") throw new Error(`the balancer ended; it wrote:\n${balancer.output}`);
}

async function gauge({ url }: ClusterServer, name: string): Promise<number> {
  const { body } = await ask(url, "GET", "/metrics");
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(String(body))?.[1]);
}

/** Asks the servers until all links are whole and none is on two of them. @returns rooms of each. */
async function together(...servers: readonly ClusterServer[]): Promise<readonly number[]> {
  const changes = new Changes();
  let seen = "";
  let settled: readonly number[] | undefined;
  const look = async (): Promise<void> => {
    const rooms = await Promise.all(servers.map((server) => gauge(server, "beeline_rooms")));
    const peers = await Promise.all(servers.map((server) => gauge(server, "beeline_peers")));
    const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
    seen = `rooms ${rooms}, peers ${peers}`;
    // A room with members on two processes counts on both.
    if (sum(rooms) === LINKS && sum(peers) === 2 * LINKS) settled = rooms;
    else setTimeout(() => void look().catch(() => {}), POLL_MS);
    changes.notify();
  };
  await look();
  return changes
    .until(SETTLED_MS, "every link on one process", () => settled)
    .catch((error) => Promise.reject(new Error(`${error.message}: ${seen}`)));
}

test.each(Object.entries(BALANCERS))(
  "%s, as documented, brings both peers of a link together, and again when their process is killed",
  async (_name, prepare) => {
    const cluster = await Cluster.open(postgres, redis);
    const flags = ["--instance-limit", "100", "--trust-proxy", "127.0.0.1"];
    const [a, b] = await Promise.all([cluster.start(...flags), cluster.start(...flags)]);
    const ports = [a, b].map(({ url }) => Number(new URL(url).port));
    const url = await onFreePort(async (port) => {
      const balancer = await prepare(ports, port);
      onTestFinished(() => balancer.kill());
      await balancer.start();
      const at = `http://127.0.0.1:${port}`;
      await answers(at, balancer);
      return at;
    });

    const links: { extension: Side; client: Side }[] = [];
    for (let i = 0; i < LINKS; i++) {
      const { key: shortKey } = await cluster.createInstance({ url });
      const extension = new Side(url, "extension", shortKey, `installation ${i}`);
      const key = await extension.lastingKey();
      links.push({ extension, client: new Side(url, "client", key, "") });
    }
    // Paired by address, so perhaps apart; from the next connection on by the key.
    for (const { extension } of links) extension.connection.reconnect();
    const rooms = await together(a, b);
    for (const count of rooms) expect(count).toBeGreaterThan(0);

    await a.process.kill();
    expect(await together(b)).toEqual([LINKS]);
  },
);
