/**
 * Pictures drawn through two server processes while things fail, for as long as asked.
 *
 *     npx tsx --conditions=@beeline/source bench/soak.ts [minutes]      (after npm run build)
 *
 * A real PostgreSQL, a real Redis, two `beeline server` processes behind a small balancer, a real
 * extension with the demo renderer and a real client that only has the relay. In turns: a process is
 * killed, Redis restarts, PostgreSQL restarts, a hostile peer floods and sends nonsense, a slow one
 * stops reading. Counts what was asked for, what came whole, and what was lost: nothing may be.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "@beeline/client";
import {
  DemoBackend,
  openCommandService,
  openExtension,
  seedDemoResources,
} from "@beeline/extension";
import { realClock } from "@beeline/paths";
import { PEER_SOCKET_PATH, REST_PATH } from "@beeline/protocol";
import { io } from "socket.io-client";
import { freePort, startPostgres, startRedis } from "../test/support/services.ts";

const MINUTES = Number(process.argv[2] ?? 2);
const FAULT_EVERY_MS = 8_000;
const DRAW_LIMIT_MS = 60_000;
const MAIN = fileURLToPath(new URL("../packages/beeline/dist/main.js", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "beeline-soak-"));
const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
const secretFile = join(folder, "secret");
await writeFile(secretFile, randomBytes(32).toString("hex"));
const ports = [await freePort(), await freePort()];
const servers: ChildProcess[] = [];
const figures = { asked: 0, whole: 0, lost: 0, badInputs: 0, connections: 0 };
const faults: Record<string, number> = {};

async function startServer(index: number): Promise<void> {
  const flags = ["--port", String(ports[index]), "--no-stun", "--home", join(folder, `${index}`)];
  const shared = ["--database", postgres.url, "--redis", redis.url, "--secret-file", secretFile];
  const args = [MAIN, "server", ...flags, ...shared, "--log-level", "fatal"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  servers[index] = child;
  if (child.stdout !== null) await once(child.stdout, "data");
}
await Promise.all(ports.map((_port, index) => startServer(index)));

/** To the servers in turns; what is down is passed over. */
const balancer = createServer((socket) => {
  const first = figures.connections++;
  const attempt = (tries: number): void => {
    const upstream = dial(ports[(first + tries) % ports.length] ?? 0, "127.0.0.1");
    const end = () => [socket, upstream].forEach((half) => void half.destroy());
    upstream.once("error", () => (tries < 1 ? attempt(tries + 1) : end()));
    upstream.once("connect", () => {
      for (const half of [socket, upstream]) half.on("error", end).on("close", end);
      socket.pipe(upstream).pipe(socket);
    });
  };
  socket.on("error", () => {});
  attempt(0);
});
await new Promise<void>((resolve) => balancer.listen(0, "127.0.0.1", resolve));
const address = balancer.address();
if (address === null || typeof address === "string") throw new Error("no port");
const server = `http://127.0.0.1:${address.port}`;

const headers = { "content-type": "application/json" };
const created = await fetch(server + REST_PATH, { method: "POST", body: "{}", headers });
const { key: shortKey } = (await created.json()) as { key: string };
const cookie = created.headers.get("set-cookie")?.split(";")[0] ?? "";

await seedDemoResources(join(folder, "models"));
const backend = new DemoBackend({ stepMs: 20, previewMs: 0 });
const service = await openCommandService({
  dataDir: join(folder, "data"),
  modelsDir: join(folder, "models"),
  backend,
  name: "soak",
  version: "0.0.0",
});
let onActive = (): void => {};
const active = new Promise<void>((resolve) => {
  onActive = resolve;
});
const extension = await openExtension({
  service,
  configDir: join(folder, "config"),
  name: "soak",
  createPeer: undefined,
  onLink: ({ status }) => status === "active" && onActive(),
});
extension.pair(server, shortKey);
await active;
const listed = await fetch(server + REST_PATH, { headers: { cookie } });
const [{ key } = { key: "" }] = (await listed.json()) as { key: string }[];
const link = await connect(
  { server, key, clientId: randomBytes(16).toString("hex") },
  { clock: realClock, createPeer: undefined },
);

/** Joins, and then says everything that it should not. */
async function hostile(): Promise<void> {
  const socket = io(server, { path: PEER_SOCKET_PATH, transports: ["websocket"], forceNew: true });
  const request = { version: 1, role: "client", key, name: "", capabilities: [] };
  const ack = await socket
    .timeout(5_000)
    .emitWithAck("join", request)
    .catch(() => undefined);
  const to = ack?.presence?.peers?.find((peer: { active: boolean }) => peer.active)?.id ?? "nobody";
  const nonsense = [undefined, null, 7, "x".repeat(1_000), { to }, [[[]]], new Uint8Array(60_000)];
  for (let round = 0; round < 200; round++) {
    for (const event of ["relay", "signal", "dialect", "join", "report", "leave?"]) {
      socket.emit(event, to, nonsense[round % nonsense.length]);
      figures.badInputs++;
    }
  }
  await wait(2_000);
  socket.emit("relay", to, new Uint8Array(300_000));
  figures.badInputs++;
  await wait(500);
  socket.disconnect();
}

/** Joins and stops reading. */
async function slow(): Promise<void> {
  const socket = io(server, { path: PEER_SOCKET_PATH, transports: ["websocket"], forceNew: true });
  const request = { version: 1, role: "client", key, name: "", capabilities: [] };
  await socket
    .timeout(5_000)
    .emitWithAck("join", request)
    .catch(() => undefined);
  (socket.io.engine?.transport as unknown as { ws?: { pause(): void } })?.ws?.pause();
  await wait(FAULT_EVERY_MS / 2);
  socket.disconnect();
}

const FAULTS: Record<string, () => Promise<void>> = {
  "process killed": async () => {
    const index = Math.floor(Math.random() * 2);
    servers[index]?.kill("SIGKILL");
    await wait(1_000);
    await startServer(index);
  },
  "redis restarted": async () => {
    await redis.kill();
    await wait(1_000);
    await redis.start();
  },
  "database restarted": async () => {
    await postgres.kill();
    await wait(1_000);
    await postgres.start();
  },
  "hostile socket": hostile,
  "slow socket": slow,
};

const endsAt = Date.now() + MINUTES * 60_000;
const failing = (async () => {
  for (let turn = 0; Date.now() < endsAt; turn++) {
    const [name, fault] = Object.entries(FAULTS)[turn % 5] ?? ["", async () => {}];
    await fault();
    faults[name] = (faults[name] ?? 0) + 1;
    await wait(FAULT_EVERY_MS);
  }
})();

while (Date.now() < endsAt) {
  figures.asked++;
  const params = { prompt: "a bee", width: 768, height: 768, steps: 8, seed: figures.asked };
  const limit = wait(DRAW_LIMIT_MS, undefined, { ref: false });
  const drawn = await Promise.race([link.txt2img({ params }).result, limit]).catch(() => undefined);
  const [image] = drawn?.images ?? [];
  const sha256 = image && createHash("sha256").update(image.bytes).digest("hex");
  if (image !== undefined && sha256 === image.sha256) figures.whole++;
  else figures.lost++;
}
await failing;
process.stdout.write(`${JSON.stringify({ minutes: MINUTES, ...figures, faults }, undefined, 2)}\n`);

await link.close(0).catch(() => {});
await extension.close();
await backend.close();
balancer.close();
for (const child of servers) child.kill("SIGKILL");
await Promise.all([postgres.stop(), redis.stop()]);
await rm(folder, { recursive: true, force: true });
process.exit(figures.lost === 0 ? 0 : 1);
