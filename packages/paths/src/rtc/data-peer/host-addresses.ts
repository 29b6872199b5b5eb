/**
 * The addresses of this machine that the other side may reach: those of every interface, VPNs and
 * containers included (werift passes over them), in a stable order. Loopback only where there is
 * nothing else.
 */

import { networkInterfaces } from "node:os";

/** Link-local: needs a zone that the other side cannot name. */
const LINK_LOCAL = /^(?:169\.254\.|fe[89ab][0-9a-f]:)/i;
/** A router with many bridges has dozens; each costs a socket and a check per remote candidate. */
const MAX_ADDRESSES = 16;

/** None where the system does not say, which it does not to a process without a free descriptor. */
export function interfacesNow(list = networkInterfaces): ReturnType<typeof networkInterfaces> {
  try {
    return list();
  } catch {
    return {};
  }
}

export function hostAddresses(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const usable = Object.entries(interfaces)
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([, addresses = []]) => addresses)
    .filter(({ address, internal }) => !internal && !LINK_LOCAL.test(address))
    .map(({ address }) => address);
  const [first] = usable;
  return first === undefined ? ["127.0.0.1"] : [...new Set(usable)].slice(0, MAX_ADDRESSES);
}
