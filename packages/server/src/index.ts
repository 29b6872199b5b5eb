/**
 * The link server: `createLinkServer(options)` and nothing else.
 *
 *     REST, page ── http.ts ─────────▶ instances.ts ──▶ store.ts (sqlite-store.ts)
 *                                          │
 *     own peers ─── peer-sockets.ts ───▶ switchboard.ts ──▶ rooms.ts
 *     shipped ───── shipped-sockets.ts ──▶ ─┘
 *     UDP ───────── stun.ts
 *
 * This file wires the parts together, opens them and closes them.
 */

import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { IceServer } from "@beeline/protocol";
import {
  checkRequest,
  type GuardedRequest,
  type GuardPolicy,
  isLoopback,
  type Verdict,
} from "./guard.ts";
import { createHttp } from "./http.ts";
import { Instances } from "./instances.ts";
import { createKeyring, loadSecret } from "./keyring.ts";
import { checkOptions, type LinkServerOptions } from "./options.ts";
import { openPeerSockets, type RelayMeter } from "./peer-sockets.ts";
import { openShippedSockets } from "./shipped-sockets.ts";
import { AddressCount } from "./socket-server.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { listenStun, type StunServer } from "./stun.ts";
import { Switchboard } from "./switchboard.ts";

export type { LinkServerOptions } from "./options.ts";

export interface LinkServerAddress {
  readonly host: string;
  readonly port: number;
  /** Where a browser on this machine finds the server. */
  readonly url: string;
  /** UDP; absent if STUN is off. */
  readonly stunPort: number | undefined;
}

export interface LinkServerMetrics {
  /** Bytes of `relay` events that were passed on. Signals and shipped messages are not in it. */
  readonly relayedBytes: number;
  /** `relay` events passed on; one may carry several session records. */
  readonly relayedRecords: number;
  /** `relay` events not passed on, because sender or receiver was over its limit. */
  readonly droppedRecords: number;
  readonly rooms: number;
  readonly peers: number;
}

export interface LinkServer {
  /** @throws if the port cannot be bound. */
  listen(): Promise<LinkServerAddress>;
  metrics(): LinkServerMetrics;
  /** Closes every connection; peers see a broken transport and reconnect by themselves. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the data folder and prepares everything; nothing is reachable before `listen`.
 * @throws {TypeError} naming bad options; an `Error` if the data folder cannot be used.
 */
export function createLinkServer(options: LinkServerOptions): LinkServer {
  const checked = checkOptions(options);
  const { logger, now, host } = checked;
  const keyring = createKeyring(loadSecret(checked.dataDir));
  const store = openSqliteStore(checked.dataDir, keyring);
  const switchboard = new Switchboard(store, logger, now);
  const instances = new Instances(store, switchboard, checked.instanceLimit, now);
  const meter: RelayMeter = { relayedBytes: 0, relayedRecords: 0, droppedRecords: 0 };

  const policy: GuardPolicy = { ...checked, boundTo: host };
  const check = (request: GuardedRequest): Verdict => checkRequest(request, policy);
  const { pageDir, pairDemo } = checked;
  const http = createHttp({
    logger,
    instances,
    cookieSecret: keyring.cookieSecret,
    check,
    now,
    pageDir,
    pairDemo,
  });

  let stun: StunServer | undefined;
  const iceServersFor = (headers: IncomingHttpHeaders): IceServer[] => [
    ...checked.iceServers,
    ...ownStun(check({ headers }), policy.boundTo, stun),
  ];
  const door = { check, addresses: new AddressCount(checked.socketsPerAddress) };
  const { relayBytesPerSecond } = checked;
  const closePeers = openPeerSockets(http.server, door, {
    switchboard,
    log: logger,
    now,
    relayBytesPerSecond,
    meter,
    iceServersFor,
  });
  const closeShipped = openShippedSockets(http.server, door, { switchboard, log: logger });

  let closing: Promise<void> | undefined;
  const close = async () => {
    closePeers();
    closeShipped();
    await Promise.all([http.close(), stun?.close()]);
    await store.close();
  };

  return {
    async listen() {
      await http.listen({ host, port: checked.port });
      const { port } = http.server.address() as AddressInfo;
      if (checked.stunPort !== false) stun = await listenStun(host, checked.stunPort ?? port);
      const address = { host, port, url: localUrl(host, port), stunPort: stun?.port };
      logger.info(address, "link server listening");
      return address;
    },
    metrics: () => ({ ...meter, rooms: switchboard.roomCount, peers: switchboard.peerCount }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Under the name by which the peer reached us, which is one that works for it. */
function ownStun(verdict: Verdict, boundTo: string, stun: StunServer | undefined): IceServer[] {
  // Bound to loopback, or reached over it, the answer would be an address that helps nobody.
  if (stun === undefined || !verdict.allowed || isLoopback(verdict.hostname) || isLoopback(boundTo))
    return [];
  return [{ urls: `stun:${verdict.hostname}:${stun.port}` }];
}

function localUrl(host: string, port: number): string {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  const name = isEverywhere ? "localhost" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
