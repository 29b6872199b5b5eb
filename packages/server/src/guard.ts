/**
 * Which requests a browser may have made for its user, decided from two headers.
 *
 * CORS does not guard WebSockets, and neither it nor cookies stop DNS rebinding: a hostile name that
 * resolves to 127.0.0.1 makes the browser believe that this server is the hostile page's own. So
 * every request and both socket handshakes pass here:
 *
 *     Host    must be a name that only this server goes by
 *     Origin  absent (not a browser), the server itself, or listed
 *
 * Pure.
 */

import { ipBytes } from "./ip-address.ts";

export interface GuardPolicy {
  /** The address the server is bound to. */
  readonly boundTo: string;
  readonly publicHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

export type Verdict =
  | {
      readonly allowed: true;
      /** As the client wrote it, without the port; IPv6 in brackets. */
      readonly hostname: string;
      /** The other site this request comes from, to be echoed in CORS headers. */
      readonly crossOrigin: string | undefined;
    }
  | { readonly allowed: false; readonly message: string };

/** Of any request, whatever made it. */
export interface GuardedRequest {
  readonly headers: { readonly host?: string | undefined; readonly origin?: string | undefined };
}

export function checkRequest({ headers }: GuardedRequest, policy: GuardPolicy): Verdict {
  const host = parseHost(headers.host, "http:");
  if (host === undefined) return refuse("the Host header is missing or malformed");
  if (!hostAllowed(host.hostname, policy)) {
    return refuse(
      `this server does not go by the name ${host.hostname}; its operator can add it as a public host`,
    );
  }

  const { origin } = headers;
  if (origin === undefined)
    return { allowed: true, hostname: host.hostname, crossOrigin: undefined };
  const from = URL.canParse(origin) ? new URL(origin) : undefined;
  // Sandboxed frames and files send "null", which anybody can produce.
  if (from === undefined || from.origin === "null")
    return refuse("the Origin header is opaque or malformed");
  // Compared under the page's scheme, so that ":443" and its absence are the same behind TLS.
  if (parseHost(headers.host, from.protocol)?.host === from.host) {
    return { allowed: true, hostname: host.hostname, crossOrigin: undefined };
  }
  if (policy.allowedOrigins.includes(from.origin)) {
    return { allowed: true, hostname: host.hostname, crossOrigin: from.origin };
  }
  return refuse(
    `pages of ${from.origin} may not use this server; its operator can allow the origin`,
  );
}

/** Names and addresses that cannot leave this machine, whatever a DNS server says. */
export function isLoopback(hostname: string): boolean {
  const name = bare(hostname);
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const bytes = ipBytes(name);
  if (bytes?.length === 4) return bytes[0] === 127;
  return bytes?.every((byte, i) => byte === (i === 15 ? 1 : 0)) ?? false;
}

function hostAllowed(hostname: string, policy: GuardPolicy): boolean {
  if (isLoopback(hostname) || policy.publicHosts.includes(bare(hostname))) return true;
  // Rebinding needs a name; a literal address is what the user typed. A server bound to loopback
  // has no business with any other address.
  return ipBytes(bare(hostname)) !== undefined && !isLoopback(policy.boundTo);
}

/** The URL parser settles case, default ports and odd spellings of addresses. */
function parseHost(host: string | undefined, protocol: string): URL | undefined {
  const text = `${protocol}//${host}`;
  if (host === undefined || /[/?#@\\\s]/.test(host) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
}

function refuse(message: string): Verdict {
  return { allowed: false, message };
}
