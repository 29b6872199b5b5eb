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
 * is told by `kicked` as well, and a join that the server failed, or of an extension that came over
 * a limit, is repeated by closing the transport, after which they come back by themselves and join.
 */

import type { Server as HttpServer } from "node:http";
import { type Role, SHIPPED_MESSAGE_BYTES, SHIPPED_SOCKET_PATH } from "@beeline/protocol";
import type { Logger } from "pino";
import type { Socket } from "socket.io";
import { z } from "zod";
import type { ByteBudget } from "./byte-budget.ts";
import { watchPongs } from "./heard.ts";
import { limitIncoming, type Membership } from "./incoming-limit.ts";
import { networkOf } from "./ip-address.ts";
import type { JoinOutcome, Line } from "./line.ts";
import { watchSizes } from "./message-size.ts";
import { Outbox, type OutboxBudget } from "./outbox.ts";
import { TokenBucket } from "./rate-limit.ts";
import type { UserRates } from "./relay-gate.ts";
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

/** A browser answers a ping in one round trip, a phone on a bad network in two seconds. */
const CHALLENGE_MS = 5_000;

/**
 * A command or a status is a few hundred bytes, so this many wait for a receiver that is slow for a
 * moment; what waits beyond it, for all sockets together, is counted.
 */
const COMFORTABLE_BYTES = 1024 * 1024;

/** They join once after a connect, the desktop app again after the rekey; each join is told to the room. */
const JOINS = { capacity: 20, perSecond: 1 };

const MESSAGES = ["command", "commandStatus"] as const;

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
  readonly now: () => number;
  /** What all links of one user may say, by records of our own peers and by these messages. */
  readonly users: UserRates;
  /** For messages that are coming in. */
  readonly incoming: ByteBudget;
  /** For messages that wait to go out. */
  readonly outboxes: OutboxBudget;
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
  const watch = limitIncoming(http, io, {
    path: SHIPPED_SOCKET_PATH,
    budget: options.incoming,
    addressOf: options.addressOf,
    onLimited: options.onLimited,
  });
  io.on("connection", (socket) => {
    const membership = watch(socket);
    const line = new ShippedLine(socket, membership, options);
    socket.once("disconnect", options.outboxes.add(line.outbox, line.address));
    serveShipped(socket, line, membership, options);
  });
  return server;
}

function serveShipped(
  socket: ShippedSocket,
  line: ShippedLine,
  membership: Membership,
  { switchboard, log, now, users, onLimited }: ShippedSocketsOptions,
): void {
  let role: Role | undefined;
  const joins = new TokenBucket(JOINS, now());
  /** There is nothing to leave that was not joined before. */
  let mayBeIn = false;
  const bytesOf = watchSizes(socket, 0, MESSAGES);

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
    if (!joins.take(1, now())) {
      answer(false, "Too many joins");
      // It takes any answer for success, and comes back after a cut.
      if (role === "extension") socket.conn.close();
      return undefined;
    }
    mayBeIn = true;
    // They bring no installation id; the address is the best guess at who comes back after a cut.
    const installation = role === "extension" ? line.address : undefined;
    const profile = { role, name: "", capabilities: [], installation };
    return switchboard.join(line, typeof key === "string" ? key : "", profile, (outcome) => {
      if (outcome.ok) {
        membership.joined();
        answer(true, "Joined");
      } else {
        // It may have left another room for this one.
        if (switchboard.ownerOf(socket.id) === undefined) membership.left();
        answer(false, `${outcome.error.detail}. ${outcome.error.remedy}`);
        afterRefusal(socket, role, outcome);
      }
    });
  });

  onEvent(socket, "leave", log, () => {
    if (!mayBeIn) return undefined;
    mayBeIn = false;
    return switchboard.leave(socket.id).then(() => membership.left());
  });
  onEvent(socket, "disconnect", log, () => switchboard.leave(socket.id));
  for (const event of MESSAGES) {
    onEvent(socket, event, log, (payload) => {
      const bytes = bytesOf(payload);
      const owner = switchboard.ownerOf(socket.id);
      if (owner === undefined) return;
      if (users.take(owner, bytes, now())) switchboard.speak(socket.id, event, { payload, bytes });
      else {
        onLimited("shipped-user");
        log.debug({ peerId: socket.id, event }, "dialect message dropped: over its user's rate");
      }
    });
  }
}

/** What passes by itself. An extension takes any answer for a success, and would never join again. */
const PASSING: readonly string[] = ["RATE_LIMITED", "LIMIT_EXCEEDED"];

function afterRefusal(
  socket: ShippedSocket,
  role: Role | undefined,
  { error, retry }: JoinOutcome & { ok: false },
): void {
  const isPassing = role === "extension" && PASSING.includes(error.code);
  if (!retry) socket.emit("kicked");
  else if (error.code === "SERVER_REFUSED" || isPassing) socket.conn.close();
}

class ShippedLine implements Line {
  readonly kind = "shipped";
  readonly id: string;
  readonly address: string;
  readonly outbox: Outbox;
  readonly #whenHeard: (heard: () => void) => void;
  readonly #socket: ShippedSocket;
  readonly #membership: Membership;
  readonly #options: ShippedSocketsOptions;

  constructor(socket: ShippedSocket, membership: Membership, options: ShippedSocketsOptions) {
    this.id = socket.id;
    this.address = networkOf(options.addressOf(socket.request));
    this.outbox = new Outbox(socket, COMFORTABLE_BYTES);
    this.#whenHeard = watchPongs(socket.conn);
    this.#socket = socket;
    this.#membership = membership;
    this.#options = options;
  }

  /** Of a page on the server's own site; others bring no cookie, and shipped clients no token. */
  user(): Promise<string | undefined> {
    return this.#options.userOf(credentialsOf(this.#socket));
  }

  presence(room: Room): void {
    this.outbox.sendNewest(() => this.#socket.emit("roomPresence", countsOf(room)));
  }

  rekeyed(key: string, heard: () => void): void {
    this.#socket.emit("upgradeKey", { key });
    this.#whenHeard(heard);
  }

  kicked(): void {
    this.#membership.left();
    this.outbox.forgetNewest();
    this.#socket.emit("kicked");
  }

  /** Never asked for: a shipped extension's former self steps back to standby (see rooms.ts). */
  drop(): void {}

  challenge(silent: () => void): void {
    const timer = setTimeout(silent, CHALLENGE_MS);
    timer.unref();
    this.#whenHeard(() => clearTimeout(timer));
  }

  reconnect(): void {
    this.#socket.conn.close();
  }

  deliver(parcel: Parcel): boolean {
    if (parcel.kind !== "dialect") return false;
    const { event, payload, bytes = 0 } = parcel;
    const { outboxes, onLimited, log } = this.#options;
    if (!outboxes.hasRoomFor(bytes, this.outbox)) {
      onLimited("shipped-queue");
      log.debug(
        { peerId: this.id, event },
        "dialect message dropped: the receivers do not keep up",
      );
      return false;
    }
    this.#socket.emit(event, payload);
    return true;
  }
}
