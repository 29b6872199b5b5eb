/**
 * One allocation on a TURN server, as werift's ICE wants its sockets, with a short way for data.
 *
 * werift's own refreshing sleeps on for minutes after closing and would keep the process alive, so
 * that part is ours; closing gives the allocation back (RFC 8656 section 7).
 */

import { createSocket, type SocketType } from "node:dgram";
import { promises as dns } from "node:dns";
import { isIP } from "node:net";
import {
  Candidate,
  candidateFoundation,
  candidatePriority,
  classes,
  Message,
  methods,
  type Protocol,
  StunOverTurnProtocol,
  TcpTransport,
  TlsTransport,
  TurnProtocol,
  UdpTransport,
} from "werift";
import type { TurnServer } from "./ice-servers.ts";

/** RFC 8656 section 3.2: the default; refreshed when five sixths are over. */
const LIFETIME_SECONDS = 600;
const REFRESH_AFTER = 5 / 6;
/** A server that refuses, or grants nothing, is asked no sooner: another may have taken its place. */
const LEAST_REFRESH_SECONDS = 30;
/**
 * A channel lives ten minutes, but the permission that comes with it five (RFC 8656 sections 9 and 12);
 * binding it anew makes both last anew.
 */
const REBIND_AFTER_SECONDS = 240;
const CHANNEL_HEADER_BYTES = 4;

/** The parts of werift that TypeScript does not let us reach: checked before use. */
interface TurnInside {
  refresh?: (seconds: number) => void;
}

interface StreamInside {
  connect: () => void;
  readonly connecting?: Promise<void>;
}

interface Channel {
  readonly number: number;
  readonly refreshAt: number;
}

export class TurnRelay {
  readonly protocol: Protocol;
  readonly #turn: TurnProtocol;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #channel: Channel | undefined;
  #isBinding = false;
  /** Counts the peer addresses: an answer for an old one may come late. */
  #generation = 0;
  #isClosed = false;

  private constructor(turn: TurnProtocol) {
    this.#turn = turn;
    const { close } = turn;
    // werift's ICE closes its sockets one by one and waits for each.
    turn.close = async () => {
      await this.#release();
      await close.call(turn);
    };
    this.protocol = new StunOverTurnProtocol(turn);
  }

  /** @throws if the server does not answer, or refuses. */
  static async allocate(server: TurnServer): Promise<TurnRelay> {
    const host = isIP(server.host) ? server.host : (await dns.lookup(server.host)).address;
    const transport = await connect(server, host);
    const { username, password } = server;
    const address = [host, server.port] as const;
    const turn = new TurnProtocol(address, username, password, LIFETIME_SECONDS, transport, {
      channelRefreshTime: REBIND_AFTER_SECONDS,
    });
    const inside = turn as unknown as TurnInside;
    if (typeof inside.refresh !== "function")
      throw new Error("werift refreshes TURN otherwise now");
    let seconds = LIFETIME_SECONDS;
    inside.refresh = (granted) => {
      seconds = granted;
    };
    try {
      await turn.connectionMade();
    } catch (thrown) {
      for (const open of Object.values(turn.transactions)) open.cancel();
      await transport.close();
      throw thrown;
    }
    const relay = new TurnRelay(turn);
    relay.#refreshAfter(seconds);
    return relay;
  }

  /** Where the other side finds us: on the server. */
  candidate(generation: number, ufrag: string): Candidate {
    const [host, port] = this.#turn.relayedAddress;
    const [relatedHost, relatedPort] = this.#turn.mappedAddress;
    const foundation = candidateFoundation("relay", "udp", host);
    const priority = candidatePriority("relay");
    return new Candidate(
      foundation,
      1,
      "udp",
      priority,
      host,
      port,
      "relay",
      relatedHost,
      relatedPort,
      undefined,
      generation,
      ufrag,
    );
  }

