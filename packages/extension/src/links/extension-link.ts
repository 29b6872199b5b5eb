/**
 * One link of the extension: its place in one room, the sessions with the clients there, and the
 * shipped clients beside them.
 *
 *     joining ──▶ active ◀──▶ standby      (another extension serves the room)
 *        └───────────┴─────────┴──▶ ended  (the key is gone for certain; the store forgets it)
 */

import { type Clock, type CreateRtcPeer, RoomConnection } from "@beeline/paths";
import {
  BeelineError,
  CAPABILITIES,
  isShortKey,
  type LinkKey,
  type Presence,
} from "@beeline/protocol";
import type { Log } from "../log.ts";
import type { CommandService } from "../service.ts";
import { SessionHost } from "./session-host.ts";
import { ShippedPeers } from "./shipped-peers.ts";

export type LinkStatus = "joining" | "active" | "standby" | "ended";

export interface ExtensionLinkOptions {
  readonly server: string;
  readonly key: LinkKey;
  readonly name: string;
  readonly installId: string;
  /** Names this link to the command service. */
  readonly id: string;
  readonly service: CommandService;
  readonly clock: Clock;
  readonly createPeer: CreateRtcPeer | undefined;
  readonly log: Log;
  /** The short key was replaced: keep this one. */
  onRekey(key: string): void;
  onStatus(status: LinkStatus, error: BeelineError | undefined): void;
  /** The key no longer exists: forget it. */
  onKeyGone(key: string, error: BeelineError): void;
}

/** Ends that mean that the key itself is dead, as opposed to a server that is unwell. */
const KEY_GONE: ReadonlySet<string> = new Set(["LINK_KEY_UNKNOWN", "LINK_REVOKED"]);

export class ExtensionLink {
  readonly server: string;
  readonly #options: ExtensionLinkOptions;
  readonly #room: RoomConnection;
  readonly #host: SessionHost;
  readonly #shipped: ShippedPeers;
  #peerId: string | undefined;
  #status: LinkStatus = "joining";

  constructor(options: ExtensionLinkOptions) {
    this.server = options.server;
    this.#options = options;
    const { log } = options;
    const direct = options.createPeer === undefined ? [] : [CAPABILITIES.direct];
    this.#room = new RoomConnection(
      {
        server: options.server,
        role: "extension",
        key: options.key,
        name: options.name,
        capabilities: [CAPABILITIES.session, ...direct],
        installId: options.installId,
      },
      options.clock,
      {
        onJoined: (joined) => {
          this.#peerId = joined.peerId;
          this.#host.setIceServers(joined.iceServers);
          log.info({ server: options.server, instance: joined.instanceName }, "joined the room");
        },
        onDown: (error) => {
          this.#host.onDown();
          this.#setStatus("joining", error);
        },
        onPresence: (presence) => this.#onPresence(presence),
        onRekey: (key) => {
          log.info({}, "the server replaced the short key by a lasting one");
          options.onRekey(key);
        },
        onSignal: (from, message) => this.#host.onSignal(from, message),
        onRelay: (from, record) => this.#host.onRelay(from, record),
        onDrain: () => this.#host.onDrain(),
        onDialect: (from, message) => this.#shipped.onMessage(from, message),
        onIceServers: (iceServers) => this.#host.setIceServers(iceServers),
        onEnd: (error) => this.#onEnd(error),
      },
    );
    this.#shipped = new ShippedPeers(this.#room, options.service, options.id);
    this.#host = new SessionHost({
      room: this.#room,
      linkId: options.id,
      service: options.service,
      clock: options.clock,
      createPeer: options.createPeer,
      onOpen: (client) => log.info({ client }, "a client linked"),
      onOver: (client, error) => log.info({ client, code: error?.code }, "a client left"),
      onPath: (client, path) => log.info({ client, path }, `pictures travel by ${path}`),
      onAttempt: (client, attempt) =>
        log.info({ client, ...attempt }, `direct attempt ${attempt.generation}: ${attempt.reason}`),
    });
  }

  get id(): string {
    return this.#options.id;
  }

  get status(): LinkStatus {
    return this.#status;
  }

  get key(): string {
    return this.#room.key;
  }

  get clients(): number {
    return this.#host.size;
  }

  /**
   * This machine's addresses changed: direct paths are worth a new attempt. If one went away, the
   * socket to the server may have been on it, and TCP would find out only when a ping fails (20 s).
   */
  onNetworkChange(hasLost: boolean): void {
    if (hasLost) this.#room.reconnect();
    this.#host.nudge();
  }

  close(): void {
    this.#shipped.close();
    this.#host.close();
    this.#room.close();
  }

  #onPresence(presence: Presence): void {
    const self = presence.peers.find((peer) => peer.id === this.#peerId);
    this.#host.onPresence(presence);
    this.#shipped.onPresence(presence);
    if (self === undefined) return;
    const standby = new BeelineError(
      "EXTENSION_STANDBY",
      "another extension serves this link; this one waits and receives no commands",
    );
    if (self.active) this.#setStatus("active", undefined);
    else this.#setStatus("standby", standby);
  }

  #onEnd(error: BeelineError): void {
    const key = this.#room.key;
    this.close();
    // Before anybody hears of the end: they may close the extension, which waits for keys until then.
    if (KEY_GONE.has(error.code) && !isShortKey(key)) this.#options.onKeyGone(key, error);
    this.#setStatus("ended", error);
  }

  #setStatus(status: LinkStatus, error: BeelineError | undefined): void {
    if (status === this.#status && status !== "joining") return;
    this.#status = status;
    this.#options.onStatus(status, error);
  }
}
