/**
 * What keeps a link up: the place in the room, the session with the extension there, and the next
 * session when one is lost. Commands are none of its business; they wait in {@link Connection.calls}.
 *
 *     joining ──▶ waiting ──▶ linked ──▶ closed
 *        ▲           ▲  (extension gone)  │
 *        └───────────┴────────────────────┘   (server or extension gone)
 */

import {
  type Clock,
  type CreateRtcPeer,
  type IncomingStream,
  RoomConnection,
} from "@beeline/paths";
import {
  BeelineError,
  CAPABILITIES,
  DIRECT_REASONS,
  type DirectReason,
  type IceServer,
  type PeerInfo,
  type Presence,
  type StreamHeader,
} from "@beeline/protocol";
import type {
  ConnectOptions,
  ExtensionKind,
  LinkEvents,
  LinkState,
  LinkStats,
  PathPolicy,
  PathReport,
} from "./api.ts";
import { Calls } from "./calls.ts";
import { rememberedClientId } from "./client-id.ts";
import { ClientSession } from "./client-session.ts";
import { Listeners } from "./listeners.ts";
import { watchPage } from "./page-events.ts";
import { sessionCarrier } from "./session-carrier.ts";
import { ShippedCarrier } from "./shipped-carrier.ts";
import { SwitchLog } from "./switch-log.ts";

/** Between a lost session and the next one: an extension that restarts is not hammered. */
const NEW_SESSION_MS = 500;
const STATS_EVERY_MS = 1_000;

interface Obstacle {
  readonly state: "waiting" | "joining";
  readonly why: BeelineError;
}

export class Connection {
  readonly #options: ConnectOptions;
  readonly #clock: Clock;
  readonly #createPeer: CreateRtcPeer | undefined;
  readonly #room: RoomConnection;
  readonly calls: Calls;
  readonly #listeners = new Listeners<LinkEvents>();
  readonly #switches: SwitchLog;
  readonly #unwatchPage: () => void;
  #policy: PathPolicy;
  #iceServers: readonly IceServer[] = [];
  #extension: PeerInfo | undefined;
  #session: ClientSession | undefined;
  /** Instead of a session, once a shipped extension was the one to answer. */
  #shipped: ShippedCarrier | undefined;
  #isWelcomed = false;
  #kind: ExtensionKind | undefined;
  /** Why the extension cannot be reached through the room; undefined: it can. */
  #obstacle: Obstacle | undefined;
  #state: LinkState = "joining";
  #endError: BeelineError | undefined;
  #path: PathReport = report("relay", "not-tried");
  #cancelStats: () => void = () => {};
  #onFirstJoin: (error: BeelineError | undefined) => void = () => {};

