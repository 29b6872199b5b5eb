/**
 * One server to be measured, in a process of its own: `beeline`, `socketio` (a bare room) or `peerjs`.
 *
 * Tells its port once it listens, and its memory and event-loop delay whenever it is asked, over the
 * channel to the process that measures (bench/server.ts). Measures nothing else.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createLinkServer } from "@beeline/server";
import { PeerServer } from "peer";
import pino from "pino";
import { Server } from "socket.io";

const SUBJECTS: Record<string, () => Promise<number>> = { beeline, socketio, peerjs };

async function beeline(): Promise<number> {
  const server = createLinkServer({
    dataDir: `${tmpdir()}/beeline-bench-${process.pid}`,
    port: 0,
    stunPort: false,
    socketsPerAddress: 1_000_000,
    // Each pair says that it comes from elsewhere, as behind a balancer.
    trustedProxies: ["127.0.0.1"],
    relayBytesPerSecond: 2 ** 40,
    userRelayBytesPerSecond: 2 ** 40,
    logger: pino({ level: "silent" }),
  });
  return (await server.listen()).port;
}

/** What a site gets that writes its own relay with socket.io and looks at nothing. */
async function socketio(): Promise<number> {
  const http = createServer();
  const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
  io.on("connection", (socket) => {
    socket.on("join", (room: string, done: () => void) => {
      void socket.join(room);
      done();
    });
    socket.on("relay", (room: string, bytes: Buffer) => void socket.to(room).emit("relay", bytes));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return (http.address() as AddressInfo).port;
}

function peerjs(): Promise<number> {
  return new Promise((resolve) => {
    const options = {
      port: 0,
      host: "127.0.0.1",
      concurrent_limit: 100_000,
      alive_timeout: 600_000,
    };
    PeerServer(options, (server) => resolve((server.address() as AddressInfo).port));
  });
}

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on("message", () => {
  globalThis.gc?.();
  const { rss } = process.memoryUsage();
  const p99Ms = delay.percentile(99) / 1e6;
  delay.reset();
  process.send?.({ rss, p99Ms, cpuMs: process.cpuUsage().user / 1000 });
});
// Without its measurer there is nothing to do.
process.on("disconnect", () => process.exit(0));

const start = SUBJECTS[process.argv[2] ?? ""];
if (start === undefined) throw new Error(`one of ${Object.keys(SUBJECTS).join(", ")}`);
process.send?.({ port: await start() });
