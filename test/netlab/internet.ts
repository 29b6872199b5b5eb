/**
 * The lab's internet: one namespace that forwards between everything that has a public address.
 *
 * What is plugged in gets a number, from it its addresses (those set aside for documentation,
 * RFC 5737 and 3849), and a link of its own, whose direction `up` is towards the internet.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host, Plug, Socket } from "./host.ts";
import { Link, type LinkEnd } from "./link.ts";
import type { Namespaces } from "./namespaces.ts";
import { ip, sysctl } from "./system.ts";

/** Addresses that a thing is reached by, and the link to it. */
export interface Uplink {
  readonly link: Link;
  readonly ipv4: string | undefined;
  /** The first three groups of its IPv6 addresses, `2001:db8:7`; its own is `::1` of them. */
  readonly ipv6: string | undefined;
}

export interface Families {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** Something that hands out addresses and carries packets: the internet, or a carrier's router. */
export interface Provider {
  readonly namespace: string;
  connect(end: LinkEnd, families: Families): Promise<Uplink>;
  /** Another IPv4 address for the same link; the old one leads nowhere. */
  readdress(uplink: Uplink, end: LinkEnd): Uplink;
}

/** A namespace that passes packets on, in both families and without asking where they came from. */
export function letForward(namespace: string): void {
  sysctl(namespace, {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
  });
}

/** Numbers things and routes to them; what is common to the internet and a carrier. */
export class Exchange implements Provider {
  readonly namespace: string;
  readonly #ipv4Of: (number: number) => string;
  readonly #seed: () => number;
  #links = 0;
  #numbers = 0;

  /** @param ipv4Of the address with that number, counted from one. */
  constructor(namespace: string, ipv4Of: (number: number) => string, seed: () => number) {
    this.namespace = namespace;
    this.#ipv4Of = ipv4Of;
    this.#seed = seed;
  }

  async connect(end: LinkEnd, families: Families): Promise<Uplink> {
    this.#links += 1;
    const here = `link${this.#links}`;
    const link = await Link.open(end, { namespace: this.namespace, interface: here }, this.#seed());
    return this.#address(link, end, here, families);
  }

  readdress(uplink: Uplink, end: LinkEnd): Uplink {
    const { ipv4, ipv6, link } = uplink;
    if (ipv4 === undefined) return uplink;
    ip(this.namespace, `route del ${ipv4}/32`);
    ip(end.namespace, `addr del ${ipv4}/32 dev ${end.interface}`);
    const families = { ipv4: true, ipv6: false };
    return { ...this.#address(link, end, link.farInterface, families), ipv6 };
  }

  #address(link: Link, end: LinkEnd, here: string, families: Families): Uplink {
    this.#numbers += 1;
    const ipv4 = families.ipv4 ? this.#ipv4Of(this.#numbers) : undefined;
    const ipv6 = families.ipv6 ? `2001:db8:${this.#numbers.toString(16)}` : undefined;
    if (ipv4 !== undefined) {
      ip(this.namespace, `route add ${ipv4}/32 dev ${here}`);
      ip(
        end.namespace,
        `addr add ${ipv4}/32 dev ${end.interface}`,
        `route replace default dev ${end.interface} src ${ipv4}`,
      );
    }
    if (ipv6 !== undefined) {
      ip(this.namespace, `route add ${ipv6}::/48 dev ${here}`);
      ip(
        end.namespace,
        `addr add ${ipv6}::1/128 dev ${end.interface}`,
        `route replace ::/0 dev ${end.interface}`,
      );
    }
    return { link, ipv4, ipv6 };
  }
}

export class Internet extends Exchange implements Socket {
  /** Says the addresses of every public host, in the form of /etc/hosts: `server` is `server.lab`. */
  readonly namesFile: string;
  readonly #names = new Map<string, readonly string[]>();

  constructor(namespaces: Namespaces, seed: () => number) {
    const namespace = namespaces.create("internet");
    super(namespace, (number) => `203.0.113.${number}`, seed);
    letForward(namespace);
    this.namesFile = join(namespaces.folder, "names");
    this.#writeNames();
  }

  /** A host with public addresses of both families, and no firewall. */
  async plug(host: Host): Promise<Plug> {
    const end = { namespace: host.namespace, interface: "eth0" };
    const { link, ipv4, ipv6 } = await this.connect(end, { ipv4: true, ipv6: true });
    this.#names.set(host.name, [ipv4 ?? "", `${ipv6}::1`]);
    this.#writeNames();
    return {
      link,
      ipv4,
      ipv6: ipv6 === undefined ? undefined : `${ipv6}::1`,
      cut: () => link.cut(),
      restore: () => link.restore(),
      unplug: () => link.close(),
    };
  }

  /** In place: hosts see this very file. Chromium asks for STUN servers with a dot at the end. */
  #writeNames(): void {
    const lines = [...this.#names].flatMap(([name, addresses]) =>
      addresses.map((address) => `${address} ${name}.lab ${name}.lab.\n`),
    );
    writeFileSync(this.namesFile, ["127.0.0.1 localhost\n::1 localhost\n", ...lines].join(""));
  }
}
