/** The STUN and TURN servers that were configured, read once; what cannot be used is left out. */

import type { IceServer } from "@beeline/protocol";

export interface StunServer {
  readonly host: string;
  readonly port: number;
}

export interface TurnServer {
  readonly host: string;
  readonly port: number;
  readonly transport: "udp" | "tcp" | "tls";
  readonly username: string;
  readonly password: string;
}

export interface IceServers {
  readonly stun: readonly StunServer[];
  readonly turn: readonly TurnServer[];
}

/** RFC 7064 and 7065: host, or IPv6 address in brackets, then the rest if any. */
const URL_FORM =
  /^(stuns?|turns?):(\[[0-9a-f:.]+\]|[^:?[\]]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i;
/** RFC 8489 section 8.2. */
const DEFAULT_PORT = 3_478;
const DEFAULT_TLS_PORT = 5_349;
/** Each costs a question per address of ours, or an allocation: more bring no further route. */
const MAX_OF_A_KIND = 4;

export function readIceServers(servers: readonly IceServer[]): IceServers {
  const stun: StunServer[] = [];
  const turn: TurnServer[] = [];
  for (const { urls, username, credential } of servers) {
    for (const url of [urls].flat()) {
      const [, scheme = "", host, port, transport] = URL_FORM.exec(url.trim()) ?? [];
      if (host === undefined) continue;
      const kind = scheme.toLowerCase();
      const isTls = kind.endsWith("s");
      const address = {
        host: host.replace(/^\[|\]$/g, ""),
        port: port === undefined ? (isTls ? DEFAULT_TLS_PORT : DEFAULT_PORT) : Number(port),
      };
      // STUN over TLS finds no address that UDP could use.
      if (kind === "stun") stun.push(address);
      if (!kind.startsWith("turn") || username === undefined || credential === undefined) continue;
      const over = isTls ? "tls" : transport?.toLowerCase() === "tcp" ? "tcp" : "udp";
      turn.push({ ...address, transport: over, username, password: credential });
    }
  }
  return { stun: stun.slice(0, MAX_OF_A_KIND), turn: turn.slice(0, MAX_OF_A_KIND) };
}
