/**
 * A peer's place in a room: the socket to the link server, kept up for as long as it is wanted.
 *
 * Joins again after every reconnect. Only a definite answer ("no such key", "revoked") ends it; a
 * server that is away, restarting or failing is tried again for ever. Knows nothing of sessions.
 */

import {
  BeelineError,
  DIALECT_PART_BYTES,
  type DialectMessage,
  IceServer,
  JoinAck,
  type JoinRequest,
  Kicked,
  Limited,
  PEER_SOCKET_PATH,
  type PeerId,
  type PeerToServer,
  Presence,
  roomHint,
  type ServerToPeer,
  type SessionReport,
  splitRelayFrame,
} from "@beeline/protocol";
import { io, type Socket } from "socket.io-client";
import type { Clock } from "./clock.ts";

export type Joined = Extract<JoinAck, { ok: true }>;

export interface RoomHandlers {
  onJoined(joined: Joined): void;
  /** The socket is down; joining goes on by itself. `error` says what was tried. */
  onDown(error: BeelineError): void;
  onPresence(presence: Presence): void;
  onRekey(key: string): void;
  onSignal(from: PeerId, message: unknown): void;
  onRelay(from: PeerId, record: Uint8Array): void;
  /** The relay can take more. */
  onDrain(): void;
  onDialect(from: PeerId, message: DialectMessage): void;
  /** Replaces those of the join's answer. */
  onIceServers?(iceServers: readonly IceServer[]): void;
  /** For good: the key does not exist (any more), or the join was refused finally. */
  onEnd(error: BeelineError): void;
}

/** Says to the server whose links these are: a site's JWT, or what fetches one for each connection. */
export type TokenSource = string | (() => string | Promise<string>);

export interface RoomOptions extends Omit<JoinRequest, "version"> {
  readonly server: string;
  readonly token?: TokenSource | undefined;
}

/** A join that got no answer in this time is repeated: the server answers in one round trip. */
const JOIN_TIMEOUT_MS = 10_000;
/** After a refusal that may pass (rate limit, failing store). */
const REJOIN_MS = 3_000;
/** Quick first, because most drops are a second long; 5 s keeps a thousand waiting peers cheap. */
const RECONNECT_MIN_MS = 300;
const RECONNECT_MAX_MS = 5_000;
/** A server that says nothing wrong asks for less; one that does must not silence us. */
const MAX_PAUSE_MS = 2_000;
/** As many as the answer to a join may bring. */
const MAX_ICE_SERVERS = 16;
/** Frames that may wait below us: what lies there can no longer be overtaken by a command. */
const MAX_WAITING_FRAMES = 4;

export class RoomConnection {
  readonly #socket: Socket<ServerToPeer, PeerToServer>;
  readonly #handlers: RoomHandlers;
  readonly #clock: Clock;
  #request: JoinRequest;
  /** What the server goes by: those of the newest join; undefined while it knows of none. */
  #toldCapabilities: readonly string[] | undefined;
  #isJoined = false;
  #isEnded = false;
  #dialectMessages = 0;
  #cancelRejoin: (() => void) | undefined;
  /** The server asked for a pause; undefined: it did not. */
  #endPause: (() => void) | undefined;

