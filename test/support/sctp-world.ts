/**
 * Two associations and the network between them, in virtual time. Each end is turned as its owner in
 * real life turns it: packets in, packets out until there are none, events, sleep until `wakeAtMs`.
 */
import {
  type AssociationEvent,
  type AssociationOptions,
  createAssociation,
  createBbr,
  type SctpAssociation,
} from "@beeline/sctp";
import { type LinkTraits, QUIET, SctpLink } from "./sctp-link.ts";
import { VirtualClock } from "./sim-clock.ts";
import { Random } from "./sim-random.ts";

/** More packets than this at one instant are a machine that spins. */
const MOST_PACKETS_AT_ONCE = 20_000;

export interface SctpWorldOptions {
  readonly seed: number;
  readonly forth?: Partial<LinkTraits>;
  readonly back?: Partial<LinkTraits>;
  readonly a?: Partial<AssociationOptions>;
  readonly b?: Partial<AssociationOptions>;
}

export function sctpOptions(random: Random): AssociationOptions {
  return {
    localPort: 5000,
    remotePort: 5000,
    random: () => random.next(),
    maxMessageBytes: 262_144,
    maxReceivedMessageBytes: 262_144,
    receiveWindowBytes: 1_048_576,
    acceptsZeroChecksum: true,
    offersInterleaving: true,
    createCongestionControl: createBbr,
    basePacketBytes: 1172,
    maxPacketBytes: 1400,
  };
}

export class SctpEnd {
  readonly association: SctpAssociation;
  readonly events: AssociationEvent[] = [];
  onEvent: (event: AssociationEvent) => void = (event) => this.events.push(event);
  /** Packets go here; the world connects it. */
  out: (packet: Uint8Array) => void = () => undefined;
  wakeUps = 0;
  gotMessages = 0;

  readonly #clock: VirtualClock;
  #cancel: () => void = () => undefined;
  #atMs = -1;
  #packetsAtOnce = 0;

  constructor(clock: VirtualClock, options: AssociationOptions) {
    this.#clock = clock;
    this.association = createAssociation(options);
  }

  receive(packet: Uint8Array): void {
    this.association.receive(packet, this.#clock.nowMs);
    this.turn();
  }

  /** After every call to the association. */
  turn(): void {
    const { nowMs } = this.#clock;
    for (;;) {
      this.#send(nowMs);
      const event = this.association.nextEvent();
      if (event === undefined) break;
      if (event.kind === "message") this.gotMessages += 1;
      this.onEvent(event);
    }
    this.#cancel();
    const { wakeAtMs } = this.association;
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    if (Number.isNaN(wakeAtMs)) throw new Error("it does not know when to wake");
    this.#cancel = this.#clock.at(wakeAtMs, () => {
      this.wakeUps += 1;
      this.#guard(nowMs);
      this.turn();
    });
  }

  #send(nowMs: number): void {
    for (;;) {
      const packet = this.association.nextPacket(nowMs);
      if (packet === undefined) return;
      this.#guard(nowMs);
      this.out(packet);
    }
  }

  #guard(nowMs: number): void {
    this.#packetsAtOnce = nowMs === this.#atMs ? this.#packetsAtOnce + 1 : 0;
    this.#atMs = nowMs;
    if (this.#packetsAtOnce > MOST_PACKETS_AT_ONCE) throw new Error(`it spins at ${nowMs} ms`);
  }
}

export class SctpWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly a: SctpEnd;
  readonly b: SctpEnd;
  readonly forth: SctpLink;
  readonly back: SctpLink;

  constructor(options: SctpWorldOptions) {
    this.random = new Random(options.seed);
    const { clock, random } = this;
    const optionsOfA = { ...sctpOptions(random), ...options.a };
    const optionsOfB = { ...sctpOptions(random), ...options.b };
    this.a = new SctpEnd(clock, optionsOfA);
    this.b = new SctpEnd(clock, optionsOfB);
    const dropsCorrupted = optionsOfA.acceptsZeroChecksum && optionsOfB.acceptsZeroChecksum;
    const link = (traits: Partial<LinkTraits> | undefined, to: SctpEnd) =>
      new SctpLink({
        clock,
        random,
        traits: { ...QUIET, ...traits },
        dropsCorrupted,
        deliver: (packet) => to.receive(packet),
      });
    this.forth = link(options.forth, this.b);
    this.back = link(options.back ?? options.forth, this.a);
    this.a.out = (packet) => this.forth.send(packet);
    this.b.out = (packet) => this.back.send(packet);
  }

  get links(): readonly SctpLink[] {
    return [this.forth, this.back];
  }

  connect(): void {
    this.a.association.connect(this.clock.nowMs);
    this.a.turn();
    this.clock.run(60_000, () => this.isConnected);
    if (!this.isConnected) throw new Error("they did not connect within a minute");
  }

  get isConnected(): boolean {
    return [this.a, this.b].every(({ association }) => association.state === "connected");
  }
}
