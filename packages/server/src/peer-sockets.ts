/**
 * Sockets of our own peers: the events of protocol/room.ts on PEER_SOCKET_PATH.
 *
 * `relay` is the hot path: a picture is thousands of records. It checks types and sizes by hand and
 * looks two peers up; every other event is checked by its schema. What is over a limit, or waits for a
 * receiver that has too much already (see peer-line.ts), is dropped and counted, the sender is told
 * (see relay-gate.ts), and the peers' session sends it again. No record is opened, stored or logged.
 */

import type { Server as HttpServer } from "node:http";
import {
  BeelineError,
  DialectPart,
  type JoinAck,
  JoinRequest,
  PEER_MESSAGE_BYTES,
  PEER_SOCKET_PATH,
  PeerId,
  ROOM_VERSION,
  type ServerToPeer,
  SessionReport,
} from "@beeline/protocol";
import { type ByteBudget, counted } from "./byte-budget.ts";
import { DialectAssembly } from "./dialect-parts.ts";
import type { JoinOutcome } from "./line.ts";
import { watchSizes } from "./message-size.ts";
import type { RelayMeter } from "./meter.ts";
import { PeerLine, type PeerLineOptions, type PeerSocket } from "./peer-line.ts";
import { plainText } from "./plain-text.ts";
import { TokenBucket } from "./rate-limit.ts";
import type { RelayLimit } from "./relay-gate.ts";
import { presenceOf } from "./rooms.ts";
import { type Door, onEvent, openSocketServer, type SocketServer } from "./socket-server.ts";

/** A dead socket is noticed within 20 s; our peers answer pings from Node or from the page's socket. */
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 10_000;

/** An attempt sends 20 to 50 candidates at once, and an extension answers several clients. */
const EVENTS = { capacity: 200, perSecond: 100 };
/** Peers join once after a connect and try again every three seconds; each join is told to the whole room. */
const JOINS = { capacity: 20, perSecond: 1 };

/** Three for each of the 32 sessions of an extension that comes back; each is a line of the log. */
const REPORTS = { capacity: 100, perSecond: 2 };

/** Credentials are renewed when half of their life is over, which is at least 30 s. */
const RENEW_EVERY_MS = 15_000;

export interface PeerSocketsOptions extends PeerLineOptions {
  readonly meter: RelayMeter;
  readonly onReport: (from: PeerId, report: SessionReport) => void;
  /** For shipped-dialect messages that are coming in. */
  readonly incoming: ByteBudget;
}

export function openPeerSockets(
  http: HttpServer,
  door: Door,
  options: PeerSocketsOptions,
): SocketServer {
  const { io, ...server } = openSocketServer<ServerToPeer>(http, door, {
    path: PEER_SOCKET_PATH,
    maxMessageBytes: PEER_MESSAGE_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
  });
  const lines = new Set<PeerLine>();
  io.on("connection", (socket) => {
    const line = new PeerLine(socket, options);
    lines.add(line);
    const closeOutbox = options.outboxes.add(line.outbox, line.address);
    socket.once("disconnect", () => {
      lines.delete(line);
      closeOutbox();
    });
    servePeer(socket, line, options);
  });
  const renewal = setInterval(() => {
    for (const line of lines) line.renewTurn();
  }, RENEW_EVERY_MS);
  renewal.unref();
  return {
    ...server,
    close() {
      clearInterval(renewal);
      server.close();
    },
  };
}

