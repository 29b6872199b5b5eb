/**
 * ICE for one component over werift's `Connection`, which pairs, checks and nominates; what it does
 * not do, or does in its own way, is here: gathering at every address and from every server at once,
 * each candidate told when it is known, and datagrams over the chosen pair without a detour.
 *
 * Shields against werift 0.24.4 (test/interop/werift-hazards.test.ts): Google's STUN server is never
 * asked, VPN and container interfaces count, names that nobody answers for hold nothing up, and
 * closing leaves nothing behind.
 */

import { promises as dns } from "node:dns";
import { isIP } from "node:net";
import {
  Candidate,
  type CandidatePair,
  Connection,
  candidateFoundation,
  candidatePriority,
  type Protocol,
  serverReflexiveCandidate,
} from "werift";
import { forgiveNames } from "./forgive-names.ts";
import { hostAddresses, interfacesNow } from "./host-addresses.ts";
import type { IceServers, StunServer } from "./ice-servers.ts";
import { SocketProtocol } from "./socket-protocol.ts";
import { TurnRelay } from "./turn-relay.ts";

export interface IceHandlers {
  /** `candidate:…`, as it goes into a signal. */
  onCandidate(text: string): void;
  /** `connected` after every (re)start that found a route; `failed` when consent is lost. */
  onState(state: "checking" | "connected" | "failed"): void;
  /** DTLS, from an address that ICE knows. Its memory is the owner's. */
  onDatagram(datagram: Buffer): void;
}

export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** The parts of werift that TypeScript does not let us reach: checked before use. */
interface ConnectionInside {
  stunServer?: unknown;
  readonly protocols: Protocol[];
  ensureProtocol(protocol: Protocol): void;
  pairLocalProtocol(protocol: Protocol): void;
}

/** RFC 7983 section 7. */
const DTLS_FIRST_BYTE = { least: 20, most: 63 } as const;
/** What one description may bring (RFC 8838 has no limit); more would only cost checks. */
const MAX_REMOTE_CANDIDATES = 64;
/** Each name is asked for on every network of ours for 10 s. */
const MAX_NAMES = 8;
/** IPv6 has 1280 for every path; without its header, UDP's and TURN's. */
const BASE_DATAGRAM_BYTES = 1_280 - 40 - 8 - 4;
/** Ethernet's 1500, less the same with IPv4's header; IPv6's is longer. */
const MOST_DATAGRAM_BYTES = 1_500 - 20 - 8 - 4;
const IPV6_MORE_BYTES = 20;
/** Loopback takes what UDP does; who reads them limits them more (session-description.ts). */
const MOST_HERE_BYTES = 65_507;
const CANDIDATE =
  /^(?:candidate:)?([A-Za-z0-9+/]{1,32}) (1) (udp) (\d{1,10}) ([0-9A-Za-z.:_-]{1,255}) (\d{1,5}) typ (host|srflx|relay|prflx)(?: |$)/i;

export class IceAgent {
  readonly #connection: Connection;
  readonly #inside: ConnectionInside;
  readonly #servers: IceServers;
  readonly #handlers: IceHandlers;
  readonly #relays = new Map<Protocol, TurnRelay>();
  /** Addresses that ICE knows, as `address port`; the last one that was asked for is remembered. */
  readonly #known = new Set<string>();
  #lastAddress = "";
  #lastPort = 0;
  #remoteCandidates = 0;
  #names = 0;
  #pair: CandidatePair | undefined;
  #hasAskedRelays = false;
  #isClosed = false;

  constructor(isControlling: boolean, servers: IceServers, handlers: IceHandlers) {
    this.#servers = servers;
    this.#handlers = handlers;
    this.#connection = new Connection(isControlling, {});
    this.#inside = insideOf(this.#connection);
    this.#inside.stunServer = undefined;
    forgiveNames(this.#connection);
    this.#connection.stateChanged.subscribe((state) => {
      if (state === "failed" && !this.#isClosed) this.#handlers.onState("failed");
    });
  }

  get credentials(): IceCredentials {
    return {
      ufrag: this.#connection.localUsername,
      password: this.#connection.localPassword,
    };
  }

