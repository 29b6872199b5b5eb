/**
 * One of our own peers, as the switchboard sees it: what it is told, and what may wait for it.
 *
 * Invariant: at most MAX_QUEUED_BYTES wait for one receiver, besides shipped-dialect messages, which
 * have a budget of their own. What peers ask for is in peer-sockets.ts.
 */

import type { IncomingHttpHeaders } from "node:http";
import {
  type BeelineError,
  CAPABILITIES,
  type IceServer,
  type LinkKey,
  type PeerId,
  type ServerToPeer,
} from "@beeline/protocol";
import type { Logger } from "pino";
import type { Socket } from "socket.io";
import { watchPongs } from "./heard.ts";
import { networkOf } from "./ip-address.ts";
import type { Line } from "./line.ts";
import { Outbox, type OutboxBudget } from "./outbox.ts";
import { RelayGate, type RelayLimits } from "./relay-gate.ts";
import type { Parcel } from "./room-directory.ts";
import { presenceOf, type Room } from "./rooms.ts";
import { credentialsOf, type Door, type Incoming } from "./socket-server.ts";
import type { Switchboard } from "./switchboard.ts";
import type { TurnDesk } from "./turn.ts";
import type { Credentials } from "./users.ts";

/** One second at 16 Mbit/s: enough to keep a slow receiver busy, little enough to hold per peer. */
const MAX_QUEUED_BYTES = 2 * 1024 * 1024;

export interface PeerLineOptions {
  readonly switchboard: Switchboard;
  readonly log: Logger;
  readonly now: () => number;
  readonly relayLimits: RelayLimits;
  readonly onLimited: (limit: string) => void;
  readonly addressOf: Door["addressOf"];
  readonly userOf: (credentials: Credentials) => Promise<string | undefined>;
  /** What a peer that reached us under these headers is told to use. */
  readonly iceServersFor: (headers: IncomingHttpHeaders) => IceServer[];
  /** Absent: there is no TURN server. */
  readonly turn: TurnDesk | undefined;
  /** For shipped-dialect messages that wait to go out. */
  readonly outboxes: OutboxBudget;
}

export type PeerSocket = Socket<Incoming, ServerToPeer & Incoming>;

export class PeerLine implements Line {
  readonly kind = "beeline";
  readonly id: PeerId;
  readonly address: string;
  readonly #socket: PeerSocket;
  readonly outbox: Outbox;
  /** For what it sends. */
  readonly gate: RelayGate;
  readonly #whenHeard: (heard: () => void) => void;
  readonly #options: PeerLineOptions;
  #mayUseTurn = false;
  #renewTurnAtMs = Number.NEGATIVE_INFINITY;

  constructor(socket: PeerSocket, options: PeerLineOptions) {
    this.id = socket.id;
    this.address = networkOf(options.addressOf(socket.request));
    this.#socket = socket;
    this.outbox = new Outbox(socket, MAX_QUEUED_BYTES);
    this.gate = new RelayGate(options.relayLimits, (message) => socket.emit("limited", message));
    this.#whenHeard = watchPongs(socket.conn);
    this.#options = options;
  }

  user(): Promise<string | undefined> {
    return this.#options.userOf(credentialsOf(this.#socket));
  }

  presence(room: Room): void {
    this.#mayUseTurn = canConnectDirectly(room, this.id);
    this.outbox.sendNewest(() => {
      // Before the presence, because that makes the peers connect.
      this.renewTurn();
      this.#socket.emit("presence", presenceOf(room));
    });
  }

  /** Who does not read what it is told gets no answers either. */
  reply(answer: () => void): void {
    if (this.outbox.fits(0)) answer();
  }

  /** The answer to a join told the peer to use others. */
  forgetTurn(): void {
    this.#renewTurnAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Gives out credentials if both sides are in the room and these have none, or old ones. */
  renewTurn(): void {
    const { turn, now, switchboard, iceServersFor } = this.#options;
    const userId = switchboard.ownerOf(this.id);
    if (turn === undefined || userId === undefined || !this.#mayUseTurn) return;
    if (now() < this.#renewTurnAtMs) return;
    const grant = turn.grant(userId, this.address);
    if (grant === undefined) return;
    this.#renewTurnAtMs = grant.renewAtMs;
    const { headers } = this.#socket.handshake;
    this.#socket.emit("iceServers", [...iceServersFor(headers), grant.server]);
  }

  rekeyed(key: LinkKey, heard: () => void): void {
    this.#socket.emit("rekey", { key });
    this.#whenHeard(heard);
  }

  kicked(error: BeelineError): void {
    this.#mayUseTurn = false;
    this.outbox.forgetNewest();
    this.#socket.emit("kicked", { code: error.code, message: error.detail });
  }

  drop(): void {
    this.#socket.disconnect(true);
  }

  reconnect(): void {
    this.#socket.conn.close();
  }

  deliver(parcel: Parcel): boolean {
    switch (parcel.kind) {
      case "relay": {
        if (!this.outbox.fits(parcel.bytes.byteLength)) return false;
        this.#socket.emit("relay", parcel.from, parcel.bytes);
        return true;
      }
      case "signal":
        if (!this.outbox.fits(0)) return false;
        this.#socket.emit("signal", parcel.from, parcel.message);
        return true;
      case "dialect": {
        const { event, payload, bytes = 0 } = parcel;
        const { outboxes, onLimited, log } = this.#options;
        if (!outboxes.hasRoomFor(bytes, this.outbox)) {
          onLimited("shipped-queue");
          log.debug(
            { peerId: this.id, event },
            "dialect message dropped: the receiver does not keep up",
          );
          return false;
        }
        this.#socket.emit("dialect", parcel.from, { event, payload });
        return true;
      }
      case "refused":
        if (parcel.because === "full") this.gate.refuse("receiver", this.#options.now());
        else this.reply(() => this.#socket.emit("undeliverable", parcel.from));
        return true;
    }
  }
}

/** Whether somebody is there with whom `id` could have a direct path. */
function canConnectDirectly({ members }: Room, id: PeerId): boolean {
  const can = members.filter(({ capabilities }) => capabilities.includes(CAPABILITIES.direct));
  const self = can.find((member) => member.id === id);
  if (self === undefined) return false;
  return can.some(({ role, active }) => role !== self.role && (active || self.active));
}
