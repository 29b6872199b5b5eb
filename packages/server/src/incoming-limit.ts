/**
 * How much shipped clients may say at once.
 *
 *     before a join    UNJOINED_BYTES in all
 *     in a room        messages of SHIPPED_MESSAGE_BYTES, as long as what all unfinished messages
 *                      together have above 64 KiB each fits into the budget, so that commands
 *                      pass whoever sends lists
 *     out of it again  as before a join
 *
 * socket.io's `maxHttpBufferSize` is one number per engine and applies before anybody has joined. So
 * the engine gets the large one, and this watches each connection from outside: on polling by the
 * transport's own limit and the announced length, on WebSocket by counting what comes in on the TCP
 * socket. A message is finished when the library's decoder has all of it: until then it keeps what
 * came, binary attachments too, of which each is a packet and a request of its own. What exceeds a
 * limit loses its connection, which comes back by itself, and nothing else.
 */

import { randomBytes } from "node:crypto";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { SHIPPED_MESSAGE_BYTES } from "@beeline/protocol";
import type { Server, Socket } from "socket.io";
import { type ByteBudget, counted } from "./byte-budget.ts";
import { networkOf } from "./ip-address.ts";
import { decoderOf } from "./message-size.ts";

/** `iam` and `join` are 200 bytes; the rest is room for pongs (9 bytes per 25 s: two days of them). */
const UNJOINED_BYTES = 64 * 1024;

interface Connection {
  readonly id: string;
  readonly party: string;
  joined: boolean;
  /** Since it was last in a room, on WebSocket. */
  unjoinedBytes: number;
  /** Of the message that is coming in. */
  unfinishedBytes: number;
  /** Counted for requests that ended while their message had not. */
  keptBytes: number;
  /** A part of a message is in the decoder, and more is to come. */
  isUnfinished: boolean;
}

/** Tells about one socket whether it is in a room. */
export interface Membership {
  joined(): void;
  left(): void;
}

export interface IncomingLimitOptions {
  readonly path: string;
  readonly budget: ByteBudget;
  readonly addressOf: (request: IncomingMessage) => string | undefined;
  readonly onLimited: (limit: string) => void;
}

export function limitIncoming(
  http: HttpServer,
  io: Server,
  { path, budget, addressOf, onLimited }: IncomingLimitOptions,
): (socket: Socket) => Membership {
  const byRequest = new WeakMap<IncomingMessage, Connection>();
  /** By engine id: a polling connection upgrades in a second request that names it. */
  const byId = new Map<string, Connection>();

  const addressed = (request: IncomingMessage): Connection | undefined => {
    const url = new URL(request.url ?? "/", "http://host");
    // Of several the engine goes by the last.
    const id = url.searchParams.getAll("sid").at(-1);
    return id ? byId.get(id) : byRequest.get(request);
  };
  const finish = (connection: Connection) => {
    const { party, unfinishedBytes, keptBytes } = connection;
    budget.giveBack(party, counted(unfinishedBytes) + keptBytes);
    connection.unfinishedBytes = 0;
    connection.keptBytes = 0;
    connection.isUnfinished = false;
  };

  io.engine.generateId = (request: IncomingMessage) => {
    const id = randomBytes(15).toString("base64url");
    const party = networkOf(addressOf(request));
    const connection = {
      id,
      party,
      joined: false,
      unjoinedBytes: 0,
      unfinishedBytes: 0,
      keptBytes: 0,
      isUnfinished: false,
    };
    byRequest.set(request, connection);
    byId.set(id, connection);
    return id;
  };

  io.engine.on("connection", (raw: Socket["conn"]) => {
    const connection = byRequest.get(raw.request);
    setPollingLimit(raw, UNJOINED_BYTES);
    if (connection === undefined) return;
    raw.on("packet", ({ type }: { type: string }) => {
      if (type === "message") connection.isUnfinished = true;
      else if (!connection.isUnfinished) finish(connection);
    });
    raw.once("close", () => {
      finish(connection);
      byId.delete(connection.id);
    });
  });

  http.on("upgrade", (request: IncomingMessage, tcp: Duplex) => {
    if (!isOurs(request, path)) return;
    /** Of one whose connection is not known. */
    let strangersBytes = 0;
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
      if (connection === undefined) strangersBytes += chunk.length;
      else connection.unjoinedBytes += chunk.length;
      if ((connection?.unjoinedBytes ?? strangersBytes) <= UNJOINED_BYTES) return;
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
    response.once("close", () => {
      if (connection.isUnfinished) connection.keptBytes += announced;
      else budget.giveBack(connection.party, announced);
    });
  });

  return ({ client, conn }) => {
    const connection = byRequest.get(conn.request);
    if (connection !== undefined) decoderOf(client).on("decoded", () => finish(connection));
    return {
      joined() {
        if (connection !== undefined) {
          connection.joined = true;
          connection.unjoinedBytes = 0;
        }
        setPollingLimit(conn, SHIPPED_MESSAGE_BYTES);
      },
      left() {
        if (connection !== undefined) connection.joined = false;
        setPollingLimit(conn, UNJOINED_BYTES);
      },
    };
  };
}

function isOurs(request: IncomingMessage, path: string): boolean {
  return (request.url ?? "/").startsWith(path);
}

function setPollingLimit({ transport }: Socket["conn"], bytes: number): void {
  if ("maxHttpBufferSize" in transport) transport.maxHttpBufferSize = bytes;
}
