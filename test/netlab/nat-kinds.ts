/**
 * The kinds of access that the lab gives to a host, and what theory says about two of them: pure,
 * and from their properties, not from what was ever observed.
 *
 * Two properties decide (RFC 4787). *Mapping*: does an inside port keep one outside port for
 * everybody (endpoint-independent), or get another for each remote port? *Filtering*: who may send
 * to that outside port?
 *
 * Linux' masquerade gives a connection its own inside port wherever that is free. It keys
 * translations by remote address, so nothing promises one outside port for all; but as long as no two
 * inside hosts use the same port, which here they do not, it comes out endpoint-independent, with
 * filtering by address and port. `random` makes it address-and-port-dependent. That is what home
 * routers on Linux do, and the lab uses it as it is.
 */

/** Who gets in to a port that sent something out. `all`: even without that. */
export type Filtering = "all" | "mapped" | "known-address" | "known-port";

/** A host's access in one family of addresses. */
export interface Access {
  /** Whether every remote party sees the same outside address and port. */
  readonly isMappingStable: boolean;
  readonly filtering: Filtering;
  readonly passesUdp: boolean;
}

/** A host's access; undefined where it has no addresses of that family. */
export interface NatTraits {
  readonly ipv4: Access | undefined;
  readonly ipv6: Access | undefined;
  readonly says: string;
}

const OPEN: Access = { isMappingStable: true, filtering: "all", passesUdp: true };
const CONE: Access = { isMappingStable: true, filtering: "known-port", passesUdp: true };
const SYMMETRIC: Access = { ...CONE, isMappingStable: false };
/** A router that lets in answers and nothing else, without translating. */
const FIREWALL: Access = CONE;

export const NAT_KINDS = {
  open: { ipv4: OPEN, ipv6: OPEN, says: "public addresses, no firewall" },
  fullCone: {
    ipv4: { ...CONE, filtering: "mapped" },
    ipv6: undefined,
    says: "NAT, one port for all, anybody may answer",
  },
  addressCone: {
    ipv4: { ...CONE, filtering: "known-address" },
    ipv6: undefined,
    says: "NAT, one port for all, answers from known addresses",
  },
  cone: { ipv4: CONE, ipv6: undefined, says: "the usual home router: NAT, one port for all" },
  symmetric: { ipv4: SYMMETRIC, ipv6: undefined, says: "NAT, another port for each remote port" },
  carrier: { ipv4: CONE, ipv6: undefined, says: "a home router behind a carrier's NAT" },
  carrierSymmetric: {
    ipv4: SYMMETRIC,
    ipv6: undefined,
    says: "a home router behind a carrier's symmetric NAT",
  },
  udpBlocked: {
    ipv4: { ...CONE, passesUdp: false },
    ipv6: undefined,
    says: "an office: NAT, TCP only",
  },
  ipv6Only: { ipv4: undefined, ipv6: FIREWALL, says: "IPv6 only, behind a firewall" },
  dualStack: { ipv4: CONE, ipv6: FIREWALL, says: "a usual home router, and IPv6 besides" },
} as const satisfies Record<string, NatTraits>;

export type NatKind = keyof typeof NAT_KINDS;

/** Whether ICE with STUN, and nobody guessing ports, connects the two. */
export function canConnect(a: NatTraits, b: NatTraits): boolean {
  return connects(a.ipv4, b.ipv4) || connects(a.ipv6, b.ipv6);
}

/** What becomes of a pair: where its traffic ends up, and what the page says of it. */
export type Outcome =
  | { readonly path: "direct"; readonly reason: "open"; readonly by: "ice" | "turn" }
  | { readonly path: "relay"; readonly reason: "ice-failed" };

/**
 * @param hasTurn whether both sides are given a TURN server with an IPv4 address, over UDP and TCP.
 * Over TCP everybody with IPv4 reaches it, and what it lends is open to all whom its user named.
 */
export function expectedOutcome(a: NatTraits, b: NatTraits, hasTurn: boolean): Outcome {
  if (canConnect(a, b)) return { path: "direct", reason: "open", by: "ice" };
  const meetAtTurn = hasTurn && a.ipv4 !== undefined && b.ipv4 !== undefined;
  if (meetAtTurn) return { path: "direct", reason: "open", by: "turn" };
  return { path: "relay", reason: "ice-failed" };
}

function connects(a: Access | undefined, b: Access | undefined): boolean {
  if (a === undefined || b === undefined || !a.passesUdp || !b.passesUdp) return false;
  return getsIn(a, b) || getsIn(b, a);
}

/** Whether what one sends to the address that STUN told the other gets in; then answers do as well. */
function getsIn(from: Access, to: Access): boolean {
  if (to.filtering === "all" || to.filtering === "mapped") return true;
  // The port that STUN told is for the STUN server alone.
  if (!to.isMappingStable) return false;
  return from.isMappingStable || to.filtering === "known-address";
}
