/**
 * The link server: `createLinkServer(options)` and nothing else.
 *
 *     REST, page ── http.ts ─────────▶ instances.ts ──▶ store.ts (sqlite-store.ts, postgres-store.ts)
 *                                          │
 *     own peers ─── peer-sockets.ts ───▶ switchboard.ts ──▶ room-directory.ts (here, redis-rooms.ts)
 *     shipped ───── shipped-sockets.ts ──▶ ─┘                 └──▶ rooms.ts
 *     UDP ───────── stun.ts
 *
 * This file wires the parts together, opens them and closes them.
 */

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { IceServer } from "@beeline/protocol";
import proxyAddr from "@fastify/proxy-addr";
import { ByteBudget } from "./byte-budget.ts";
import { watchConnections } from "./connections.ts";
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
import { Metrics } from "./metrics.ts";
import { type CheckedOptions, checkOptions, type LinkServerOptions } from "./options.ts";
import { OutboxBudget } from "./outbox.ts";
import { openPeerSockets } from "./peer-sockets.ts";
import { PostgresStore } from "./postgres-store.ts";
import { RedisRooms } from "./redis-rooms.ts";
import { UserRates } from "./relay-gate.ts";
import { LocalRooms } from "./room-directory.ts";
import { openShippedSockets } from "./shipped-sockets.ts";
import { AddressCount } from "./socket-server.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { listenStun, type StunServer } from "./stun.ts";
import { Switchboard } from "./switchboard.ts";
import { createTokenCheck } from "./tokens.ts";
import { TurnDesk } from "./turn.ts";
import { Accounts } from "./users.ts";

export { isProxyAddress, type LinkServerOptions } from "./options.ts";

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
  /** @throws if the port cannot be bound, or the database or Redis cannot be used. */
  listen(): Promise<LinkServerAddress>;
  metrics(): LinkServerMetrics;
  /**
   * Lets peers go, evenly over `drainMs`, then closes everything. They see a broken transport, never
   * an error, and reconnect by themselves. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Opens the data folder and prepares everything; nothing is reachable before `listen`.
 * @throws {TypeError} naming bad options; an `Error` if the data folder cannot be used.
 */
export function createLinkServer(options: LinkServerOptions): LinkServer {
  const checked = checkOptions(options);
  const { logger, now, host } = checked;
  const secret =
    checked.secret === undefined ? loadSecret(checked.dataDir) : fromHex(checked.secret);
  const keyring = createKeyring(secret);
  const store =
    checked.databaseUrl === undefined
      ? openSqliteStore(checked.dataDir, keyring)
      : new PostgresStore(checked.databaseUrl, keyring, logger);
  const rooms =
    checked.redisUrl === undefined
      ? new LocalRooms(now)
      : new RedisRooms({ url: checked.redisUrl, keyring, log: logger });
  const metrics = new Metrics();
  const { totals } = metrics;
  const onLimited = (limit: string) => metrics.limited(limit);
  const switchboard = new Switchboard({
    store,
    rooms,
    keyring,
    log: logger,
    now,
    wait: (ms) => wait(ms, undefined, { ref: false }),
    meter: metrics,
  });
  metrics.watch({ rooms: () => switchboard.roomCount, peers: () => switchboard.peerCount });
  const instances = new Instances(store, switchboard, checked.instanceLimit, now);
  const accounts = accountsOf(checked, keyring.cookieSecret);

  const policy: GuardPolicy = { ...checked, boundTo: host };
  const check = (request: GuardedRequest): Verdict => checkRequest(request, policy);
  const trustProxy = proxyAddr.compile(checked.trustedProxies);
  // Unknown, whatever the library's types say, when the connection is gone already.
  const addressOf = (request: IncomingMessage): string | undefined =>
    proxyAddr(request, trustProxy);
  let isDraining = false;
  const { pageDir, pairDemo, metricsToken } = checked;
  const http = createHttp({
    logger,
    instances,
    accounts,
    check,
    trustProxy,
    rooms,
    pageDir,
    pairDemo,
    metrics,
    metricsToken,
    onLimited,
    async notReady() {
      if (isDraining) return "draining";
      if (!rooms.isReady) return "redis";
      return store.ping().then(
        () => undefined,
        () => "database",
      );
    },
  });

  const cutConnections = watchConnections(http.server);
  let stun: StunServer | undefined;
  const iceServersFor = (headers: IncomingHttpHeaders): IceServer[] => [
    ...checked.iceServers,
    ...ownStun(check({ headers }), policy.boundTo, stun),
  ];
  const door = {
    check,
    addresses: new AddressCount(checked.socketsPerAddress),
    addressOf,
    isClosed: () => isDraining,
    onLimited,
  };
  const userOf = accounts.userOf.bind(accounts);
  const incoming = new ByteBudget(checked.shippedBudgetBytes);
  const outboxes = new OutboxBudget(checked.shippedBudgetBytes);
  const users = new UserRates(perSecond(checked.userRelayBytesPerSecond));
  const servers = [
    openPeerSockets(http.server, door, {
      switchboard,
      log: logger,
      now,
      relayLimits: {
        session: perSecond(checked.relayBytesPerSecond),
        users,
      },
      meter: metrics,
      onReport: (from, report) => metrics.reported(from, report),
      addressOf,
      userOf,
      iceServersFor,
      turn: checked.turn && new TurnDesk(checked.turn, { rooms, now, onLimited }),
      onLimited,
      incoming,
      outboxes,
    }),
    openShippedSockets(http.server, door, {
      switchboard,
      log: logger,
      addressOf,
      userOf,
      now,
      users,
      outboxes,
      incoming,
      onLimited,
    }),
  ];

  let closing: Promise<void> | undefined;
  const close = async () => {
    isDraining = true;
    await Promise.all(servers.map((server) => server.drain(checked.drainMs)));
    for (const server of servers) server.close();
    cutConnections();
    await Promise.all([http.close(), stun?.close()]);
    await switchboard.settled();
    await Promise.all([rooms.close(), store.close()]);
    metrics.close();
  };

  return {
    async listen() {
      await store.start();
      await switchboard.start();
      await http.listen({ host, port: checked.port });
      const { port } = http.server.address() as AddressInfo;
      if (checked.stunPort !== false) stun = await listenStun(host, checked.stunPort ?? port);
      const address = { host, port, url: localUrl(host, port), stunPort: stun?.port };
      logger.info(address, "link server listening");
      return address;
    },
    metrics: () => ({ ...totals, rooms: switchboard.roomCount, peers: switchboard.peerCount }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function accountsOf(
  { tokens, allowAnonymous, now }: CheckedOptions,
  cookieSecret: string,
): Accounts {
  const verifyToken = tokens && createTokenCheck(tokens, now);
  return new Accounts({ cookieSecret, verifyToken, allowAnonymous });
}

/** One second's worth may come at once. */
function perSecond(rate: number): { capacity: number; perSecond: number } {
  return { capacity: rate, perSecond: rate };
}

function fromHex(secret: string): Buffer {
  return Buffer.from(secret, "hex");
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
