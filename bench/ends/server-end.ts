/**
 * A program: what subjects meet at, in a process (and network) of its own. `beeline`: our link server;
 * `room`: a bare socket.io room; `peerjs`: PeerJS' signalling server.
 */

import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CreatedInstance, REST_PATH } from "@beeline/protocol";
import { createLinkServer } from "@beeline/server";
import { PeerServer } from "peer";
import pino from "pino";
import { Server } from "socket.io";
import type { IceServerOptions } from "./asker.ts";

export interface ServerArguments {
  readonly kind: "beeline" | "room" | "peerjs";
  readonly pageOrigin: string;
  readonly iceServers: readonly IceServerOptions[];
}

export type FromServer =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "key"; readonly key: string };

/** `new`: makes an instance and tells its short key. `current`: tells the key that it has now. */
export type ToServer = "new" | "current";

/** Above the 43 MB that a picture of 32 MB is in base64. By default socket.io hangs up at 1 MB. */
const ROOM_MESSAGE_BYTES = 64 * 1024 * 1024;

const EVERYWHERE = "0.0.0.0";
const { kind, pageOrigin, iceServers } = JSON.parse(process.argv[2] ?? "") as ServerArguments;

function tell(message: FromServer): void {
  process.send?.(message);
}

async function listenBeeline(): Promise<number> {
  const server = createLinkServer({
    dataDir: mkdtempSync(join(tmpdir(), "beeline-bench-server-")),
    host: EVERYWHERE,
    port: 0,
    allowedOrigins: [pageOrigin],
    iceServers: iceServers.map((entry) => ({ ...entry })),
    instanceLimit: 1000,
    logger: pino({ level: "silent" }),
  });
  const { port } = await server.listen();
  const rest = new URL(REST_PATH, `http://127.0.0.1:${port}`);
  const cookies: string[] = [];
  process.on("message", async (message: ToServer) => {
    if (message === "new") {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(rest, { method: "POST", headers, body: "{}" });
      cookies.push(answer.headers.get("set-cookie")?.split(";")[0] ?? "");
      return tell({ type: "key", key: ((await answer.json()) as CreatedInstance).key });
    }
    const answer = await fetch(rest, { headers: { cookie: cookies.at(-1) ?? "" } });
    const [instance] = (await answer.json()) as { key: string }[];
    tell({ type: "key", key: instance?.key ?? "" });
  });
  return port;
}

async function listenRoom(): Promise<number> {
  const http = createServer();
  const io = new Server(http, {
    cors: { origin: "*" },
    maxHttpBufferSize: ROOM_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  io.on("connection", (socket) => {
    socket.on("enter", async (done: () => void) => {
      await socket.join("room");
      done();
    });
    for (const event of ["command", "answer"]) {
      socket.on(event, (message: unknown) => socket.to("room").emit(event, message));
    }
  });
  await new Promise<void>((resolve) => http.listen(0, EVERYWHERE, resolve));
  return (http.address() as AddressInfo).port;
}

function listenPeerJs(): Promise<number> {
  return new Promise((resolve) => {
    PeerServer({ port: 0, host: EVERYWHERE }, (server) => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const LISTEN = { beeline: listenBeeline, room: listenRoom, peerjs: listenPeerJs };
const port = await LISTEN[kind]();
tell({ type: "listening", port });
process.on("disconnect", () => process.exit());
