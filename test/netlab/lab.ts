/**
 * The network lab: hosts, routers and links of a small internet, made of this machine's network
 * namespaces, and gone with this process however it ends.
 *
 *     const lab = await Lab.open();
 *     const server = await lab.host("server");                  // a public address
 *     const home = await lab.site("home", "cone");              // a host behind a NAT
 *     await home.uplink.shape({ delayMs: 25, mbitPerSecond: 20 });
 *     server.spawn("node", ["server.js"]);
 *     await home.host.cut();
 *     await lab.close();
 *
 * It needs root; why-not.ts says what else. It does not know what runs on its hosts: see actors/.
 */
import { join } from "node:path";
import { Host } from "./host.ts";
import { Internet, type Provider } from "./internet.ts";
import type { Link, Shape } from "./link.ts";
import { Namespaces } from "./namespaces.ts";
import { NAT_KINDS, type NatKind } from "./nat-kinds.ts";
import { policyOf } from "./nat-rules.ts";
import { Router, type RouterOptions } from "./router.ts";
import { whyNot } from "./why-not.ts";

export interface LabOptions {
  /** Decides which packets links lose. */
  readonly seed?: number;
}

/** A host and how it is connected. */
export interface Site {
  readonly host: Host;
  /** What the host is plugged into; undefined for a public address. */
  readonly router: Router | undefined;
  /** The carrier's, for a home behind two. */
  readonly carrier: Router | undefined;
  /** Towards the internet: the host's own, its router's, or its carrier's. */
  readonly uplink: Link;
}

const ENABLED = { ipv4: true, ipv6: true };

export class Lab {
  readonly internet: Internet;
  readonly #namespaces: Namespaces;
  readonly #seed: () => number;
  #lans = 0;

  private constructor(seed: number) {
    let links = 0;
    this.#seed = () => seed * 1_000 + links++;
    this.#namespaces = new Namespaces();
    this.internet = new Internet(this.#namespaces, this.#seed);
  }

  /** @throws with the reason, where it cannot run. */
  static async open({ seed = 1 }: LabOptions = {}): Promise<Lab> {
    const obstacle = whyNot();
    if (obstacle !== undefined) throw new Error(`The network lab cannot run: ${obstacle}`);
    return new Lab(seed);
  }

  /** What the names of this lab's namespaces open with. */
  get prefix(): string {
    return this.#namespaces.prefix;
  }

  /** For files of what runs on the hosts; removed with the lab. */
  get folder(): string {
    return this.#namespaces.folder;
  }

  /** A machine with a public address, or in a router's LAN. Names are at most eight letters. */
  host(name: string, at: Router | Internet = this.internet): Promise<Host> {
    const namespace = this.#namespaces.create(name);
    const place = { namespace, folder: join(this.folder, name), names: this.internet.namesFile };
    return Host.create(name, place, at);
  }

  router(
    name: string,
    options: Partial<RouterOptions> = {},
    provider: Provider = this.internet,
  ): Promise<Router> {
    this.#lans += 1;
    return Router.create(
      this.#namespaces.create(name),
      this.#lans,
      provider,
      { policy: policyOf("cone"), families: ENABLED, ...options },
      this.#seed,
    );
  }

  /** A host with access of that kind, and whatever routers that takes. */
  async site(name: string, kind: NatKind, shape: Shape = {}): Promise<Site> {
    const site = await this.#site(name, kind);
    await site.uplink.shape(shape);
    return site;
  }

  async #site(name: string, kind: NatKind): Promise<Site> {
    if (kind === "open") {
      const host = await this.host(name);
      return { host, router: undefined, carrier: undefined, uplink: host.link };
    }
    if (kind === "carrier" || kind === "carrierSymmetric") {
      const carrier = await this.router(`${name}-c`, { policy: policyOf(kind) });
      const families = { ipv4: true, ipv6: false };
      const router = await this.router(`${name}-r`, { families }, carrier.customers);
      const host = await this.host(name, router);
      return { host, router, carrier, uplink: carrier.uplink };
    }
    const { ipv4, ipv6 } = NAT_KINDS[kind];
    const families = { ipv4: ipv4 !== undefined, ipv6: ipv6 !== undefined };
    const router = await this.router(`${name}-r`, { policy: policyOf(kind), families });
    const host = await this.host(name, router);
    return { host, router, carrier: undefined, uplink: router.uplink };
  }

  /** Ends every program on every host and removes everything. */
  async close(): Promise<void> {
    await this.#namespaces.close();
  }
}
