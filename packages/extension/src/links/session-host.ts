/**
 * All sessions of one link: finds the session a record or signal belongs to, opens one for a hello,
 * and refuses what is too much.
 */

import type { Clock, CreateRtcPeer, RoomConnection } from "@beeline/paths";
import {
  type Attempt,
  BeelineError,
  beginRecord,
  CAPABILITIES,
  type DecodedRecord,
  decodeRecord,
  type Hello,
  type IceServer,
  type Presence,
  parseHello,
  RelayFrame,
  refuseBody,
  type SessionReport,
  SignalMessage,
  welcomeBody,
} from "@beeline/protocol";
import type { Changed, CommandService } from "../service.ts";
import { HostedSession } from "./hosted-session.ts";

/** Tabs and devices of one person; each costs at most a few MiB of windows. */
const MAX_SESSIONS = 32;

export interface SessionHostOptions {
  readonly room: RoomConnection;
  readonly linkId: string;
  readonly service: CommandService;
  readonly clock: Clock;
  readonly createPeer: CreateRtcPeer | undefined;
  onAttempt(clientName: string, attempt: Attempt): void;
  onPath(clientName: string, kind: "relay" | "direct"): void;
  onOpen(clientName: string): void;
  onOver(clientName: string, error: BeelineError | undefined): void;
}

export class SessionHost {
  readonly #options: SessionHostOptions;
  readonly #sessions = new Map<string, HostedSession>();
  readonly #stopListening: () => void;
  #presence: Presence = { peers: [] };
  #iceServers: readonly IceServer[] = [];

  constructor(options: SessionHostOptions) {
    this.#options = options;
    this.#stopListening = options.service.onChanged((changed) => this.#push(changed));
  }

  get size(): number {
    return this.#sessions.size;
  }

  setIceServers(iceServers: readonly IceServer[]): void {
    this.#iceServers = iceServers;
  }

  onPresence(presence: Presence): void {
    this.#presence = presence;
    const present = new Set(presence.peers.map((peer) => peer.id));
    for (const session of this.#sessions.values()) {
      if (session.peer !== undefined && !present.has(session.peer)) session.onPeerGone();
    }
  }

  /** Our own socket is down: nobody can be reached through the room. */
  onDown(): void {
    for (const session of this.#sessions.values()) session.onPeerGone();
  }

  onRelay(from: string, bytes: Uint8Array): void {
    let record: DecodedRecord;
    try {
      record = decodeRecord(bytes);
      if (record.type === "hello") return this.#onHello(from, record);
    } catch (thrown) {
      return this.#refuse(from, bytes, BeelineError.from(thrown));
    }
    for (const session of this.#sessions.values()) {
      // The session tag inside the record picks among several sessions of one peer.
      if (session.peer === from) session.onRecord(bytes);
    }
  }

  onSignal(from: string, raw: unknown): void {
    const message = SignalMessage.safeParse(raw);
    if (!message.success) return;
    const session = this.#sessions.get(message.data.sessionId);
    if (session?.peer === from) session.onSignal(message.data);
  }

  nudge(): void {
    for (const session of this.#sessions.values()) session.nudge();
  }

  onDrain(): void {
    for (const session of this.#sessions.values()) session.onDrain();
  }

  close(): void {
    this.#stopListening();
    for (const session of [...this.#sessions.values()]) session.end(undefined);
  }

  #onHello(from: string, record: DecodedRecord): void {
    const hello = parseHello(record.body);
    const known = this.#sessions.get(hello.sessionId);
    if (known !== undefined && known.caller.clientId !== hello.clientId) {
      throw new BeelineError("SESSION_LOST", "that session belongs to another client");
    }
    if (known === undefined && hello.isKnown) {
      // We were restarted since: say so, and let the client begin anew.
      return this.#answer(from, record, "welcome", welcomeBody(false));
    }
    const session = known ?? this.#open(hello);
    const peer = this.#presence.peers.find(({ id }) => id === from);
    const canDirect = peer?.capabilities.includes(CAPABILITIES.direct) ?? false;
    session.onHello(from, record.generation, canDirect, known !== undefined);
  }

  #open(hello: Hello): HostedSession {
    if (this.#sessions.size >= MAX_SESSIONS) {
      const idle = [...this.#sessions].find(([, session]) => session.peer === undefined);
      if (idle === undefined) {
        throw new BeelineError("LIMIT_EXCEEDED", `${MAX_SESSIONS} clients are linked already`);
      }
      idle[1].end(new BeelineError("SESSION_LOST", "made room for a new client"));
    }
    const options = this.#options;
    const { sessionId } = hello;
    const report = (what: Pick<SessionReport, "path" | "attempt">): void => {
      const to = this.#sessions.get(sessionId)?.peer;
      if (to !== undefined) options.room.report({ to, session: sessionId.slice(0, 8), ...what });
    };
    const session = new HostedSession({
      sessionId,
      caller: { clientId: hello.clientId, linkId: options.linkId, name: hello.name },
      service: options.service,
      room: options.room,
      clock: options.clock,
      createPeer: options.createPeer,
      iceServers: () => this.#iceServers,
      onAttempt: (attempt) => {
        options.onAttempt(hello.name, attempt);
        const { outcome, reason } = attempt;
        if (outcome !== "connecting") report({ attempt: { outcome, reason } });
      },
      onPath: (kind) => {
        options.onPath(hello.name, kind);
        report({ path: kind });
      },
      onOver: (error) => {
        this.#sessions.delete(sessionId);
        options.onOver(hello.name, error);
      },
    });
    this.#sessions.set(sessionId, session);
    options.onOpen(hello.name);
    return session;
  }

  #refuse(from: string, bytes: Uint8Array, error: BeelineError): void {
    // Only a hello deserves an answer; anything else is noise from a stranger.
    let record: DecodedRecord;
    try {
      record = decodeRecord(bytes);
    } catch {
      return;
    }
    if (record.type === "hello") this.#answer(from, record, "refuse", refuseBody(error));
  }

  #answer(to: string, record: DecodedRecord, type: "welcome" | "refuse", body: Uint8Array): void {
    const { kind, generation, sessionTag, packetNumber } = record;
    const writer = beginRecord(
      { kind, generation, sessionTag, packetNumber, type },
      body.byteLength,
    );
    writer.bytes(body);
    const frame = new RelayFrame();
    frame.add(writer.finish());
    this.#options.room.relay(to, frame.take());
  }

  #push(changed: Changed): void {
    for (const session of this.#sessions.values()) session.push(changed);
  }
}
