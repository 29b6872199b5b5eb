/** Which pairs the matrix is made of, in its order; pure, so that its document can be held to theory. */
import type { Pair } from "./cast.ts";
import { NAT_KINDS, type NatKind } from "./nat-kinds.ts";

const KINDS = Object.keys(NAT_KINDS) as NatKind[];
/** Those whom only TURN helps, and the usual router, which shows that it does no harm. */
const TURN_KINDS: readonly NatKind[] = ["cone", "symmetric", "carrierSymmetric", "udpBlocked"];

export const PAIRS: readonly Pair[] = [
  ...pairsOf(KINDS).map((pair) => ({ ...pair, hasTurn: false })),
  ...pairsOf(TURN_KINDS).map((pair) => ({ ...pair, hasTurn: true })),
];

function pairsOf(kinds: readonly NatKind[]): Omit<Pair, "hasTurn">[] {
  return kinds.flatMap((browser) => kinds.map((extension) => ({ browser, extension })));
}
