/**
 * Strangers may say little: a shipped-dialect connection that has not joined a room yet may send
 * UNJOINED_BYTES, one that has may send messages of SHIPPED_MESSAGE_BYTES.
 *
 * socket.io's `maxHttpBufferSize` is one number per engine and applies before anybody has joined. So
 * the engine gets the large one, and this watches each connection from outside: on polling by the
 * transport's own limit, on WebSocket by counting what comes in on the TCP socket. What exceeds the
 * limit loses its connection and nothing else.
 */

import { randomBytes } from "node:crypto";
import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { SHIPPED_MESSAGE_BYTES } from "@beeline/protocol";
import type { Server, Socket } from "socket.io";

/** `iam` and `join` are 200 bytes; the rest is room for pongs (9 bytes per 25 s: two days of them). */
const UNJOINED_BYTES = 64 * 1024;

interface Connection {
  readonly id: string;
  joined: boolean;
}

/** @returns a function to call once a socket has joined a room. */
export function limitUnjoined(
  http: HttpServer,
  io: Server,
  path: string,
): (socket: Socket) => void {
  const byRequest = new WeakMap<IncomingMessage, Connection>();
  /** By engine id: a polling connection upgrades in a second request that names it. */
  const byId = new Map<string, Connection>();

  io.engine.generateId = (request: IncomingMessage) => {
    const id = randomBytes(15).toString("base64url");
    const connection = { id, joined: false };
    byRequest.set(request, connection);
    byId.set(id, connection);
    return id;
  };

  io.engine.on("connection", (raw: Socket["conn"]) => {
    const connection = byRequest.get(raw.request);
    setPollingLimit(raw, UNJOINED_BYTES);
    raw.once("close", () => {
      if (connection !== undefined) byId.delete(connection.id);
    });
  });

  http.on("upgrade", (request: IncomingMessage, tcp: Duplex) => {
    const url = new URL(request.url ?? "/", "http://host");
    if (!url.pathname.startsWith(path)) return;
    const id = url.searchParams.get("sid");
    let received = 0;
    const count = (chunk: Buffer) => {
      const connection = id === null ? byRequest.get(request) : byId.get(id);
      received += chunk.length;
      if (connection?.joined) tcp.off("data", count);
      else if (received > UNJOINED_BYTES) tcp.destroy();
    };
    tcp.on("data", count);
  });

  return (socket) => {
    const connection = byRequest.get(socket.conn.request);
    if (connection !== undefined) connection.joined = true;
    setPollingLimit(socket.conn, SHIPPED_MESSAGE_BYTES);
  };
}

function setPollingLimit({ transport }: Socket["conn"], bytes: number): void {
  if ("maxHttpBufferSize" in transport) transport.maxHttpBufferSize = bytes;
}
