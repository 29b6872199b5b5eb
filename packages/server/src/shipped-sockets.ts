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
import { ByteBudget } from "./byte-budget.ts";
import { watchPongs } from "./heard.ts";
import { limitIncoming } from "./incoming-limit.ts";
import { networkOf } from "./ip-address.ts";
import type { JoinOutcome, Line } from "./line.ts";
import { watchOutbox } from "./outbox.ts";
import type { Parcel } from "./room-directory.ts";
import { countsOf, type Room } from "./rooms.ts";
import {
  credentialsOf,
  type Door,
  type Incoming,
  onEvent,
  openSocketServer,
  type SocketServer,
} from "./socket-server.ts";
import type { Switchboard } from "./switchboard.ts";
import type { Credentials } from "./users.ts";

/** Long image jobs block the event loop of shipped extensions; a minute without a pong is normal. */
const PING_INTERVAL_MS = 25_000;
const PING_TIMEOUT_MS = 60_000;

/** A command is a few hundred bytes; above this, what waits for all sockets together is counted. */
const BIG_MESSAGE_BYTES = 64 * 1024;

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
  readonly addressOf: Door["addressOf"];
  readonly userOf: (credentials: Credentials) => Promise<string | undefined>;
  /** Messages that are coming in, and messages that wait to go out: so many bytes each. */
  readonly budgetBytes: number;
  readonly onLimited: (limit: string) => void;
}

export function openShippedSockets(
  http: HttpServer,
  door: Door,
  options: ShippedSocketsOptions,
): SocketServer {
  const { io, ...server } = openSocketServer<ServerToShipped>(http, door, {
    path: SHIPPED_SOCKET_PATH,
    maxMessageBytes: SHIPPED_MESSAGE_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
  });
  const welcome = limitIncoming(http, io, {
    path: SHIPPED_SOCKET_PATH,
    budget: new ByteBudget(options.budgetBytes),
    addressOf: options.addressOf,
    onLimited: options.onLimited,
  });
  const lines = new Set<ShippedLine>();
  const hasRoomFor = (bytes: number) => {
    if (bytes < BIG_MESSAGE_BYTES) return true;
    const waiting = [...lines].reduce((sum, line) => sum + line.queuedBytes(), 0);
    return waiting + bytes <= options.budgetBytes;
  };
  io.on("connection", (socket) => {
    const line = new ShippedLine(socket, options, hasRoomFor);
    lines.add(line);
    socket.once("disconnect", () => lines.delete(line));
    serveShipped(socket, line, options, () => welcome(socket));
  });
  return server;
}

function serveShipped(
  socket: ShippedSocket,
  line: ShippedLine,
  { switchboard, log }: ShippedSocketsOptions,
  welcome: () => void,
): void {
  let role: Role | undefined;
  const lastMessageBytes = watchIncoming(socket);

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
  for (const event of ["command", "commandStatus"] as const) {
    onEvent(socket, event, log, (payload) =>
      switchboard.speak(socket.id, event, { payload, bytes: lastMessageBytes() }),
    );
  }
}

/** @returns how many characters the packet had that is being handled. */
function watchIncoming({ conn }: ShippedSocket): () => number {
  let length = 0;
  conn.on("packet", ({ data }: { data?: string | Buffer }) => {
    length = data?.length ?? 0;
  });
  return () => length;
}

function afterRefusal(socket: ShippedSocket, { error, retry }: JoinOutcome & { ok: false }): void {
  if (!retry) socket.emit("kicked");
  else if (error.code === "SERVER_REFUSED") socket.conn.close();
}

class ShippedLine implements Line {
  readonly kind = "shipped";
  readonly id: string;
  readonly address: string;
  readonly queuedBytes: () => number;
  readonly #whenHeard: (heard: () => void) => void;
  readonly #socket: ShippedSocket;
  readonly #options: ShippedSocketsOptions;
  readonly #hasRoomFor: (bytes: number) => boolean;

  constructor(
    socket: ShippedSocket,
    options: ShippedSocketsOptions,
    hasRoomFor: (bytes: number) => boolean,
  ) {
    this.id = socket.id;
    this.address = networkOf(options.addressOf(socket.request));
    this.queuedBytes = watchOutbox(socket);
    this.#whenHeard = watchPongs(socket.conn);
    this.#socket = socket;
    this.#options = options;
    this.#hasRoomFor = hasRoomFor;
  }

  /** Of a page on the server's own site; others bring no cookie, and shipped clients no token. */
  user(): Promise<string | undefined> {
    return this.#options.userOf(credentialsOf(this.#socket));
  }

  presence(room: Room): void {
    this.#socket.emit("roomPresence", countsOf(room));
  }

  rekeyed(key: string, heard: () => void): void {
    this.#socket.emit("upgradeKey", { key });
    this.#whenHeard(heard);
  }

  kicked(): void {
    this.#socket.emit("kicked");
  }

  /** Never asked for: a shipped extension's former self steps back to standby (see rooms.ts). */
  drop(): void {}

  reconnect(): void {
    this.#socket.conn.close();
  }

  deliver(parcel: Parcel): boolean {
    if (parcel.kind !== "dialect") return false;
    const { event, payload, bytes = 0 } = parcel;
    if (this.queuedBytes() > SHIPPED_MESSAGE_BYTES || !this.#hasRoomFor(bytes)) {
      this.#options.onLimited("shipped-queue");
      this.#options.log.warn(
        { peerId: this.id, event },
        "dialect message dropped: the receivers do not keep up",
      );
      return false;
    }
    this.#socket.emit(event, payload);
    return true;
  }
}
