/**
 * What both socket.io servers have in common: who may open a socket at all, and how sockets are
 * wired so that nothing a stranger sends can throw out of a handler.
 *
 * The two differ in path, message size and patience (see peer-sockets.ts and shipped-sockets.ts),
 * because socket.io's limits are per server.
 */

import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import { Server, type Socket } from "socket.io";
import { drain } from "./drain.ts";
import { faultOf } from "./fault.ts";
import type { GuardedRequest, Verdict } from "./guard.ts";
import { networkOf } from "./ip-address.ts";
import type { Credentials } from "./users.ts";

/** What comes in is whatever a stranger sent. */
export type Incoming = Record<string, (...values: unknown[]) => void>;

export interface Door {
  readonly check: (request: GuardedRequest) => Verdict;
  readonly addresses: AddressCount;
  /** Who a request comes from, behind the operator's proxies; unknown when it hung up already. */
  readonly addressOf: (request: IncomingMessage) => string | undefined;
  /** Whether the server is about to stop, so that peers had better go elsewhere. */
  readonly isClosed: () => boolean;
  readonly onLimited: (limit: string) => void;
}

export interface SocketServerOptions {
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

/** A socket that was opened and says nothing; shipped clients connect their namespace at once. */
const NAMESPACE_TIMEOUT_MS = 10_000;

/** The answers of the polling transport, and refusals, are data for a library, never a page. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** The type of the packet that opens a socket on a connection. */
const CONNECT = 0;

export interface SocketServer {
  /** Closes the connections evenly over `ms`, so that peers do not all come back at once. */
  drain(ms: number): Promise<void>;
  /** Closes every connection at once, so that peers reconnect by themselves. */
  close(): void;
}

export function openSocketServer<Outgoing extends object>(
  http: HttpServer,
  door: Door,
  options: SocketServerOptions,
): SocketServer & { readonly io: Server<Incoming, Outgoing & Incoming> } {
  const { addresses, addressOf } = door;
  const io = new Server<Incoming, Outgoing & Incoming>(http, {
    path: options.path,
    maxHttpBufferSize: options.maxMessageBytes,
    pingInterval: options.pingIntervalMs,
    pingTimeout: options.pingTimeoutMs,
    connectTimeout: NAMESPACE_TIMEOUT_MS,
    transports: ["websocket", "polling"],
    // Records are compressed pictures; deflate would cost a context per socket and gain nothing.
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    cors: (request, callback) =>
      callback(null, { origin: siteOf(door, request), credentials: true }),
    allowRequest: (request, callback) => {
      const refusal = refusalOf(door, request);
      callback(refusal, refusal === undefined);
    },
  });
  io.engine.on("connection", (raw: Socket["conn"]) => {
    const leave = addresses.enter(addressOf(raw.request));
    raw.once("close", leave);
    closeAtSecondConnect(raw);
  });
  io.engine.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    next();
  });
  return {
    io,
    drain: (ms) =>
      drain([...io.sockets.sockets.values()], ms, ({ conn }) => conn.close(), {
        now: () => performance.now(),
        wait,
      }),
    close: () => io.engine.close(),
  };
}

/**
 * One connection has one socket. The library opens one for every CONNECT that comes before the first
 * is open, so a message of 64 KiB could open twenty thousand; here all but one cost nothing.
 */
function closeAtSecondConnect(raw: Socket["conn"]): void {
  let connects = 0;
  raw.on("packet", ({ type, data }: { type: string; data?: unknown }) => {
    if (type !== "message" || typeof data !== "string") return;
    // As the library's parser reads the type: a space is a zero too.
    if (Number(data.charAt(0)) === CONNECT && ++connects > 1) raw.close();
  });
}

/** Why nobody gets a socket by this request. Never throws: the library would let that end the process. */
function refusalOf(door: Door, request: IncomingMessage): string | undefined {
  try {
    const verdict = door.check(request);
    if (!verdict.allowed) return verdict.message;
    if (door.isClosed()) return "this server is about to stop";
    const address = door.addressOf(request);
    if (address === undefined) return "nobody is there any more";
    if (!door.addresses.isFull(address)) return undefined;
    door.onLimited("sockets-address");
    return "too many sockets";
  } catch {
    return "this request cannot be understood";
  }
}

/** The other site that an answer may be shown to. Never throws either. */
function siteOf({ check }: Door, request: GuardedRequest): string | false {
  try {
    const verdict = check(request);
    return (verdict.allowed && verdict.crossOrigin) || false;
  } catch {
    return false;
  }
}

/** What a socket's handshake says about who opened it. */
export function credentialsOf({ handshake }: Pick<Socket, "handshake">): Credentials {
  const { cookie, authorization } = handshake.headers;
  return { cookie, authorization, token: handshake.auth.token };
}

/**
 * Listens to `event`; a handler that throws or rejects is logged and harms nobody. At debug level,
 * because whoever sends nonsense could fill the disk otherwise.
 */
export function onEvent(
  socket: Socket<Incoming, Incoming>,
  event: string,
  log: Logger,
  handle: (...values: unknown[]) => void | Promise<void>,
): void {
  const failed = (err: unknown) =>
    log.debug({ event, peerId: socket.id, err: faultOf(err) }, "event refused");
  socket.on(event, (...values: unknown[]) => {
    try {
      handle(...values)?.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  });
}

/** Open sockets per address, over both servers. */
export class AddressCount {
  readonly #limit: number;
  readonly #open = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  isFull(address: string): boolean {
    return (this.#open.get(networkOf(address)) ?? 0) >= this.#limit;
  }

  /** @returns a function to call once when the socket has closed. */
  enter(address: string | undefined): () => void {
    const network = networkOf(address);
    this.#open.set(network, (this.#open.get(network) ?? 0) + 1);
    return () => {
      const left = (this.#open.get(network) ?? 1) - 1;
      if (left === 0) this.#open.delete(network);
      else this.#open.set(network, left);
    };
  }
}
