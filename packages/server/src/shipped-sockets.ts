/**
 * Sockets of shipped clients: their events, strings and order on SHIPPED_SOCKET_PATH.
 *
 *     client → server                     server → client
 *     iam({type: "client" | "sd"})        upgradeKey({key})
 *     join(key, ack({success, msg}))      roomPresence({client, sd})
 *     leave()                             kicked()
 *     command(payload)                    command(payload)
 *     commandStatus(payload)              commandStatus(payload)
 *
 * What these clients do shapes what this does not: it never sends `error` (the desktop app takes
 * any for a disconnection), never calls `disconnect` (neither client library reconnects after
 * that), and never looks into a payload. They ignore what the ack of `join` says, so an unknown key
 * is told by `kicked` as well, and a join that the server failed is repeated by closing the
 * transport, after which they come back by themselves.
 */

import type { Server as HttpServer } from "node:http";
import { type Role, SHIPPED_MESSAGE_BYTES, SHIPPED_SOCKET_PATH } from "@beeline/protocol";
import type { Logger } from "pino";
import type { Socket } from "socket.io";
import { z } from "zod";
import { networkOf } from "./ip-address.ts";
import { watchOutbox } from "./outbox.ts";
import { countsOf, type Room } from "./rooms.ts";
import { type Door, type Incoming, onEvent, openSocketServer } from "./socket-server.ts";
import type { DialectEvent, JoinOutcome, Line, Switchboard } from "./switchboard.ts";
import { limitUnjoined } from "./unjoined-limit.ts";

/** Long image jobs block the event loop of shipped extensions; a minute without a pong is normal. */
const PING_INTERVAL_MS = 25_000;
const PING_TIMEOUT_MS = 60_000;

const Identification = z.object({ type: z.enum(["client", "sd"]) });
const ROLES: Readonly<Record<"client" | "sd", Role>> = { client: "client", sd: "extension" };

/** The four server events that the shared types of shipped clients name, without `error`. */
interface ServerToShipped {
  upgradeKey: (message: { key: string }) => void;
  roomPresence: (counts: { client: number; sd: number }) => void;
  kicked: () => void;
  command: (payload: unknown) => void;
  commandStatus: (payload: unknown) => void;
}

type ShippedSocket = Socket<Incoming, ServerToShipped & Incoming>;

export interface ShippedSocketsOptions {
  readonly switchboard: Switchboard;
  readonly log: Logger;
}

/** @returns a function that closes every connection at once, so that clients reconnect by themselves. */
export function openShippedSockets(
  http: HttpServer,
  door: Door,
  { switchboard, log }: ShippedSocketsOptions,
): () => void {
  const io = openSocketServer<ServerToShipped>(http, door, {
    path: SHIPPED_SOCKET_PATH,
    maxMessageBytes: SHIPPED_MESSAGE_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
  });
  const welcome = limitUnjoined(http, io, SHIPPED_SOCKET_PATH);
  io.on("connection", (socket) => serveShipped(socket, switchboard, log, () => welcome(socket)));
  return () => io.engine.close();
}

function serveShipped(
  socket: ShippedSocket,
  switchboard: Switchboard,
  log: Logger,
  welcome: () => void,
): void {
  const line = new ShippedLine(socket, log);
  let role: Role | undefined;

  // Sent again after every connect, and twice by the website; only a first one decides.
  onEvent(socket, "iam", log, (who) => {
    role ??= ROLES[Identification.parse(who).type];
  });

  onEvent(socket, "join", log, (key, ack) => {
    const answer = (success: boolean, msg: string) => {
      if (typeof ack === "function") ack({ success, msg });
    };
    if (role === undefined) {
      answer(false, "You must identify yourself first");
      return undefined;
    }
    // They bring no installation id; the address is the best guess at who comes back after a cut.
    const installation = role === "extension" ? line.address : undefined;
    const profile = { role, name: "", capabilities: [], installation };
    return switchboard.join(line, typeof key === "string" ? key : "", profile, (outcome) => {
      if (outcome.ok) {
        welcome();
        answer(true, "Joined");
      } else {
        answer(false, `${outcome.error.detail}. ${outcome.error.remedy}`);
        afterRefusal(socket, outcome);
      }
    });
  });

  onEvent(socket, "leave", log, () => switchboard.leave(socket.id));
  onEvent(socket, "disconnect", log, () => switchboard.leave(socket.id));
  onEvent(socket, "command", log, (payload) => switchboard.speak(socket.id, "command", payload));
  onEvent(socket, "commandStatus", log, (payload) =>
    switchboard.speak(socket.id, "commandStatus", payload),
  );
}

function afterRefusal(socket: ShippedSocket, { error, retry }: JoinOutcome & { ok: false }): void {
  if (!retry) socket.emit("kicked");
  else if (error.code === "SERVER_REFUSED") socket.conn.close();
}

class ShippedLine implements Line {
  readonly kind = "shipped";
  readonly id: string;
  readonly address: string;
  readonly #socket: ShippedSocket;
  readonly #queuedBytes: () => number;
  readonly #log: Logger;

  constructor(socket: ShippedSocket, log: Logger) {
    this.id = socket.id;
    this.address = networkOf(socket.handshake.address);
    this.#socket = socket;
    this.#queuedBytes = watchOutbox(socket);
    this.#log = log;
  }

  presence(room: Room): void {
    this.#socket.emit("roomPresence", countsOf(room));
  }

  rekeyed(key: string): void {
    this.#socket.emit("upgradeKey", { key });
  }

  kicked(): void {
    this.#socket.emit("kicked");
  }

  /** Never asked for: a shipped extension's former self steps back to standby (see rooms.ts). */
  drop(): void {}

  dialect(_from: string, event: DialectEvent, payload: unknown): void {
    if (this.#queuedBytes() > SHIPPED_MESSAGE_BYTES) {
      this.#log.warn(
        { peerId: this.id, event },
        "dialect message dropped: the receiver does not keep up",
      );
      return;
    }
    this.#socket.emit(event, payload);
  }
}
