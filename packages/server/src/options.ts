/**
 * What an operator may set, checked once, with every default and its reason.
 *
 * Reads no environment and no files; the command line does that and passes the result in.
 */

import { IceServer } from "@beeline/protocol";
import proxyAddr from "@fastify/proxy-addr";
import type { Logger } from "pino";
import { z } from "zod";
import { TokenPolicy } from "./tokens.ts";
import { TurnPolicy } from "./turn.ts";

const Origin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin !== "null",
    "an origin, like https://example.org",
  )
  .transform((text) => new URL(text).origin);

const HostName = z
  .string()
  .regex(/^[^\s/:@]+$/, "a host name without scheme, port or path")
  .toLowerCase();

/** Whether `text` can be said to be a proxy: an address, a network, or a name like `loopback`. */
export function isProxyAddress(text: string): boolean {
  try {
    proxyAddr.compile(text);
    return true;
  } catch {
    return false;
  }
}

const Options = z.object({
  /** Where the database and the server's secret live. Created if missing, readable by its owner only. */
  dataDir: z.string().min(1),
  /** `postgres://…`; without it, a file in the data folder. */
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** `redis://…`: several processes share their rooms; they share the database and the secret too. */
  redisUrl: z.url({ protocol: /^rediss?$/ }).optional(),
  /** 64 hexadecimal digits, the same for every process; without it, drawn once in the data folder. */
  secret: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, "64 hexadecimal digits")
    .optional(),
  /** Loopback unless the operator says otherwise: a fresh start must not open the machine to its network. */
  host: z
    .string()
    .min(1)
    // "localhost" is two addresses, and WebSockets are attached to one listener.
    .transform((host) => (host === "localhost" ? "127.0.0.1" : host))
    .default("127.0.0.1"),
  /** 0 picks a free port. */
  port: z.number().int().min(0).max(65_535),
  /** Pages of these origins may use the server; the server's own origin always may. */
  allowedOrigins: z.array(Origin).default([]),
  /** Names under which browsers reach this server. Loopback names need no listing. */
  publicHosts: z.array(HostName).default([]),
  /**
   * Reverse proxies, as addresses or networks (`10.0.0.0/8`): what they say about who they forward
   * for is believed. Without it all visitors behind a proxy count as one.
   */
  trustedProxies: z
    .array(z.string().refine(isProxyAddress, "an address or a network, like 10.0.0.0/8"))
    .default([]),
  /** Handed to every peer that joins, e.g. an operator's TURN server. None of a third party by default. */
  iceServers: z.array(IceServer).max(15).default([]),
  /** An operator's TURN server, for which both sides of a linked pair get credentials. */
  turn: TurnPolicy.optional(),
  /** Tokens of a site with accounts of its own. */
  tokens: TokenPolicy.optional(),
  /** Whether browsers without a token may own instances, by a signed cookie. */
  allowAnonymous: z.boolean().default(true),
  /** Lets a Prometheus elsewhere read /metrics; on this machine it may anyway. */
  metricsToken: z.string().min(16, "at least 16 characters").optional(),
  /** How long peers get, from the signal to stop, to move to another process. */
  drainMs: z.number().int().min(0).default(0),
  /** UDP port that answers STUN. Default: the number of the HTTP port, or a free one if that is taken. */
  stunPort: z.union([z.number().int().min(0).max(65_535), z.literal(false)]).optional(),
  /** A folder with the built page, served at `/`. */
  pageDir: z.string().min(1).optional(),
  /** Instances one user may have; the shipped service's number. */
  instanceLimit: z.number().int().min(1).default(10),
  /**
   * Sockets open at once from one address (an IPv6 /64 counts as one). A household behind one
   * address has a few devices with a few tabs each; an idle socket costs 26 KiB (measured over
   * 1,000), so one address holds 2 MiB. Raise it when a reverse proxy makes all visitors share one.
   */
  socketsPerAddress: z.number().int().min(1).default(64),
  /**
   * Relayed bytes per second and session, and the burst on top. A sender beyond it loses records,
   * which its session sends again. A gigabit: under the 160 MB/s that one process relays (measured
   * with 48 KiB records), so that no session takes all of it, and above what one picture needs.
   */
  relayBytesPerSecond: z
    .number()
    .int()
    .min(64 * 1024)
    .default(128 * 1024 * 1024),
  /** The same for all sessions of one user's links together, shipped messages too; two at full speed. */
  userRelayBytesPerSecond: z
    .number()
    .int()
    .min(64 * 1024)
    .default(256 * 1024 * 1024),
  /**
   * Bytes of shipped clients' messages that may be on their way in, and again as many that may wait
   * to go out, besides a little for everybody; one address has a quarter of it. 256 MiB are sixteen
   * messages of the largest size, or eighty lists of 10,000 models. Below 64 MiB the largest messages
   * do not pass any more.
   */
  shippedBudgetBytes: z
    .number()
    .int()
    .min(4 * 1024 * 1024)
    .default(256 * 1024 * 1024),
  logger: z.custom<Logger>(
    (value) => typeof value === "object" && value !== null && "child" in value,
  ),
  /**
   * Links the demo's own extension: receives the key of an instance that its owner, on this very
   * machine, wants linked. Absent: the server has no such door.
   */
  pairDemo: z
    .custom<(key: string) => Promise<void>>((value) => typeof value === "function")
    .optional(),
  /** Milliseconds since the epoch; tests pass their own. */
  now: z.custom<() => number>((value) => typeof value === "function").default(() => Date.now),
});

/** What belongs together across fields. */
const Consistent = Options.refine(
  ({ redisUrl, databaseUrl }) => redisUrl === undefined || databaseUrl !== undefined,
  {
    path: ["redisUrl"],
    error: "several processes need one database: give databaseUrl (postgres://…) too",
  },
);

export type LinkServerOptions = z.input<typeof Options>;
export type CheckedOptions = z.output<typeof Options>;

/** @throws {TypeError} naming every bad value. */
export function checkOptions(options: LinkServerOptions): CheckedOptions {
  const checked = Consistent.safeParse(options);
  if (checked.success) return checked.data;
  throw new TypeError(`link server options: ${z.prettifyError(checked.error)}`);
}
