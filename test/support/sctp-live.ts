/**
 * An association of ours in real time, and stock werift's SCTP with the same face: two independent
 * implementations that talk through memory, so that what one says is what the other understands.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type AssociationOptions, createAssociation, type SctpAssociation } from "@beeline/sctp";
import { sctpOptions } from "./sctp-world.ts";
import { Random } from "./sim-random.ts";

export interface GotMessage {
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Either implementation. */
export interface LiveSctp {
  out: (packet: Uint8Array) => void;
  onMessage: (message: GotMessage) => void;
  /** The other side's stream begins anew. */
  onReset: (streamId: number) => void;
  readonly isConnected: boolean;
  connect(): void;
  receive(packet: Uint8Array): void;
  send(streamId: number, payload: Uint8Array, isUnordered: boolean): void;
  resetStream(streamId: number): void;
  close(): void;
}

/** What node timers can't wait for. */
const LONGEST_WAIT_MS = 60_000;

export class OurSctp implements LiveSctp {
  out: (packet: Uint8Array) => void = () => undefined;
  onMessage: (message: GotMessage) => void = () => undefined;
  onReset: (streamId: number) => void = () => undefined;
  readonly association: SctpAssociation;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Partial<AssociationOptions> = {}) {
    this.association = createAssociation({ ...sctpOptions(new Random(7)), ...options });
  }

  get isConnected(): boolean {
    return this.association.state === "connected";
  }

  connect(): void {
    this.association.connect(performance.now());
    this.#turn();
  }

  receive(packet: Uint8Array): void {
    this.association.receive(packet, performance.now());
    this.#turn();
  }

  send(streamId: number, payload: Uint8Array, isUnordered: boolean): void {
    this.association.send(payload, { streamId, protocolId: 53, isUnordered }, performance.now());
    this.#turn();
  }

  resetStream(streamId: number): void {
    this.association.resetStreams([streamId], performance.now());
    this.#turn();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.association.abort(performance.now());
  }

  #turn(): void {
    for (;;) {
      const packet = this.association.nextPacket(performance.now());
      if (packet === undefined) break;
      this.out(packet);
    }
    for (;;) {
      const event = this.association.nextEvent();
      if (event === undefined) break;
      if (event.kind === "message") this.onMessage(event.message);
      else if (event.kind === "incoming-reset")
        event.streams.forEach((id) => void this.onReset(id));
    }
    clearTimeout(this.#timer);
    const waitMs = this.association.wakeAtMs - performance.now();
    const boundedMs = Math.min(LONGEST_WAIT_MS, Math.max(0, waitMs));
    if (waitMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#turn(), boundedMs);
    }
  }
}

/** As much of werift's class as is used here; its package exports no such type. */
interface StockClass {
  client(transport: StockTransport, port: number): Stock;
  server(transport: StockTransport, port: number): Stock;
}
interface Stock {
  readonly state: string;
  readonly onReceive: Heard<[number, number, Buffer]>;
  readonly onReconfigStreams: Heard<[number[]]>;
  reconfigQueue: number[];
  start(remotePort: number): Promise<void>;
  send(
    streamId: number,
    protocolId: number,
    data: Buffer,
    options: { ordered: boolean },
  ): Promise<void>;
  transmitReconfigRequest(): Promise<void>;
  stop(): Promise<void>;
}
interface Heard<T extends unknown[]> {
  subscribe(listen: (...heard: T) => void): void;
}
interface StockTransport {
  onData?: (data: Buffer) => void;
  send: (data: Buffer) => Promise<void>;
  close: () => void;
}

const PORT = 5000;

export class WeriftSctp implements LiveSctp {
  out: (packet: Uint8Array) => void = () => undefined;
  onMessage: (message: GotMessage) => void = () => undefined;
  onReset: (streamId: number) => void = () => undefined;
  readonly #transport: StockTransport;
  readonly #stock: Stock;

  constructor(role: "client" | "server") {
    const require = createRequire(import.meta.url);
    const folder = join(dirname(require.resolve("werift")), "../../sctp/src");
    const { SCTP } = require(join(folder, "index.js")) as { SCTP: StockClass };
    this.#transport = {
      send: async (data) => this.out(data),
      close: () => undefined,
    };
    this.#stock = SCTP[role](this.#transport, PORT);
    this.#stock.onReceive.subscribe((streamId, _protocolId, payload) =>
      this.onMessage({ streamId, payload }),
    );
    this.#stock.onReconfigStreams.subscribe((streams) =>
      streams.forEach((streamId) => void this.onReset(streamId)),
    );
    if (role === "server") void this.#stock.start(PORT);
  }

  get isConnected(): boolean {
    return this.#stock.state === "connected";
  }

  connect(): void {
    void this.#stock.start(PORT);
  }

  receive(packet: Uint8Array): void {
    this.#transport.onData?.(Buffer.from(packet));
  }

  send(streamId: number, payload: Uint8Array, isUnordered: boolean): void {
    void this.#stock.send(streamId, 53, Buffer.from(payload), { ordered: !isUnordered });
  }

  resetStream(streamId: number): void {
    this.#stock.reconfigQueue.push(streamId);
    void this.#stock.transmitReconfigRequest();
  }

  close(): void {
    void this.#stock.stop();
  }
}

/** @param isLost decides about every packet, of either direction. */
export function joinSctp(one: LiveSctp, other: LiveSctp, isLost: () => boolean): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.out = (packet) => {
      const copy = packet.slice();
      if (!isLost()) setImmediate(() => to.receive(copy));
    };
  }
}