  constructor(options: RoomOptions, clock: Clock, handlers: RoomHandlers) {
    const { server, token, ...request } = options;
    this.#request = { version: 1, ...request };
    this.#clock = clock;
    this.#handlers = handlers;
    this.#socket = io(server, {
      path: PEER_SOCKET_PATH,
      query: placeOf(request.key),
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      withCredentials: true,
      ...(token === undefined ? {} : { auth: (give) => void readToken(token).then(give) }),
      reconnectionDelay: RECONNECT_MIN_MS,
      reconnectionDelayMax: RECONNECT_MAX_MS,
      autoConnect: false,
      forceNew: true,
    });
    this.#listen();
    this.#socket.connect();
  }

  get key(): string {
    return this.#request.key;
  }

  get canSend(): boolean {
    const engine = this.#socket.io.engine;
    const isFree = engine !== undefined && engine.writeBuffer.length < MAX_WAITING_FRAMES;
    return this.#isJoined && isFree && this.#endPause === undefined;
  }

  /** @param frame one or more records, as `RelayFrame` puts them together. */
  relay(to: PeerId, frame: Uint8Array): void {
    if (this.#isJoined) this.#socket.emit("relay", to, frame);
  }

  signal(to: PeerId, message: unknown): void {
    if (this.#isJoined) this.#socket.emit("signal", to, message);
  }

  /** For the server's statistics. */
  report(report: SessionReport): void {
    if (this.#isJoined) this.#socket.emit("report", report);
  }

  /** Says something to every shipped peer of the other role, in parts that our own socket may send. */
  dialect(event: DialectMessage["event"], payload: unknown): void {
    if (!this.#isJoined) return;
    const text = new TextEncoder().encode(JSON.stringify(payload));
    const message = this.#dialectMessages;
    this.#dialectMessages += 1;
    for (let at = 0; at < text.byteLength; at += DIALECT_PART_BYTES) {
      const bytes = text.subarray(at, at + DIALECT_PART_BYTES);
      const last = at + DIALECT_PART_BYTES >= text.byteLength;
      this.#socket.emit("dialect", { event, message, last, bytes });
    }
  }

  /**
   * Said when joining. The server hears at once of what is new, by a new connection: it gives TURN
   * credentials only to those who can connect directly. Of what is gone it hears the next time.
   */
  setCapabilities(capabilities: readonly string[]): void {
    this.#request = { ...this.#request, capabilities: [...capabilities] };
    const told = this.#toldCapabilities;
    if (told !== undefined && capabilities.some((one) => !told.includes(one))) this.reconnect();
  }

  /**
   * Leaves the transport behind and connects anew: for a relay that fell silent without closing. The
   * old one is not waited for: its engine closes when what it holds is sent, and that may be never.
   */
  reconnect(): void {
    if (!this.#isEnded) this.#socket.disconnect().connect();
  }

  close(): void {
    this.#isEnded = true;
    this.#cancelRejoin?.();
    this.#endPause?.();
    if (this.#isJoined) this.#socket.emit("leave");
    this.#socket.removeAllListeners();
    this.#socket.disconnect();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("connect", () => {
      socket.io.engine.on("drain", () => this.#handlers.onDrain());
      this.#join();
    });
    socket.on("disconnect", (reason) => {
      this.#down(`the connection to the server was lost (${reason})`);
      // socket.io does not come back by itself after the server closed the socket.
      if (reason === "io server disconnect" && !this.#isEnded) this.#rejoinLater();
    });
    socket.on("connect_error", (error) => {
      this.#down(`the server does not answer (${error.message})`);
      // An answer that refuses the handshake ends socket.io's own attempts.
      if (!socket.active && !this.#isEnded) this.#rejoinLater();
    });
    socket.on("presence", (raw) => {
      const presence = Presence.safeParse(raw);
      if (presence.success) this.#handlers.onPresence(presence.data);
    });
    socket.on("rekey", (raw) => {
      if (typeof raw?.key !== "string") return;
      this.#request = { ...this.#request, key: raw.key };
      // From the next connection on.
      socket.io.opts.query = placeOf(raw.key);
      this.#handlers.onRekey(raw.key);
    });
    socket.on("kicked", (raw) => {
      const kicked = Kicked.safeParse(raw);
      if (kicked.success) this.#end(BeelineError.fromWire(kicked.data));
    });
    socket.on("signal", (from, message) => this.#handlers.onSignal(from, message));
    socket.on("relay", (from, bytes) => {
      for (const record of recordsOf(bytes)) this.#handlers.onRelay(from, record);
    });
    socket.on("dialect", (from, message) => this.#handlers.onDialect(from, message));
    socket.on("iceServers", (raw) => {
      const iceServers = IceServer.array().max(MAX_ICE_SERVERS).safeParse(raw);
      if (iceServers.success) this.#handlers.onIceServers?.(iceServers.data);
    });
    socket.on("limited", (raw) => {
      const limited = Limited.safeParse(raw);
      if (limited.success) this.#pause(limited.data.retryAfterMs);
    });
  }

  #join(): void {
    this.#toldCapabilities = this.#request.capabilities;
    this.#socket.timeout(JOIN_TIMEOUT_MS).emit("join", this.#request, (timeout, raw) => {
      if (this.#isEnded) return;
      const ack = timeout === null ? JoinAck.safeParse(raw) : undefined;
      if (ack?.success !== true) {
        this.#down("the server did not answer the join");
        this.#rejoinLater();
      } else if (ack.data.ok) {
        this.#isJoined = true;
        this.#handlers.onJoined(ack.data);
        this.#handlers.onPresence(ack.data.presence);
      } else {
        const error = BeelineError.fromWire(ack.data.error);
        if (!ack.data.retry) return this.#end(error);
        this.#toldCapabilities = undefined;
        this.#handlers.onDown(error);
        this.#rejoinLater();
      }
    });
  }

  /** What is sent while the server drops it would have to be sent again. */
  #pause(ms: number): void {
    this.#endPause?.();
    this.#endPause = this.#clock.after(Math.min(ms, MAX_PAUSE_MS), () => {
      this.#endPause = undefined;
      this.#handlers.onDrain();
    });
  }

  #rejoinLater(): void {
    this.#cancelRejoin?.();
    this.#cancelRejoin = this.#clock.after(REJOIN_MS, () => {
      if (this.#isEnded) return;
      if (this.#socket.connected) this.#join();
      else this.#socket.connect();
    });
  }

  #down(detail: string): void {
    this.#isJoined = false;
    this.#toldCapabilities = undefined;
    if (!this.#isEnded) this.#handlers.onDown(new BeelineError("SERVER_UNREACHABLE", detail));
  }

  #end(error: BeelineError): void {
    if (this.#isEnded) return;
    this.close();
    this.#handlers.onEnd(error);
  }
}

/** None, when a peer sent nonsense: its session will miss them, and nobody else is harmed. */
function recordsOf(value: unknown): readonly Uint8Array[] {
  try {
    if (value instanceof Uint8Array) return splitRelayFrame(value);
    return value instanceof ArrayBuffer ? splitRelayFrame(new Uint8Array(value)) : [];
  } catch {
    return [];
  }
}

/** For a balancer in front of several server processes. */
function placeOf(key: string): { room?: string } {
  const room = roomHint(key);
  return room === undefined ? {} : { room };
}

/** A token that cannot be had is none: the server says what that means. */
async function readToken(token: TokenSource): Promise<{ token?: string }> {
  try {
    return { token: typeof token === "string" ? token : await token() };
  } catch {
    return {};
  }
}
