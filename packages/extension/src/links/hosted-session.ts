/**
 * One session of the extension with one client: the machine, its driver, its direct attempts and the
 * calls it carries. Lives on for a while when every path is gone, so that the client can come back.
 */

import {
  type Clock,
  type CreateRtcPeer,
  Exchange,
  RelayPath,
  type RoomConnection,
  SessionDriver,
} from "@beeline/paths";
import {
  type Attempt,
  BeelineError,
  type IceServer,
  Session,
  type SessionEvent,
  type SignalMessage,
} from "@beeline/protocol";
import type { Caller, Changed, CommandService } from "../service.ts";
import { CallServer } from "./call-server.ts";
import { DirectDialer } from "./direct-dialer.ts";

/** A client without any path for this long starts over: jobs and results are kept apart from this. */
export const LINGER_MS = 120_000;

export interface HostedSessionOptions {
  readonly sessionId: string;
  readonly caller: Caller;
  readonly service: CommandService;
  readonly room: RoomConnection;
  readonly clock: Clock;
  /** Undefined: this extension never connects directly. */
  readonly createPeer: CreateRtcPeer | undefined;
  iceServers(): readonly IceServer[];
  onAttempt(attempt: Attempt): void;
  onPath(kind: "relay" | "direct"): void;
  /** Closed by either side, broken, or forgotten. */
  onOver(error: BeelineError | undefined): void;
}

export class HostedSession {
  readonly caller: Caller;
  readonly #options: HostedSessionOptions;
  readonly #session: Session;
  readonly #driver: SessionDriver;
  readonly #calls: CallServer;
  readonly #dialer: DirectDialer | undefined;
  #relay: RelayPath | undefined;
  #cancelLinger: (() => void) | undefined;
  #isOver = false;

  constructor(options: HostedSessionOptions) {
    this.#options = options;
    this.caller = options.caller;
    this.#session = new Session({ role: "extension", sessionId: options.sessionId });
    this.#driver = new SessionDriver(this.#session, options.clock, (event) => this.#onEvent(event));
    const exchange = new Exchange(this.#driver, (header) => {
      const stream = this.#calls.accept(header);
      this.#session.setBusy(this.#calls.isBusy);
      return stream;
    });
    this.#exchange = exchange;
    this.#calls = new CallServer(options.service, exchange, options.caller);
    this.#dialer = options.createPeer && this.#createDialer(options.createPeer);
  }

  readonly #exchange: Exchange;

  /** The client's peer id in the room, while it is there. */
  get peer(): string | undefined {
    return this.#relay?.peer;
  }

  /**
   * A hello came from `peer`: from now on the relay path leads there.
   * @param isResumed it is not this session's first one.
   */
  onHello(peer: string, generation: number, canDirect: boolean, isResumed: boolean): void {
    const isRepeated = this.#relay?.peer === peer && this.#relay.id.generation === generation;
    if (!isRepeated) {
      this.#dropRelay();
      this.#relay = new RelayPath(this.#options.room, peer, generation);
      this.#driver.attach(this.#relay);
    }
    this.#session.handshake.welcome(isResumed);
    this.#driver.run();
    this.#keep();
    if (canDirect) this.#dialer?.setPeer(true);
  }

  onRecord(record: Uint8Array): void {
    this.#driver.receive(record);
    this.#session.setBusy(this.#calls.isBusy);
  }

  onSignal(message: SignalMessage): void {
    this.#dialer?.onSignal(message);
  }

  nudge(): void {
    this.#dialer?.nudge();
  }

  onDrain(): void {
    this.#driver.run();
  }

  /** The client left the room, or the room is out of reach. A direct path may go on. */
  onPeerGone(): void {
    this.#dropRelay();
    this.#dialer?.setPeer(false);
    this.#keep();
  }

  push(changed: Changed): void {
    if (this.#relay !== undefined) this.#calls.push(changed);
  }

  end(error: BeelineError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelLinger?.();
    this.#calls.end();
    this.#dialer?.close();
    const why = error ?? new BeelineError("SESSION_CLOSED", "the session was closed");
    this.#session.abort(why);
    this.#exchange.end(why);
    this.#driver.stop();
    this.#options.onOver(error);
  }

  #onEvent(event: SessionEvent): void {
    switch (event.type) {
      case "switched":
        if (event.to !== undefined) this.#options.onPath(event.to);
        return;
      case "dead":
        if (event.path.kind === "direct") this.#dialer?.wentDark(event.path.generation);
        else this.onPeerGone();
        return this.#keep();
      case "closing":
        // The client wants no more answers; its jobs and results stay with the service.
        return this.#calls.end();
      case "closed":
        return this.end(event.error);
      case "welcomed":
      case "refused":
      case "suspect":
      case "policy":
        return;
      default:
        this.#exchange.handle(event);
    }
  }

  #createDialer(createPeer: CreateRtcPeer): DirectDialer {
    const { sessionId, clock, room, iceServers } = this.#options;
    return new DirectDialer(
      { sessionId, createPeer, clock, iceServers },
      {
        send: (message) => {
          if (this.#relay !== undefined) room.signal(this.#relay.peer, message);
        },
        onOpen: (path) => {
          this.#driver.attach(path);
          this.#keep();
        },
        onRecord: (record) => this.onRecord(record),
        onWritable: () => this.#driver.run(),
        onClose: (path) => {
          this.#driver.detach(path.id);
          this.#keep();
        },
        onAttempt: (attempt) => this.#options.onAttempt(attempt),
      },
    );
  }

  /** Without any path the session lingers; with one it stays. */
  #keep(): void {
    if (this.#isOver) return;
    if (this.#session.paths().length > 0) {
      this.#cancelLinger?.();
      this.#cancelLinger = undefined;
    } else {
      this.#cancelLinger ??= this.#options.clock.after(LINGER_MS, () =>
        this.end(new BeelineError("SESSION_LOST", "the client did not come back")),
      );
    }
  }

  #dropRelay(): void {
    if (this.#relay === undefined) return;
    const { id } = this.#relay;
    this.#relay = undefined;
    this.#driver.detach(id);
  }
}