function servePeer(socket: PeerSocket, line: PeerLine, options: PeerSocketsOptions): void {
  const { switchboard, log, now } = options;
  const { gate } = line;
  const events = new TokenBucket(EVENTS, now());
  const joins = new TokenBucket(JOINS, now());
  const reports = new TokenBucket(REPORTS, now());
  /** There is nothing to leave that was not joined before. */
  let mayBeIn = false;

  onEvent(socket, "join", log, (request, ack) => {
    const answer = (outcome: JoinOutcome) => {
      if (outcome.ok) line.forgetTurn();
      if (typeof ack === "function") line.reply(() => ack(joinAck(socket, outcome, options)));
    };
    const checked = JoinRequest.safeParse(request);
    if (!joins.take(1, now())) answer(refused("RATE_LIMITED", "too many joins from this socket"));
    else if (!checked.success) answer(malformed(request));
    else {
      const { key, role, name, capabilities, installId } = checked.data;
      const profile = { role, name: plainText(name), capabilities, installation: installId };
      mayBeIn = true;
      return switchboard.join(line, key, profile, answer);
    }
    return undefined;
  });

  onEvent(socket, "leave", log, () => {
    if (!mayBeIn) return undefined;
    mayBeIn = false;
    return switchboard.leave(socket.id);
  });
  onEvent(socket, "disconnect", log, () => switchboard.leave(socket.id));
  onEvent(socket, "report", log, (raw) => {
    const report = SessionReport.parse(raw);
    const place = switchboard.connects(socket.id, report.to);
    if (place === undefined || !reports.take(1, now())) return;
    options.onReport(socket.id, report);
    const { to: clientId, session, path, attempt } = report;
    const { instanceId } = place;
    const what = { instanceId, peerId: socket.id, clientId, session, path, ...attempt };
    log.info(what, path === undefined ? "direct attempt ended" : "session path");
  });

  const bytesOf = watchSizes(socket, 1, ["signal"]);
  onEvent(socket, "signal", log, (to, message) => {
    const target = PeerId.parse(to);
    const drop = (limit: RelayLimit) => {
      options.onLimited(`signal-${limit}`);
      gate.refuse(limit, now());
    };
    if (!events.take(1, now())) return drop("events");
    const place = switchboard.connects(socket.id, target);
    const signal = { kind: "signal", from: socket.id, to: target, message } as const;
    if (place === undefined) {
      line.reply(() => socket.emit("undeliverable", target));
      return undefined;
    }
    const exceeded = gate.check(target, place.userId, bytesOf(message), now());
    if (exceeded !== undefined) return drop(exceeded);
    if (!switchboard.pass(signal, place)) drop("receiver");
    return undefined;
  });

  serveRelay(socket, line, options);
}

function serveRelay(
  socket: PeerSocket,
  line: PeerLine,
  { switchboard, log, now, meter, incoming, onLimited }: PeerSocketsOptions,
): void {
  const { gate } = line;
  const assembly = new DialectAssembly();
  let countedBytes = 0;
  const count = (bytes: number) => {
    const more = counted(bytes) - countedBytes;
    if (more > 0 && !incoming.take(line.address, more)) return false;
    if (more < 0) incoming.giveBack(line.address, -more);
    countedBytes = counted(bytes);
    return true;
  };
  const assemble = (part: DialectPart) => {
    try {
      return assembly.add(part);
    } catch (thrown) {
      if (thrown instanceof BeelineError && thrown.code === "LIMIT_EXCEEDED") {
        onLimited("dialect-message");
        gate.refuse("message", now());
      }
      throw thrown;
    } finally {
      if (!count(assembly.heldBytes)) {
        assembly.forget();
        count(0);
        onLimited("dialect-bytes");
        gate.refuse("unfinished", now());
      }
    }
  };
  socket.once("disconnect", () => void count(0));
  const drop = (limit: RelayLimit) => {
    meter.dropped(limit);
    gate.refuse(limit, now());
  };

  onEvent(socket, "relay", log, (to, bytes) => {
    if (typeof to !== "string" || !(bytes instanceof Uint8Array) || to.length > 64) return;
    const place = switchboard.connects(socket.id, to);
    if (place === undefined) {
      line.reply(() => socket.emit("undeliverable", to));
      return;
    }
    const { byteLength } = bytes;
    const exceeded = gate.check(to, place.userId, byteLength, now());
    if (exceeded !== undefined) return drop(exceeded);
    if (!switchboard.pass({ kind: "relay", from: socket.id, to, bytes }, place)) {
      return drop("receiver");
    }
    meter.relayed(byteLength);
  });

  onEvent(socket, "dialect", log, (raw) => {
    const part = DialectPart.parse(raw);
    const owner = switchboard.ownerOf(socket.id);
    if (owner === undefined) return;
    // Parts go to everybody or to one; either way they are one session's worth of bytes. A name that
    // nobody has gets no bucket, because it would take the place of somebody's.
    const { to = "" } = part;
    const session = to !== "" && switchboard.connects(socket.id, to) ? to : "";
    const exceeded = gate.check(session, owner, part.bytes.byteLength, now());
    if (exceeded !== undefined) return drop(exceeded);
    const whole = assemble(part);
    if (whole === undefined) return;
    const isPassedOn = switchboard.speak(socket.id, whole.event, whole, (listener) => {
      // Our own peers hear commands through their session, never twice.
      return listener.kind === "shipped" && (whole.to ?? listener.id) === listener.id;
    });
    if (!isPassedOn) gate.refuse("receiver", now());
  });
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