  constructor(options: ConnectOptions, clock: Clock, createPeer: CreateRtcPeer | undefined) {
    this.#options = options;
    this.#clock = clock;
    this.#createPeer = createPeer;
    this.#policy = options.policy ?? "preferDirect";
    this.calls = new Calls(clock);
    this.#switches = new SwitchLog(clock);
    this.#room = new RoomConnection(
      {
        server: options.server,
        role: "client",
        token: options.token,
        key: options.key,
        name: options.name ?? "",
        capabilities: this.#capabilities,
      },
      clock,
      {
        onJoined: (joined) => {
          this.#setIceServers(joined.iceServers);
          if (this.#state === "joining") this.#setState("waiting");
          this.#onFirstJoin(undefined);
        },
        onDown: (error) => this.#onDown(error),
        onPresence: (presence) => this.#onPresence(presence),
        onRekey: (key) => this.#listeners.emit("rekey", key),
        onSignal: (from, message) => this.#session?.onSignal(from, message),
        onRelay: (from, record) => this.#session?.onRelay(from, record),
        onDrain: () => this.#session?.onDrain(),
        onDialect: (from, { event, payload }) => {
          if (event === "commandStatus" && from === this.#extension?.id)
            this.#shipped?.hear(payload);
        },
        onIceServers: (iceServers) => this.#setIceServers(iceServers),
        onEnd: (error) => this.#end(error),
      },
    );
    this.#unwatchPage = watchPage(() => this.#session?.nudge());
    this.#tickStats();
  }

  get key(): string {
    return this.#room.key;
  }

  get state(): LinkState {
    return this.#state;
  }

  get kind(): ExtensionKind | undefined {
    return this.#kind;
  }

  get path(): PathReport {
    return this.#path;
  }

  joined(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => this.#end(new BeelineError("CANCELED", "connecting was aborted"));
      this.#onFirstJoin = (error) => {
        signal?.removeEventListener("abort", abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void {
    return this.#listeners.add(event, listener);
  }

  setPolicy(policy: PathPolicy): void {
    this.#policy = policy;
    // First, so that an attempt begins when both sides have been given TURN credentials.
    this.#room.setCapabilities(this.#capabilities);
    this.#session?.setPolicy(policy);
    this.#updatePath();
  }

  stats(): LinkStats {
    const paths = this.#session?.session.paths() ?? [];
    return {
      path: this.#path,
      paths: paths.map((path) => ({
        kind: path.id.kind,
        generation: path.id.generation,
        state: path.state,
        rttMs: path.rtt.measuredMs,
        lossRatio: path.lossRatio,
        goodput: path.goodput.bytesPerSecond,
        sentBytes: path.sentBytes,
        receivedBytes: path.receivedBytes,
        resentBytes: path.resentBytes,
      })),
      attempts: this.#session?.attempts ?? [],
      switches: this.#switches.entries,
    };
  }

  async close(timeoutMs: number): Promise<void> {
    if (this.#state === "closed") return;
    try {
      if (this.#isWelcomed) await this.#session?.close(timeoutMs);
    } finally {
      this.#end(undefined);
    }
  }

  #setIceServers(iceServers: readonly IceServer[]): void {
    this.#iceServers = iceServers;
    this.#session?.setIceServers(iceServers);
  }

  /** Without `direct/1` nobody offers anything, and the server gives out no TURN credentials. */
  get #capabilities(): string[] {
    const canDirect = this.#createPeer !== undefined && this.#policy !== "relayOnly";
    return [CAPABILITIES.session, ...(canDirect ? [CAPABILITIES.direct] : [])];
  }

  // ── the room ───────────────────────────────────────────────────────────────

  #onPresence(presence: Presence): void {
    const before = this.#extension;
    this.#extension = presence.peers.find(canAnswer);
    if (this.#extension?.kind === "shipped") this.#meetShipped(before);
    else this.#meetOwn();
    const why = new BeelineError("EXTENSION_ABSENT", "no extension is in the room");
    this.#obstacle = this.#extension === undefined ? { state: "waiting", why } : undefined;
    this.#updateState();
  }

  #meetOwn(): void {
    if (this.#extension === undefined) {
      if (this.#shipped !== undefined) this.calls.unlink();
    } else {
      this.#shipped?.close();
      this.#shipped = undefined;
      if (this.#session === undefined) this.#openSession();
      this.#tellKind("beeline");
    }
    this.#session?.setExtension(this.#extension);
  }

  /** There is nothing to set up: commands go through the room, answers come from it. */
  #meetShipped(before: PeerInfo | undefined): void {
    const another = new BeelineError("SESSION_LOST", "another extension serves this link now");
    this.#session?.abandon(another);
    this.#session = undefined;
    this.#isWelcomed = false;
    this.#shipped ??= new ShippedCarrier({
      calls: this.calls,
      clock: this.#clock,
      send: (command) => this.#room.dialect("command", command),
      onChanged: (what) => this.#listeners.emit("changed", what),
    });
    this.#tellKind("shipped");
    // Presence is told of every change; only an extension that came (back) is asked (again).
    if (before?.id !== this.#extension?.id) this.calls.link(this.#shipped);
  }

  #tellKind(kind: ExtensionKind): void {
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.#updatePath();
    this.#listeners.emit("extension", kind);
  }

  #onDown(why: BeelineError): void {
    this.#session?.setRoomDown();
    if (this.#shipped !== undefined) {
      this.calls.unlink();
      this.#extension = undefined;
    }
    this.#obstacle = { state: "joining", why };
    this.#updateState();
  }

