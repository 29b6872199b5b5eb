/**
 * How much shipped clients may say at once.
 *
 *     before a join    UNJOINED_BYTES in all
 *     after it         messages of SHIPPED_MESSAGE_BYTES, as long as what all unfinished messages
 *                      together have above 64 KiB each fits into the budget, so that commands
 *                      pass whoever sends lists
 *
 * socket.io's `maxHttpBufferSize` is one number per engine and applies before anybody has joined. So
 * the engine gets the large one, and this watches each connection from outside: on polling by the
 * transport's own limit and the announced length, on WebSocket by counting what comes in on the TCP
 * socket. What exceeds a limit loses its connection, which comes back by itself, and nothing else.
 */

import { randomBytes } from "node:crypto";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { SHIPPED_MESSAGE_BYTES } from "@beeline/protocol";
import type { Server, Socket } from "socket.io";
import { type ByteBudget, counted } from "./byte-budget.ts";
import { networkOf } from "./ip-address.ts";

/** `iam` and `join` are 200 bytes; the rest is room for pongs (9 bytes per 25 s: two days of them). */
const UNJOINED_BYTES = 64 * 1024;

interface Connection {
  readonly id: string;
  readonly party: string;
  joined: boolean;
  /** Of the message that is coming in. */
  unfinishedBytes: number;
}

export interface IncomingLimitOptions {
  readonly path: string;
  readonly budget: ByteBudget;
  readonly addressOf: (request: IncomingMessage) => string | undefined;
  readonly onLimited: (limit: string) => void;
}

/** @returns a function to call once a socket has joined a room. */
export function limitIncoming(
  http: HttpServer,
  io: Server,
  { path, budget, addressOf, onLimited }: IncomingLimitOptions,
): (socket: Socket) => void {
  const byRequest = new WeakMap<IncomingMessage, Connection>();
  /** By engine id: a polling connection upgrades in a second request that names it. */
  const byId = new Map<string, Connection>();

  const addressed = (request: IncomingMessage): Connection | undefined => {
    const url = new URL(request.url ?? "/", "http://host");
    const id = url.searchParams.get("sid");
    return id === null ? byRequest.get(request) : byId.get(id);
  };
  const finish = (connection: Connection) => {
    budget.giveBack(connection.party, counted(connection.unfinishedBytes));
    connection.unfinishedBytes = 0;
  };

  io.engine.generateId = (request: IncomingMessage) => {
    const id = randomBytes(15).toString("base64url");
    const party = networkOf(addressOf(request));
    const connection = { id, party, joined: false, unfinishedBytes: 0 };
    byRequest.set(request, connection);
    byId.set(id, connection);
    return id;
  };

  io.engine.on("connection", (raw: Socket["conn"]) => {
    const connection = byRequest.get(raw.request);
    setPollingLimit(raw, UNJOINED_BYTES);
    if (connection === undefined) return;
    raw.on("packet", () => finish(connection));
    raw.once("close", () => {
      finish(connection);
      byId.delete(connection.id);
    });
  });

  http.on("upgrade", (request: IncomingMessage, tcp: Duplex) => {
    if (!isOurs(request, path)) return;
    let received = 0;
    let connection: Connection | undefined;
    // Before the library reads the chunk: what ends in it must not be counted after its end.
    tcp.prependListener("data", (chunk: Buffer) => {
      connection ??= addressed(request);
      if (connection?.joined) {
        const { party, unfinishedBytes } = connection;
        const bytes = unfinishedBytes + chunk.length;
        if (budget.take(party, counted(bytes) - counted(unfinishedBytes))) {
          connection.unfinishedBytes = bytes;
          return;
        }
        onLimited("shipped-bytes");
        tcp.destroy();
        return;
      }
      received += chunk.length;
      if (received <= UNJOINED_BYTES) return;
      onLimited("unjoined-bytes");
      tcp.destroy();
    });
  });

  http.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== "POST" || !isOurs(request, path)) return;
    const connection = addressed(request);
    if (!connection?.joined) return;
    const announced = counted(Number(request.headers["content-length"] ?? SHIPPED_MESSAGE_BYTES));
    if (!budget.take(connection.party, announced)) {
      onLimited("shipped-bytes");
      request.socket.destroy();
      return;
    }
    response.once("close", () => budget.giveBack(connection.party, announced));
  });

  return (socket) => {
    const connection = byRequest.get(socket.conn.request);
    if (connection !== undefined) connection.joined = true;
    setPollingLimit(socket.conn, SHIPPED_MESSAGE_BYTES);
  };
}

function isOurs(request: IncomingMessage, path: string): boolean {
  return (request.url ?? "/").startsWith(path);
}

function setPollingLimit({ transport }: Socket["conn"], bytes: number): void {
  if ("maxHttpBufferSize" in transport) transport.maxHttpBufferSize = bytes;
}
