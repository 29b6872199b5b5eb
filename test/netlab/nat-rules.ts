/**
 * A router's ruleset for nftables, as text: pure. Its outside interface is `wan0`; whatever else it
 * has is inside.
 *
 * The trap: a peer's first packets may come before ours have left. If they reached the router
 * itself, it would note a connection of its own for that port, and then give our packets another
 * one. So what is new and for the router is dropped, which also forgets it.
 */
import { type Access, type Filtering, NAT_KINDS, type NatKind } from "./nat-kinds.ts";

export interface NatPolicy {
  readonly ipv4: Access;
  /** Whether insiders reach one another by their outside addresses. */
  readonly hairpin: boolean;
}

/** What a single router does so that a host behind it has access of that kind. */
export function policyOf(kind: NatKind, hairpin = false): NatPolicy {
  const { ipv4 } = NAT_KINDS[kind];
  // IPv6 is never translated; a router without IPv4 translates nothing either way.
  return { ipv4: ipv4 ?? NAT_KINDS.cone.ipv4, hairpin };
}

/** @param outside the router's own IPv4 address on `wan0`. */
export function natRules(policy: NatPolicy, outside: string): string {
  const { isMappingStable, filtering, passesUdp } = policy.ipv4;
  const lines = (isWanted: boolean, ...rules: readonly string[]): string[] =>
    isWanted ? rules.map((rule) => `    ${rule}`) : [];
  return [
    "flush ruleset",
    "table inet guard {",
    "  chain to_router {",
    "    type filter hook input priority filter;",
    '    iifname "wan0" ct state new drop',
    "  }",
    "  chain through_router {",
    "    type filter hook forward priority filter;",
    ...lines(!passesUdp, "meta l4proto udp drop"),
    '    iifname "wan0" ct state new ct status & dnat == 0 drop',
    "  }",
    "}",
    "table ip nat {",
    // Forgotten after five idle minutes, which no test lasts.
    "  map owners { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 5m; size 4096; }",
    "  set known { type ipv4_addr; flags dynamic,timeout; timeout 5m; size 4096; }",
    "  chain notes {",
    "    type filter hook postrouting priority srcnat - 10;",
    '    oifname "wan0" meta l4proto udp update @owners { udp sport : ip saddr }',
    '    oifname "wan0" meta l4proto udp update @known { ip daddr }',
    "  }",
    "  chain incoming {",
    "    type nat hook prerouting priority dstnat;",
    ...lines(admitsStrangers(filtering), admission(filtering)),
    ...lines(
      policy.hairpin,
      `iifname != "wan0" ip daddr ${outside} meta l4proto udp dnat to udp dport map @owners`,
    ),
    "  }",
    "  chain outgoing {",
    "    type nat hook postrouting priority srcnat;",
    ...lines(policy.hairpin, `oifname != "wan0" ct status & dnat != 0 snat to ${outside}`),
    ...lines(!isMappingStable, 'oifname "wan0" meta l4proto udp masquerade random,fully-random'),
    '    oifname "wan0" masquerade',
    "  }",
    "}",
    "",
  ].join("\n");
}

function admitsStrangers(filtering: Filtering): boolean {
  return filtering !== "known-port";
}

/** Masquerade keeps ports where it can, so who sent from a port owns the outside port as well. */
function admission(filtering: Filtering): string {
  const from = filtering === "known-address" ? "ip saddr @known " : "";
  return `iifname "wan0" ${from}meta l4proto udp dnat to udp dport map @owners`;
}
