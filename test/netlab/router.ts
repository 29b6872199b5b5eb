/**
 * A router of the lab: `wan0` towards its provider, `lan0` (a switch) for hosts, and for a carrier
 * links to its customers' routers. Its rules are those of nat-rules.ts.
 */
import type { Host, Plug, Socket } from "./host.ts";
import { Exchange, type Families, letForward, type Provider, type Uplink } from "./internet.ts";
import type { Link, LinkEnd } from "./link.ts";
import { type NatPolicy, natRules } from "./nat-rules.ts";
import { compiled, ip, nft, run } from "./system.ts";

/** Where a LAN begins to hand out addresses; below are a router's own. */
const FIRST_HOST = 10;

export interface RouterOptions {
  readonly policy: NatPolicy;
  readonly families: Families;
}

export class Router implements Socket {
  readonly namespace: string;
  /** For those who are customers of this router. */
  readonly customers: Provider;
  /** Two LANs of the lab never have the same addresses. */
  readonly #lan: string;
  readonly #provider: Provider;
  #policy: NatPolicy;
  #uplink: Uplink;
  #ports = 0;

  private constructor(
    namespace: string,
    lanNumber: number,
    provider: Provider,
    uplink: Uplink,
    policy: NatPolicy,
    seed: () => number,
  ) {
    this.namespace = namespace;
    this.#lan = `192.168.${lanNumber}`;
    this.#provider = provider;
    this.#uplink = uplink;
    this.#policy = policy;
    this.customers = new Exchange(namespace, (number) => `100.64.${lanNumber}.${number}`, seed);
  }

  /** @param lanNumber 1 to 254, and nobody else's. */
  static async create(
    namespace: string,
    lanNumber: number,
    provider: Provider,
    { policy, families }: RouterOptions,
    seed: () => number,
  ): Promise<Router> {
    letForward(namespace);
    const uplink = await provider.connect({ namespace, interface: "wan0" }, families);
    const router = new Router(namespace, lanNumber, provider, uplink, policy, seed);
    ip(namespace, "link add lan0 type bridge", "link set lan0 up");
    router.#applyAddresses();
    return router;
  }

  /** Towards the provider; its direction `up` is away from the LAN. */
  get uplink(): Link {
    return this.#uplink.link;
  }

  /** Its outside address, which everybody else sees. */
  get ipv4(): string | undefined {
    return this.#uplink.ipv4;
  }

  /** Plugs a host into the LAN. */
  async plug(host: Host): Promise<Plug> {
    this.#ports += 1;
    const port = `port${this.#ports}`;
    const last = FIRST_HOST + this.#ports;
    const ipv4 = this.#uplink.ipv4 === undefined ? undefined : `${this.#lan}.${last}`;
    const prefix = this.#uplink.ipv6;
    const ipv6 = prefix === undefined ? undefined : `${prefix}:1::${last}`;
    ip(host.namespace, `link add eth0 type veth peer name ${port} netns ${this.namespace}`);
    ip(this.namespace, `link set ${port} master lan0 up`);
    ip(host.namespace, "link set eth0 up");
    if (ipv4 !== undefined) {
      ip(
        host.namespace,
        `addr add ${ipv4}/24 dev eth0`,
        `route replace default via ${this.#lan}.1 dev eth0`,
      );
    }
    if (ipv6 !== undefined) {
      ip(
        host.namespace,
        `addr add ${ipv6}/64 dev eth0 nodad`,
        `route replace ::/0 via ${prefix}:1::1 dev eth0`,
      );
    }
    return {
      ipv4,
      ipv6,
      cut: async () => this.#setPort(port, "disabled"),
      restore: async () => this.#setPort(port, "forwarding"),
      unplug: async () => ip(host.namespace, "link del eth0"),
    };
  }

  /** Another behaviour from now on; what is being translated is forgotten. */
  setPolicy(policy: NatPolicy): void {
    this.#policy = policy;
    this.#applyRules();
  }

  /**
   * As a carrier does at night: another outside address (so for everybody outside also another
   * port), and every translation is forgotten. Nobody inside is told.
   */
  rebind(): void {
    const end: LinkEnd = { namespace: this.namespace, interface: "wan0" };
    this.#uplink = this.#provider.readdress(this.#uplink, end);
    this.#applyRules();
  }

  #applyAddresses(): void {
    const { ipv4, ipv6 } = this.#uplink;
    if (ipv4 !== undefined) ip(this.namespace, `addr add ${this.#lan}.1/24 dev lan0`);
    if (ipv6 !== undefined) ip(this.namespace, `addr add ${ipv6}:1::1/64 dev lan0 nodad`);
    this.#applyRules();
  }

  #applyRules(): void {
    nft(this.namespace, natRules(this.#policy, this.#uplink.ipv4 ?? "0.0.0.0"));
    run("nsenter", [`--net=/run/netns/${this.namespace}`, compiled("flush-conntrack.c")]);
  }

  /** A switch's port, off or on: frames vanish, and the interface at its end stays up. */
  #setPort(port: string, state: "disabled" | "forwarding"): void {
    const number = { disabled: 0, forwarding: 3 }[state];
    run("nsenter", [
      `--net=/run/netns/${this.namespace}`,
      ...["bridge", "link", "set", "dev", port, "state", String(number)],
    ]);
  }
}
