/**
 * Sockets of our own peers: the events of protocol/room.ts on PEER_SOCKET_PATH.
 *
 * `relay` is the hot path: a picture is thousands of records. It checks types and sizes by hand and
 * looks two peers up; every other event is checked by its schema. Invariant: at most
 * MAX_QUEUED_BYTES of relayed data wait for one receiver; what comes on top is dropped and counted,
 * and the peers' session sends it again. No record is opened, stored or logged.
 */

import type { Server as HttpServer, IncomingHttpHeaders } from "node:http";
import {
  BeelineError,
  DialectPart,
  type IceServer,
  type JoinAck,
  JoinRequest,
  type LinkKey,
  MAX_RELAY_FRAME_BYTES,
  PEER_MESSAGE_BYTES,
  PEER_SOCKET_PATH,
  PeerId,
  ROOM_VERSION,
  type ServerToPeer,
  SHIPPED_MESSAGE_BYTES,
} from "@beeline/protocol";
import type { Logger } from "pino";
import type { Socket } from "socket.io";
import { DialectAssembly } from "./dialect-parts.ts";
import { networkOf } from "./ip-address.ts";
import { watchOutbox } from "./outbox.ts";
import { TokenBucket } from "./rate-limit.ts";
import { presenceOf } from "./rooms.ts";
import { type Door, type Incoming, onEvent, openSocketServer } from "./socket-server.ts";
import type { JoinOutcome, Line, Switchboard } from "./switchboard.ts";

/** A dead socket is noticed within 20 s; our peers answer pings from Node or from the page's socket. */
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 10_000;

/** One second at 16 Mbit/s: enough to keep a slow receiver busy, little enough to hold per peer. */
const MAX_QUEUED_BYTES = 2 * 1024 * 1024;
/** One shipped message of the largest size may wait whole, and nothing behind it. */
const MAX_QUEUED_DIALECT_BYTES = SHIPPED_MESSAGE_BYTES;

/** What a record costs besides its bytes: routing an empty one takes as long as copying this much. */
const RECORD_COST_BYTES = 1024;

/** An attempt sends 20 to 50 candidates at once, and an extension answers several clients. */
const EVENTS = { capacity: 200, perSecond: 100 };

/** What was relayed, for metrics and for proving that a picture was not. */
export interface RelayMeter {
  relayedBytes: number;
  /** `relay` events passed on; one may carry several session records. */
  relayedRecords: number;
  /** Not passed on, because the sender or the receiver was over its limit. */
  droppedRecords: number;
}

export interface PeerSocketsOptions {
  readonly switchboard: Switchboard;
  readonly log: Logger;
  readonly now: () => number;
  readonly relayBytesPerSecond: number;
  readonly meter: RelayMeter;
  /** What a peer that reached us under these headers is told to use. */
  readonly iceServersFor: (headers: IncomingHttpHeaders) => IceServer[];
}

type PeerSocket = Socket<Incoming, ServerToPeer & Incoming>;

/** A connected peer, for those who have something to deliver to it. */
interface Receiver {
  readonly socket: PeerSocket;
  readonly queuedBytes: () => number;
}

/** @returns a function that closes every connection at once, so that peers reconnect by themselves. */
export function openPeerSockets(
  http: HttpServer,
  door: Door,
  options: PeerSocketsOptions,
): () => void {
  const io = openSocketServer<ServerToPeer>(http, door, {
    path: PEER_SOCKET_PATH,
    maxMessageBytes: PEER_MESSAGE_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
  });
  const receivers = new Map<PeerId, Receiver>();
  io.on("connection", (socket) => {
    receivers.set(socket.id, { socket, queuedBytes: watchOutbox(socket) });
    servePeer(socket, receivers, options);
    socket.on("disconnect", () => receivers.delete(socket.id));
  });
  return () => io.engine.close();
}

function servePeer(
  socket: PeerSocket,
  receivers: ReadonlyMap<PeerId, Receiver>,
  options: PeerSocketsOptions,
): void {
  const { switchboard, log, now } = options;
  const line = new PeerLine(socket, () => receivers.get(socket.id)?.queuedBytes() ?? 0, log);
  const events = new TokenBucket(EVENTS, now());

  onEvent(socket, "join", log, (request, ack) => {
    const answer = (outcome: JoinOutcome) => {
      if (typeof ack === "function") ack(joinAck(socket, outcome, options));
    };
    const checked = JoinRequest.safeParse(request);
    if (!events.take(1, now())) answer(refused("RATE_LIMITED", "too many events from this socket"));
    else if (!checked.success) answer(malformed(request));
    else {
      const { key, role, name, capabilities, installId } = checked.data;
      return switchboard.join(
        line,
        key,
        { role, name, capabilities, installation: installId },
        answer,
      );
    }
    return undefined;
  });

  onEvent(socket, "leave", log, () => switchboard.leave(socket.id));
  onEvent(socket, "disconnect", log, () => switchboard.leave(socket.id));

  onEvent(socket, "signal", log, (to, message) => {
    const target = PeerId.parse(to);
    if (!events.take(1, now()))
      throw new BeelineError("RATE_LIMITED", "too many events from this socket");
    if (!switchboard.connects(socket.id, target)) socket.emit("undeliverable", target);
    else receivers.get(target)?.socket.emit("signal", socket.id, message);
  });

  serveRelay(socket, receivers, options);
}

