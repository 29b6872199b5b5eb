/**
 * Which addresses the extension may fetch from, decided before and while connecting.
 *
 * Addresses come from a page, and the extension sits inside somebody's home network. So: https only,
 * hosts from a list only, and no name that resolves to an address of this machine or of a private
 * network. The owner, and nobody else, may widen it: a host that the owner names may be anywhere.
 *
 * Pure. Names are resolved elsewhere; both the name and what it resolves to are judged here.
 */

import { BeelineError } from "@beeline/protocol";
import ipaddr from "ipaddr.js";

export interface AddressPolicy {
  /** Hosts (`example.org`, its subdomains too; or an IP address) that the owner allowed, wherever they are. */
  readonly allowHosts: readonly string[];
  /** Also http, for the hosts in `allowHosts` only. */
  readonly allowInsecure: boolean;
}

/** Where models are published, and where those sites send a download on to. Subdomains included. */
export const DEFAULT_HOSTS: readonly string[] = [
  "civitai.com",
  "civitai.red",
  // Civitai's own account at Cloudflare R2; other accounts there are strangers'.
  "5ac0637cfd0766c97916cefa3764fbdf.r2.cloudflarestorage.com",
  "huggingface.co",
  "hf.co",
];

/**
 * Judges a URL as far as its text allows; an IP address in it is judged here and nowhere else,
 * because connecting to one involves no name look-up.
 * @throws {BeelineError} `URL_REFUSED`
 */
export function checkUrl(text: string, policy: AddressPolicy): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new BeelineError("URL_REFUSED", "the address cannot be read");
  const host = hostOf(url);
  const owners = isOwnersHost(host, policy);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && owners && policy.allowInsecure)) {
    throw new BeelineError("URL_REFUSED", `${url.protocol} addresses are not fetched, https: is`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new BeelineError("URL_REFUSED", "the address contains a user name or a password");
  }
  if (!owners && (!matches(host, DEFAULT_HOSTS) || url.port !== "")) {
    throw new BeelineError(
      "URL_REFUSED",
      `the host ${url.host} is not on the list of allowed hosts`,
    );
  }
  if (!owners && ipaddr.isValid(host)) checkResolved(host, host, policy);
  return url;
}

/**
 * Judges one address that a host's name resolved to.
 * @throws {BeelineError} `URL_REFUSED`
 */
export function checkResolved(host: string, address: string, policy: AddressPolicy): void {
  if (isOwnersHost(host, policy) || isPublic(address)) return;
  throw new BeelineError("URL_REFUSED", `the host ${host} leads to an address that is not public`);
}

/** True for addresses of the public internet only; IPv4 inside IPv6 is judged as IPv4. */
export function isPublic(address: string): boolean {
  // `unicast` is what remains after private, loopback, link-local (with the clouds' metadata
  // service), carrier-grade NAT, unique-local, translated, reserved and multicast ranges.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast";
}

/** Host names as they are compared: lower case, no brackets, no final dot. */
export function hostOf(url: URL): string {
  return url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}

function isOwnersHost(host: string, policy: AddressPolicy): boolean {
  return matches(host, policy.allowHosts);
}

function matches(host: string, list: readonly string[]): boolean {
  return list.some((allowed) => {
    const name = allowed.toLowerCase();
    return host === name || (!ipaddr.isValid(name) && host.endsWith(`.${name}`));
  });
}