  /** The hot path: over the bound channel if there is one; werift binds it, in the meantime asks. */
  send(datagram: Uint8Array, address: string, port: number): void {
    if (this.#isClosed) return;
    const channel = this.#channel;
    if (channel === undefined || channel.refreshAt * 1_000 <= Date.now()) {
      this.#bind(address, port);
      if (channel === undefined) {
        this.protocol.sendData(Buffer.from(datagram), [address, port]).catch(() => {});
        return;
      }
    }
    if (channel !== undefined) this.#sendOver(channel.number, datagram);
  }

  /** A new peer address needs a new channel. */
  forgetChannel(): void {
    this.#channel = undefined;
    this.#generation += 1;
  }

  #bind(address: string, port: number): void {
    if (this.#isBinding) return;
    this.#isBinding = true;
    const generation = this.#generation;
    this.#turn
      .getChannel([address, port])
      .then((channel) => {
        if (generation === this.#generation) this.#channel = channel;
      })
      // Without a channel data goes as indications, which werift does.
      .catch(() => {})
      .finally(() => {
        this.#isBinding = false;
      });
  }

  #sendOver(channel: number, datagram: Uint8Array): void {
    const isStream = this.#turn.transport.type !== "udp";
    // RFC 8656 section 12.5: padded to four bytes over streams only.
    const padding = isStream ? (4 - (datagram.length % 4)) % 4 : 0;
    const frame = Buffer.allocUnsafe(CHANNEL_HEADER_BYTES + datagram.length + padding);
    frame.writeUInt16BE(channel, 0);
    frame.writeUInt16BE(datagram.length, 2);
    frame.set(datagram, CHANNEL_HEADER_BYTES);
    frame.fill(0, CHANNEL_HEADER_BYTES + datagram.length);
    this.#turn.transport.send(frame, this.#turn.server).catch(() => {});
  }

  #refreshAfter(seconds: number): void {
    if (this.#isClosed) return;
    this.#refreshTimer = setTimeout(
      () => {
        this.#refresh(LIFETIME_SECONDS)
          .then((granted) => this.#refreshAfter(granted))
          // It may have been one lost question: the allocation still has a sixth of its time.
          .catch(() => this.#refreshAfter(Math.max(seconds / 6, LEAST_REFRESH_SECONDS)));
      },
      seconds * REFRESH_AFTER * 1_000,
    );
    this.#refreshTimer.unref();
  }

  async #refresh(seconds: number): Promise<number> {
    const request = new Message(methods.REFRESH, classes.REQUEST);
    request.setAttribute("LIFETIME", seconds);
    const [answer] = await this.#turn.requestWithRetry(request, this.#turn.server);
    return Math.max(Number(answer.getAttributeValue("LIFETIME")) || 0, LEAST_REFRESH_SECONDS);
  }

  /** Tells the server and does not wait for it. */
  async #release(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#refreshTimer);
    this.#refresh(0).catch(() => {});
    // The question is sent in a later turn; then nobody waits for its answer.
    await new Promise((resolve) => setImmediate(resolve));
    for (const open of Object.values(this.#turn.transactions)) open.cancel();
  }
}

async function connect(
  server: TurnServer,
  host: string,
): Promise<UdpTransport | TcpTransport | TlsTransport> {
  const address = [host, server.port] as const;
  if (server.transport === "tcp") return shielded(await TcpTransport.init(address));
  if (server.transport === "tls") {
    return shielded(await TlsTransport.init(address, { servername: server.host }));
  }
  const type = isIP(host) === 6 ? "udp6" : "udp4";
  await tryBind(type);
  return UdpTransport.init(type);
}

/** werift hears no error of its socket, as where there is no IPv6. @throws that error. */
async function tryBind(type: SocketType): Promise<void> {
  const socket = createSocket(type);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(0, resolve);
    });
  } finally {
    socket.close();
  }
}

/** werift connects a stream anew when the server ends it, and nobody awaits that: it may fail. */
function shielded<T extends TcpTransport | TlsTransport>(transport: T): T {
  const { stream } = transport as unknown as { readonly stream: StreamInside };
  const { connect } = stream;
  if (typeof connect !== "function") throw new Error("werift connects streams otherwise now");
  stream.connect = () => {
    connect.call(stream);
    stream.connecting?.catch(() => {});
  };
  return transport;
}