function serveRelay(
  socket: PeerSocket,
  receivers: ReadonlyMap<PeerId, Receiver>,
  { switchboard, log, now, meter, relayBytesPerSecond }: PeerSocketsOptions,
): void {
  const rate = { capacity: relayBytesPerSecond, perSecond: relayBytesPerSecond };
  const bytesAllowed = new TokenBucket(rate, now());
  const assembly = new DialectAssembly();

  onEvent(socket, "relay", log, (to, bytes) => {
    if (typeof to !== "string" || !(bytes instanceof Uint8Array)) return;
    if (bytes.byteLength > MAX_RELAY_FRAME_BYTES || to.length > 64) return;
    const receiver = switchboard.connects(socket.id, to) ? receivers.get(to) : undefined;
    if (receiver === undefined) {
      socket.emit("undeliverable", to);
      return;
    }
    const isAllowed = bytesAllowed.take(bytes.byteLength + RECORD_COST_BYTES, now());
    if (!isAllowed || receiver.queuedBytes() + bytes.byteLength > MAX_QUEUED_BYTES) {
      meter.droppedRecords++;
      return;
    }
    meter.relayedBytes += bytes.byteLength;
    meter.relayedRecords++;
    receiver.socket.emit("relay", socket.id, bytes);
  });

  onEvent(socket, "dialect", log, (raw) => {
    const part = DialectPart.parse(raw);
    if (!bytesAllowed.take(part.bytes.byteLength + RECORD_COST_BYTES, now())) {
      throw new BeelineError("RATE_LIMITED", "too many bytes from this socket");
    }
    const whole = assembly.add(part);
    if (whole === undefined) return;
    switchboard.speak(socket.id, whole.event, whole.payload, (listener) => {
      // Our own peers hear commands through their session, never twice.
      return listener.kind === "shipped" && (whole.to ?? listener.id) === listener.id;
    });
  });
}

class PeerLine implements Line {
  readonly kind = "beeline";
  readonly id: PeerId;
  readonly address: string;
  readonly #socket: PeerSocket;
  readonly #queuedBytes: () => number;
  readonly #log: Logger;

  constructor(socket: PeerSocket, queuedBytes: () => number, log: Logger) {
    this.id = socket.id;
    this.address = networkOf(socket.handshake.address);
    this.#socket = socket;
    this.#queuedBytes = queuedBytes;
    this.#log = log;
  }

  presence(room: Parameters<Line["presence"]>[0]): void {
    this.#socket.emit("presence", presenceOf(room));
  }

  rekeyed(key: LinkKey): void {
    this.#socket.emit("rekey", { key });
  }

  kicked(error: BeelineError): void {
    this.#socket.emit("kicked", { code: error.code, message: error.detail });
  }

  drop(): void {
    this.#socket.disconnect(true);
  }

  dialect(...[from, event, payload]: Parameters<Line["dialect"]>): void {
    if (this.#queuedBytes() > MAX_QUEUED_DIALECT_BYTES) {
      this.#log.warn(
        { peerId: this.id, event },
        "dialect message dropped: the receiver does not keep up",
      );
      return;
    }
    this.#socket.emit("dialect", from, { event, payload });
  }
}

function joinAck(
  socket: PeerSocket,
  outcome: JoinOutcome,
  { iceServersFor }: PeerSocketsOptions,
): JoinAck {
  if (!outcome.ok) {
    const { code, detail } = outcome.error;
    return { ok: false, error: { code, message: detail }, retry: outcome.retry };
  }
  return {
    ok: true,
    peerId: socket.id,
    presence: presenceOf(outcome.room),
    iceServers: iceServersFor(socket.handshake.headers),
    instanceName: outcome.instanceName,
  };
}

function malformed(request: unknown): JoinOutcome {
  const isOtherVersion =
    typeof request === "object" &&
    request !== null &&
    "version" in request &&
    request.version !== ROOM_VERSION;
  return isOtherVersion
    ? refused("VERSION_UNSUPPORTED", `this server speaks version ${ROOM_VERSION}`)
    : refused("MESSAGE_MALFORMED", "the join request is not one");
}

function refused(code: BeelineError["code"], detail: string): JoinOutcome {
  return { ok: false, error: new BeelineError(code, detail), retry: true };
}