  /** A direct path needs no server and no room: while it lives, the link is up. */
  #updateState(): void {
    if (this.#state === "closed") return;
    const isDirect = this.#session?.session.paths().some((path) => path.id.kind === "direct");
    if (this.#obstacle !== undefined && isDirect !== true) {
      this.calls.setReachable(this.#obstacle.why);
      this.#setState(this.#obstacle.state, this.#obstacle.why);
    } else if (this.#isWelcomed || this.#extension?.kind === "shipped") {
      this.calls.setReachable(undefined);
      this.#setState("linked");
    }
  }

  #end(error: BeelineError | undefined): void {
    if (this.#state === "closed") return;
    this.#endError = error;
    const why = error ?? new BeelineError("SESSION_CLOSED", "the link was closed");
    this.#cancelStats();
    this.#unwatchPage();
    this.#session?.abandon(why);
    this.#session = undefined;
    this.#shipped?.close();
    this.calls.failAll(why);
    this.#room.close();
    this.#setState("closed", error);
    this.#onFirstJoin(why);
  }

  // ── the session ────────────────────────────────────────────────────────────

  #openSession(): ClientSession {
    this.#isWelcomed = false;
    const session = new ClientSession(
      {
        room: this.#room,
        clientId: this.#options.clientId ?? rememberedClientId(),
        name: this.#options.name ?? "",
        policy: this.#policy,
        createPeer: this.#createPeer,
        iceServers: this.#iceServers,
        clock: this.#clock,
      },
      {
        accept: (header) => this.#accept(header),
        onWelcome: () => {
          this.#isWelcomed = true;
          this.#updateState();
        },
        onChange: () => {
          this.#updatePath();
          this.#updateState();
        },
        switches: this.#switches,
        onLost: (error, isRetryable) => this.#onSessionLost(error, isRetryable),
      },
    );
    this.#session = session;
    // Before the extension has answered: the first commands travel with the hello.
    this.calls.link(sessionCarrier(session.exchange));
    return session;
  }

  #onSessionLost(error: BeelineError, isRetryable: boolean): void {
    this.#session = undefined;
    this.#isWelcomed = false;
    if (!isRetryable) return this.#end(error);
    this.calls.unlink();
    this.calls.setReachable(error);
    this.#setState(this.#extension === undefined ? "waiting" : "joining", error);
    this.#clock.after(NEW_SESSION_MS, () => {
      if (this.#state === "closed" || this.#session !== undefined) return;
      if (this.#extension === undefined) return;
      this.#openSession().setExtension(this.#extension);
    });
    this.#updatePath();
  }

  #accept(header: StreamHeader): IncomingStream | undefined {
    if (header.kind !== "push") return this.calls.accept(header);
    this.#listeners.emit("changed", header.changed);
    return {};
  }

  #updatePath(): void {
    const session = this.#session;
    const bulk = session?.session.bulkPath;
    const next =
      bulk?.kind === "direct"
        ? report("direct", "open")
        : report("relay", this.#relayReason(bulk?.reason, session));
    if (next.kind === this.#path.kind && next.reason === this.#path.reason) return;
    this.#path = next;
    this.#listeners.emit("path", next);
  }

  #relayReason(bulkReason: string | undefined, session: ClientSession | undefined): DirectReason {
    if (this.#kind === "shipped") return "peer-unable";
    if (this.#policy === "relayOnly") return "policy";
    if (bulkReason === "slower-than-relay") return "slower-than-relay";
    const reason = session?.directReason ?? "not-tried";
    if (reason !== "open") return reason;
    // The channel is open, and carries nothing: it has not answered yet, or does so no longer.
    const isSilent = session?.session
      .paths()
      .some(({ id, state }) => id.kind === "direct" && state === "suspect");
    return isSilent === true ? "went-dark" : "connecting";
  }

  #setState(state: LinkState, error?: BeelineError): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listeners.emit("state", state, error ?? this.#endError);
  }

  #tickStats(): void {
    this.#cancelStats = this.#clock.after(STATS_EVERY_MS, () => {
      if (this.#session !== undefined) {
        this.#session.setBusy(!this.calls.isEmpty);
        this.#listeners.emit("stats", this.stats());
      }
      this.#tickStats();
    });
  }
}

/** The one that gets the commands: ours if it has sessions, or a shipped one, in its dialect. */
function canAnswer({ role, active, kind, capabilities }: PeerInfo): boolean {
  const isUnderstood = kind === "shipped" || capabilities.includes(CAPABILITIES.session);
  return role === "extension" && active && isUnderstood;
}

function report(kind: "relay" | "direct", reason: DirectReason): PathReport {
  return { kind, reason, message: DIRECT_REASONS[reason] };
}
