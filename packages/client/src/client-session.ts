/**
 * One session of a client with one extension: keeps its relay path bound to wherever the extension is
 * in the room, lets the extension connect directly, and ends when the extension no longer knows it.
 */

import {
  type Clock,
  type CreateRtcPeer,
  Exchange,
  type IncomingStream,
  RelayPath,
  type RoomConnection,
  SessionDriver,
} from "@beeline/paths";
import {
  type Attempt,
  BeelineError,
  type DirectReason,
  type IceServer,
  type PeerInfo,
  type Policy,
  Session,
  type SessionEvent,
  type StreamHeader,
} from "@beeline/protocol";
import { DirectAnswerer } from "./direct-answerer.ts";
import { randomHex } from "./random.ts";
import type { SwitchLog } from "./switch-log.ts";

export interface ClientSessionOptions {
  readonly room: RoomConnection;
  readonly clientId: string;
  readonly name: string;
  readonly policy: Policy;
  readonly createPeer: CreateRtcPeer | undefined;
  readonly iceServers: readonly IceServer[];
  readonly clock: Clock;
}

export interface ClientSessionHandlers {
  accept(header: StreamHeader): IncomingStream | undefined;
  /** The first answer of the extension: the session exists on both sides. */
  onWelcome(): void;
  /** Paths, reasons or attempts changed. */
  onChange(): void;
  readonly switches: SwitchLog;
  /** Over: `isRetryable` says whether a new session may do better. */
  onLost(error: BeelineError, isRetryable: boolean): void;
}

export class ClientSession {
  readonly exchange: Exchange;
  readonly session: Session;
  readonly #options: ClientSessionOptions;
  readonly #handlers: ClientSessionHandlers;
  readonly #driver: SessionDriver;
  readonly #answerer: DirectAnswerer;
  #extension: PeerInfo | undefined;
  #relay: RelayPath | undefined;
  #relayGeneration = 0;
  #isKnown = false;
  #isOver = false;
  #onClosed: ((error: BeelineError | undefined) => void) | undefined;

  constructor(options: ClientSessionOptions, handlers: ClientSessionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const sessionId = randomHex(16);
    this.session = new Session({
      role: "client",
      sessionId,
      clientId: options.clientId,
      name: options.name,
    });
    this.#driver = new SessionDriver(this.session, options.clock, (event) => this.#onEvent(event));
    this.exchange = new Exchange(this.#driver, (header) => handlers.accept(header));
    this.#answerer = new DirectAnswerer(
      {
        sessionId,
        createPeer: options.createPeer,
        iceServers: options.iceServers,
        isAllowed: options.policy !== "relayOnly",
        clock: options.clock,
      },
      {
        send: (message) => {
          if (this.#extension !== undefined) options.room.signal(this.#extension.id, message);
        },
        onOpen: (path) => this.#driver.attach(path),
        onRecord: (record) => this.#driver.receive(record),
        onWritable: () => this.#driver.run(),
        onClose: (path) => this.#driver.detach(path.id),
        onChange: () => handlers.onChange(),
      },
    );
    this.session.setPolicy(options.policy, options.clock.nowMs());
  }

  get directReason(): DirectReason {
    const canDirect = this.#extension?.capabilities.includes("direct/1") ?? true;
    return canDirect ? this.#answerer.reason : "disabled-there";
  }

  get attempts(): readonly Attempt[] {
    return this.#answerer.attempts;
  }

  /** The extension that the room now has, or none. Each new place of it is a new relay path. */
  setExtension(extension: PeerInfo | undefined): void {
    if (extension?.id === this.#extension?.id) {
      this.#extension = extension;
      return;
    }
    this.#extension = extension;
    this.#dropRelay();
    if (extension === undefined) return;
    this.#relayGeneration += 1;
    this.#relay = new RelayPath(this.#options.room, extension.id, this.#relayGeneration);
    this.#driver.attach(this.#relay);
  }

  /** The room's socket went down: whoever is in the room, we cannot reach. */
  setRoomDown(): void {
    this.#extension = undefined;
    this.#dropRelay();
  }

  setIceServers(iceServers: readonly IceServer[]): void {
    this.#answerer.setIceServers(iceServers);
  }

  setPolicy(policy: Policy): void {
    this.session.setPolicy(policy, this.#options.clock.nowMs());
    this.#answerer.allow(policy !== "relayOnly");
    this.#driver.run();
  }

  nudge(): void {
    this.#answerer.nudge();
    this.#driver.run();
  }

  onRelay(from: string, record: Uint8Array): void {
    if (from === this.#extension?.id) this.#driver.receive(record);
  }

  onSignal(from: string, message: unknown): void {
    if (from === this.#extension?.id) this.#answerer.onSignal(message);
  }

  onDrain(): void {
    this.#driver.run();
  }

  setBusy(isBusy: boolean): void {
    this.session.setBusy(isBusy);
    this.#driver.touch();
  }

  /** Resolves once the extension has everything; see `Link.close`. */
  close(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return resolve();
      this.#onClosed = (error) => (error === undefined ? resolve() : reject(error));
      this.session.close(this.#options.clock.nowMs(), timeoutMs);
      this.#driver.run();
    });
  }

  /** Ends at once, without a word to the other side. */
  abandon(error: BeelineError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answerer.hangUp("channel-closed");
    this.#handlers.switches.clear();
    this.session.abort(error);
    this.exchange.end(error);
    this.#driver.stop();
  }

  #onEvent(event: SessionEvent): void {
    switch (event.type) {
      case "welcomed":
        if (this.#isKnown && !event.isResumed) {
          const restarted = "the extension no longer knows this session";
          this.#lose(new BeelineError("EXTENSION_RESTARTED", restarted), true);
        } else if (!this.#isKnown) {
          this.#isKnown = true;
          this.#handlers.onWelcome();
        }
        return;
      case "refused":
        return this.#lose(event.error, event.error.code === "LIMIT_EXCEEDED");
      case "switched":
        if (event.to !== undefined) this.#handlers.switches.sends(event.to);
        this.#handlers.onChange();
        return;
      case "suspect":
        return this.#handlers.onChange();
      case "dead":
        if (event.path.kind === "direct") this.#answerer.hangUp("went-dark");
        else this.#options.room.reconnect();
        return;
      case "closing":
        return;
      case "policy":
        return;
      case "closed":
        if (this.#onClosed !== undefined) {
          this.#onClosed(event.error);
          this.abandon(event.error ?? new BeelineError("SESSION_CLOSED", "closed"));
        } else {
          const gone = new BeelineError("SESSION_LOST", "the other side closed the session");
          this.#lose(event.error ?? gone, true);
        }
        return;
      case "data":
        this.#handlers.switches.arrives(event.id, event.path ?? "relay");
        return this.exchange.handle(event);
      case "ended":
      case "reset":
        this.#handlers.switches.ends(event.id);
        return this.exchange.handle(event);
      default:
        this.exchange.handle(event);
    }
  }

  #lose(error: BeelineError, isRetryable: boolean): void {
    if (this.#isOver) return;
    this.abandon(error);
    this.#handlers.onLost(error, isRetryable);
  }

  #dropRelay(): void {
    if (this.#relay === undefined) return;
    const { id } = this.#relay;
    this.#relay = undefined;
    this.#driver.detach(id);
  }
}
