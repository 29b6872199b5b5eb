/**
 * A client, an extension, a relay and perhaps a direct channel between them, in virtual time.
 *
 * The world is the transport and the extension's front door: it connects and cuts, reads hellos, and
 * rebuilds paths that were reported dead. What the two sessions promise is checked by the applications
 * and the ledger, which throw.
 */

import {
  BeelineError,
  decodeRecord,
  type PathKind,
  parseHello,
  Session,
  type SessionEvent,
} from "@beeline/protocol";
import { SimApp } from "./sim-app.ts";
import { VirtualClock } from "./sim-clock.ts";
import { Ledger } from "./sim-ledger.ts";
import { type Parcel, type Side, SimLink } from "./sim-link.ts";
import { SimPeer } from "./sim-peer.ts";
import { Random } from "./sim-random.ts";
import { CLEAN, type WireShape } from "./sim-wire.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Of each hop; the relay has two. */
  readonly relay?: Partial<WireShape>;
  readonly direct?: Partial<WireShape>;
  /** Paths that die are built again after this long; undefined: never. */
  readonly rebuildMs?: number | undefined;
}

const SESSION_ID = "00112233445566778899aabbccddeeff";
const CLIENT_ID = "ffeeddccbbaa99887766554433221100";

export class SimWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly ledger = new Ledger();
  readonly client: SimPeer;
  /** Exists from the first hello on. */
  extension: SimPeer;
  readonly shapes: Record<PathKind, WireShape>;
  readonly current: Partial<Record<PathKind, SimLink>> = {};
  readonly generations: Record<PathKind, number> = { relay: 0, direct: 0 };
  rebuildMs: number | undefined;
  maxRelayBytes = 0;
  /** The extension process has this session. */
  #isKnown = false;
  #relayOfExtension = 0;

  constructor(options: WorldOptions) {
    this.random = new Random(options.seed);
    this.shapes = {
      relay: { ...CLEAN, ...options.relay },
      direct: { ...CLEAN, ...options.direct },
    };
    this.rebuildMs = options.rebuildMs;
    this.client = this.#peer("client");
    this.extension = this.#peer("extension");
    this.#join();
  }

  peer(side: Side): SimPeer {
    return side === "client" ? this.client : this.extension;
  }

  connectRelay(): SimLink {
    const link = this.#link("relay");
    this.client.attach(link);
    return link;
  }

  /** The two ends learn of an open channel at different moments. */
  connectDirect(): SimLink {
    const link = this.#link("direct");
    const [first, second] = this.random.chance(0.5)
      ? [this.client, this.extension]
      : [this.extension, this.client];
    first.attach(link);
    this.clock.after(this.random.next() * 20, () => {
      if (this.current.direct === link) second.attach(link);
    });
    return link;
  }

  /** Both ends learn that the path is closed, one of them later. */
  close(kind: PathKind, laterMs = this.random.next() * 200): void {
    const link = this.current[kind];
    if (link === undefined) return;
    delete this.current[kind];
    link.close();
    this.#noteRelay(link);
    const [first, second] = this.random.chance(0.5)
      ? [this.client, this.extension]
      : [this.extension, this.client];
    first.detach(link.id);
    this.clock.after(laterMs, () => second.detach(link.id));
  }

  /** The extension process forgets everything and starts anew. */
  restartExtension(): void {
    this.#isKnown = false;
    this.#relayOfExtension = 0;
    this.close("direct", 0);
    this.close("relay", 0);
    this.extension = this.#peer("extension");
    this.#join();
  }

  run(forMs: number, isDone?: () => boolean): void {
    this.clock.run(this.clock.nowMs + forMs, isDone);
  }

  get isIdle(): boolean {
    return this.client.app.isIdle && this.extension.app.isIdle;
  }

  noteRelay(): void {
    if (this.current.relay !== undefined) this.#noteRelay(this.current.relay);
  }

  #noteRelay(link: SimLink): void {
    this.maxRelayBytes = Math.max(this.maxRelayBytes, link.maxRelayBytes);
  }

  #link(kind: PathKind): SimLink {
    this.current[kind]?.close();
    this.generations[kind] += 1;
    const id = { kind, generation: this.generations[kind] };
    const link = new SimLink(id, this.clock, this.random, this.shapes[kind], {
      deliver: (to, from, parcel) => this.#deliver(to, from, parcel),
      onDrain: (side) => this.peer(side).run(),
    });
    this.current[kind] = link;
    return link;
  }

  #deliver(to: Side, link: SimLink, parcel: Parcel): void {
    if (to === "client") this.client.receive(link, parcel);
    else this.extension.whenAwake(() => this.#atDoor(link, parcel));
  }

  /** The extension's front door: hellos are its own, everything else is the session's. */
  #atDoor(link: SimLink, parcel: Parcel): void {
    const record = decodeRecord(parcel.bytes);
    if (record.type === "hello") {
      const hello = parseHello(record.body);
      if (hello.sessionId !== SESSION_ID) throw new BeelineError("INTERNAL", "a strange hello");
      if (link.id.generation > this.#relayOfExtension) {
        this.#relayOfExtension = link.id.generation;
        const old = this.extension.links.find(({ id }) => id.kind === "relay");
        if (old !== undefined) this.extension.detach(old.id);
        this.extension.attach(link);
      }
      this.extension.session.handshake.welcome(this.#isKnown);
      this.#isKnown = true;
      this.extension.run();
    } else if (this.#isKnown) {
      this.extension.receive(link, parcel);
    }
  }

  #peer(side: Side): SimPeer {
    const session = new Session({
      role: side,
      sessionId: SESSION_ID,
      ...(side === "client" ? { clientId: CLIENT_ID, name: "sim" } : {}),
    });
    return new SimPeer(side, session, this.clock, this.ledger);
  }

  #join(): void {
    const { client, extension } = this;
    for (const [peer, other] of [
      [client, extension],
      [extension, client],
    ] as const) {
      peer.app ??= new SimApp(
        peer.side,
        peer.session,
        this.clock,
        () => peer.run(),
        (id) => this.peer(other.side).app.outgoing.get(id),
      );
      peer.app.onDelivered = (id) => this.#checkDelivered(other.side, id);
      peer.app.onEvent = (event) => this.#onEvent(event);
    }
  }

  #checkDelivered(receiver: Side, id: number): void {
    const stream = this.peer(receiver).app.incoming.get(id);
    if (stream === undefined || !stream.isEnded || stream.consumed !== stream.received) {
      throw new Error(`stream ${id} was called delivered before ${receiver} had taken it all`);
    }
  }

  /** A path that is dead is closed and, like the real drivers do, built again. */
  #onEvent(event: SessionEvent): void {
    if (event.type !== "dead" || this.rebuildMs === undefined) return;
    const { kind, generation } = event.path;
    if (this.current[kind]?.id.generation !== generation) return;
    this.close(kind);
    this.clock.after(this.rebuildMs, () => {
      if (this.current[kind] !== undefined) return;
      if (kind === "relay") this.connectRelay();
      else this.connectDirect();
    });
  }
}
