/** Who was in a link's room, in words. Pure. */

import type { LinkPeer } from "@beeline/protocol";

/** What somebody in a room is, for a person who knows nothing of roles. */
export function peerKind({ role, kind }: Pick<LinkPeer, "role" | "kind">): string {
  const what = role === "extension" ? "Computer" : "Page";
  return kind === "shipped" ? `${what}, Civitai Link` : what;
}

/** Shipped peers have no name, and a name of blanks is none. */
export function peerName(peer: Pick<LinkPeer, "role" | "kind" | "name">): string {
  const name = peer.name.trim();
  return name === "" ? peerKind(peer) : name;
}

/**
 * Whether one of the pairing is in the room without a break since. Who went and came back stands
 * among those who are there now: nothing proves that it is the same one.
 */
export function isStillHere(witness: LinkPeer, present: readonly LinkPeer[]): boolean {
  return present.some(
    (peer) =>
      peer.since === witness.since &&
      peer.role === witness.role &&
      peer.kind === witness.kind &&
      peer.name === witness.name &&
      peer.address === witness.address,
  );
}