  /** Host addresses at once, those that servers know as they answer. */
  gather(): void {
    this.#gatherAgain();
    for (const address of hostAddresses(interfacesNow())) {
      const isOpen = this.#inside.protocols.some(({ localIp }) => localIp === address);
      if (!isOpen) this.#openSocket(address).catch(() => {});
    }
    if (this.#hasAskedRelays) return;
    this.#hasAskedRelays = true;
    for (const server of this.#servers.turn) this.#openRelay(server).catch(() => {});
  }

  setRemote({ ufrag, password }: IceCredentials, isLite: boolean): void {
    this.#connection.setRemoteParams({ iceLite: isLite, usernameFragment: ufrag, password });
  }

  /** One that cannot be used is left out: others may be. */
  addRemoteCandidate(text: string): void {
    const [
      matched,
      foundation = "",
      component,
      protocol = "",
      priority,
      host = "",
      port,
      type = "",
    ] = CANDIDATE.exec(text) ?? [];
    const isName = /\.local$/i.test(host);
    if (matched === undefined || Number(port) < 1 || Number(port) > 65_535) return;
    if (isIP(host) === 0 && !isName) return;
    this.#remoteCandidates += 1;
    if (isName) this.#names += 1;
    if (this.#remoteCandidates > MAX_REMOTE_CANDIDATES || this.#names > MAX_NAMES) return;
    const candidate = new Candidate(
      foundation,
      Number(component),
      protocol.toLowerCase(),
      Number(priority),
      host,
      Number(port),
      type.toLowerCase(),
    );
    // For a name this takes until somebody answers; nothing waits for it.
    this.#connection.addRemoteCandidate(candidate).catch(() => {});
  }

  /** Checks until a pair is nominated; told by `onState`. */
  connect(): void {
    const { generation } = this.#connection;
    this.#connection.localCandidatesEnd = true;
    this.#handlers.onState("checking");
    if (this.#isClosed) return;
    this.#connection.connect().then(
      () => {
        if (this.#isClosed || this.#connection.generation !== generation) return;
        this.#choose();
        if (this.#pair !== undefined) this.#handlers.onState("connected");
      },
      () => {
        const isOld = this.#connection.generation !== generation;
        if (!this.#isClosed && !isOld) this.#handlers.onState("failed");
      },
    );
  }

  /**
   * RFC 8445 section 9: new credentials, and checks from the beginning once the other side's are
   * known. Data goes on over the old pair until a new one is chosen.
   */
  restart(): void {
    this.#remoteCandidates = 0;
    this.#names = 0;
    void this.#connection.restart();
  }

  /** UDP payloads that the chosen route takes for sure, and the largest that it might. */
  get datagramBytes(): { readonly base: number; readonly most: number } {
    const remote = this.#choose()?.remoteCandidate.host;
    const isHere = this.#inside.protocols.some(({ localIp }) => localIp === remote);
    // A kernel cuts up what its own link does not take, so a probe above that would be answered.
    const away = MOST_DATAGRAM_BYTES - (isIP(remote ?? "") === 6 ? IPV6_MORE_BYTES : 0);
    return { base: BASE_DATAGRAM_BYTES, most: isHere ? MOST_HERE_BYTES : away };
  }

  /** Over the chosen pair; lost when there is none, as datagrams may be. */
  send(datagram: Uint8Array): void {
    const pair = this.#pair ?? this.#choose();
    if (pair === undefined || this.#isClosed) return;
    const { host, port } = pair.remoteCandidate;
    const { protocol } = pair;
    if (protocol instanceof SocketProtocol) protocol.send(datagram, host, port);
    else this.#relays.get(protocol)?.send(datagram, host, port);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close().catch(() => {});
  }

  #choose(): CandidatePair | undefined {
    const { nominated } = this.#connection;
    if (nominated !== undefined && nominated !== this.#pair) {
      this.#pair = nominated;
      this.#relays.get(nominated.protocol)?.forgetChannel();
    }
    return this.#pair;
  }

  /** After a restart the sockets are the same, and told under the new credentials. */
  #gatherAgain(): void {
    for (const protocol of this.#inside.protocols) {
      if (protocol.localCandidate === undefined) continue;
      this.#connection.localCandidates.push(protocol.localCandidate);
      this.#tell(protocol.localCandidate);
      if (protocol instanceof SocketProtocol) this.#askStunServers(protocol);
    }
  }

  async #openSocket(address: string): Promise<void> {
    const protocol = new SocketProtocol(address, {
      passwordOf: (username) => {
        // A plain object, which knows `constructor` and the like as well.
        const { userHistory } = this.#connection;
        return Object.hasOwn(userHistory, username) ? userHistory[username] : undefined;
      },
      onDatagram: (datagram, from, port) => this.#receive(datagram, from, port),
    });
    await protocol.connectionMade();
    if (this.#isClosed) return protocol.close();
    const { generation, localUsername } = this.#connection;
    protocol.localCandidate = new Candidate(
      candidateFoundation("host", "udp", address),
      1,
      "udp",
      candidatePriority("host", { transport: "udp" }),
      address,
      protocol.port,
      "host",
      undefined,
      undefined,
      undefined,
      generation,
      localUsername,
    );
    this.#adopt(protocol, protocol.localCandidate);
    this.#askStunServers(protocol);
  }

  #askStunServers(protocol: SocketProtocol): void {
    for (const server of this.#servers.stun) this.#askStun(protocol, server).catch(() => {});
  }

  async #askStun(protocol: SocketProtocol, server: StunServer): Promise<void> {
    const family = isIP(protocol.localIp) === 6 ? 6 : 4;
    const literal = isIP(server.host);
    if (literal !== 0 && literal !== family) return;
    const host = literal === 0 ? (await dns.lookup(server.host, { family })).address : server.host;
    const found = await serverReflexiveCandidate(protocol, [host, server.port]);
    const isKnown = this.#connection.localCandidates.some(
      (other) => other.host === found?.host && other.port === found.port,
    );
    if (found === undefined || isKnown || this.#isClosed) return;
    // Its base is the host candidate: nothing to pair, only to tell (RFC 8445 section 6.1.2.4).
    this.#connection.localCandidates.push(found);
    this.#tell(found);
  }

  async #openRelay(server: IceServers["turn"][number]): Promise<void> {
    const relay = await TurnRelay.allocate(server);
    const { protocol } = relay;
    if (this.#isClosed) return protocol.close();
    this.#relays.set(protocol, relay);
    protocol.onDataReceived.subscribe((datagram) => this.#receiveRelayed(datagram));
    const { generation, localUsername } = this.#connection;
    protocol.localCandidate = relay.candidate(generation, localUsername);
    this.#adopt(protocol, protocol.localCandidate);
  }

  #adopt(protocol: Protocol, candidate: Candidate): void {
    this.#inside.ensureProtocol(protocol);
    this.#inside.protocols.push(protocol);
    this.#connection.localCandidates.push(candidate);
    this.#inside.pairLocalProtocol(protocol);
    this.#tell(candidate);
  }

  #tell(candidate: Candidate): void {
    if (!this.#isClosed) this.#handlers.onCandidate(`candidate:${candidate.toSdp()}`);
  }

  #receive(datagram: Buffer, address: string, port: number): void {
    const isLast = port === this.#lastPort && address === this.#lastAddress;
    if (!isLast && !this.#isKnown(address, port)) return;
    this.#receiveRelayed(datagram);
  }

  #receiveRelayed(datagram: Buffer): void {
    const first = datagram[0] ?? 0;
    if (first < DTLS_FIRST_BYTE.least || first > DTLS_FIRST_BYTE.most) return;
    if (!this.#isClosed) this.#handlers.onDatagram(datagram);
  }

  /** Signaled, or proven by a check that was signed: strangers cannot disturb the handshake. */
  #isKnown(address: string, port: number): boolean {
    const name = `${address} ${port}`;
    const isKnown =
      this.#known.has(name) ||
      this.#connection.remoteCandidates.some(
        (candidate) => candidate.host === address && candidate.port === port,
      );
    if (!isKnown) return false;
    this.#known.add(name);
    this.#lastAddress = address;
    this.#lastPort = port;
    return true;
  }
}

function insideOf(connection: Connection): ConnectionInside {
  const inside = connection as unknown as Partial<ConnectionInside>;
  const isAsExpected =
    "stunServer" in connection &&
    Array.isArray(inside.protocols) &&
    typeof inside.ensureProtocol === "function" &&
    typeof inside.pairLocalProtocol === "function";
  if (!isAsExpected) throw new Error("werift's ICE connection is made otherwise now");
  return connection as unknown as ConnectionInside;
}
