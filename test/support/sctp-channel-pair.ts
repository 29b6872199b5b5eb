/** Two associations with their data channels over a link that delays and loses, in virtual time. */
import {
  type ChannelEvent,
  createAssociation,
  createCubic,
  type DataChannel,
  DataChannels,
  type SctpAssociation,
} from "@beeline/sctp";

const ONE_WAY_MS = 10;

/** One end: its association and channels, and all that happened to them, as text. */
export class ChannelEnd {
  readonly association: SctpAssociation;
  readonly channels: DataChannels;
  /** Without "buffered-low", which has a test of its own. */
  readonly log: string[] = [];
  readonly events: ChannelEvent[] = [];

  constructor(isDtlsClient: boolean, seed: number, maxChannels: number) {
    let state = seed;
    this.association = createAssociation({
      localPort: 5000,
      remotePort: 5000,
      random: () => {
        state = (state * 48_271) % 0x7fff_ffff;
        return state / 0x7fff_ffff;
      },
      maxMessageBytes: 262_144,
      maxReceivedMessageBytes: 262_144,
      receiveWindowBytes: 4 << 20,
      acceptsZeroChecksum: true,
      offersInterleaving: true,
      createCongestionControl: createCubic,
      basePacketBytes: 1200,
      maxPacketBytes: 1200,
    });
    this.channels = new DataChannels(this.association, { isDtlsClient, maxChannels });
  }

  takeEvents(nowMs: number): void {
    for (;;) {
      const event = this.channels.nextEvent(nowMs);
      if (event === undefined) return;
      this.events.push(event);
      if (event.kind !== "buffered-low") this.log.push(described(event));
    }
  }

  get lowEvents(): number {
    return this.events.filter(({ kind }) => kind === "buffered-low").length;
  }

  /** The newest channel that the other side opened. */
  get accepted(): DataChannel {
    const event = this.events.findLast(({ kind }) => kind === "channel");
    if (event?.kind !== "channel") throw new Error("no channel was opened");
    return event.channel;
  }
}

function described(event: ChannelEvent): string {
  if (event.kind === "ended") return `ended ${event.reason}`;
  const name = `${event.channel.label} ${event.channel.id}`;
  if (event.kind !== "message") return `${event.kind} ${name}`;
  const bytes = Buffer.from(event.payload);
  const content = event.isText ? JSON.stringify(bytes.toString()) : `${bytes.length} bytes`;
  return `${name}: ${content}`;
}

/** Two ends over a link that delays, and loses what it is told to. */
export class ChannelPair {
  nowMs = 0;
  readonly client: ChannelEnd;
  readonly server: ChannelEnd;
  readonly #ends: readonly ChannelEnd[];
  #flying: { readonly to: ChannelEnd; readonly atMs: number; readonly packet: Uint8Array }[] = [];
  /** Told each packet's sender and its number, from 1 since this was set. */
  #isLost: (from: ChannelEnd, packet: number) => boolean = () => false;
  #packets = 0;

  constructor(maxChannels = 100) {
    this.client = new ChannelEnd(true, 1, maxChannels);
    this.server = new ChannelEnd(false, 2, maxChannels);
    this.#ends = [this.client, this.server];
  }

  connect(): this {
    this.client.association.connect(this.nowMs);
    this.run(200);
    if (this.client.association.state !== "connected") throw new Error("no connection");
    return this;
  }

  set isLost(isLost: (from: ChannelEnd, packet: number) => boolean) {
    this.#isLost = isLost;
    this.#packets = 0;
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      this.#settle();
      const wakeMs = Math.min(
        ...this.#ends.map(({ association }) => association.wakeAtMs),
        ...this.#flying.map(({ atMs }) => atMs),
      );
      if (wakeMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, wakeMs);
      const landed = this.#flying.filter(({ atMs }) => atMs <= this.nowMs);
      this.#flying = this.#flying.filter(({ atMs }) => atMs > this.nowMs);
      for (const { to, packet } of landed) to.association.receive(packet, this.nowMs);
    }
    this.nowMs = endMs;
  }

  #settle(): void {
    const [client, server] = [this.client, this.server];
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      // Events may cause packets, so packets come after them as well.
      for (let round = 0; round < 2; round += 1) {
        for (;;) {
          const packet = from.association.nextPacket(this.nowMs);
          if (packet === undefined) break;
          this.#packets += 1;
          if (this.#isLost(from, this.#packets)) continue;
          this.#flying.push({ to, atMs: this.nowMs + ONE_WAY_MS, packet: packet.slice() });
        }
        from.takeEvents(this.nowMs);
      }
    }
  }
}
