/**
 * Rooms: who is in one, which extension is active, and who must be told what.
 *
 *                   enter                        the active one leaves
 *     extension ─────────────▶ standby ─────────────────────────────▶ active
 *         └────────────────────────────────────────────────────────────▲
 *                   enter, and none is active, or the active one is an older self
 *
 * Invariant: a room with an extension has exactly one active extension, and only that one receives
 * commands and is heard by clients. Members stand in order of arrival, so the longest-waiting
 * standby is the first.
 *
 * Pure: every function takes a room and returns the next one with the effects, in the order in
 * which they must be carried out. Which instance and key a room has is the caller's business.
 */

import type { ErrorCode, LinkKey, PeerId, PeerInfo, Presence, Role } from "@beeline/protocol";

/**
 * Every change tells every member about every member, so a room costs the square of its size. One
 * person's tabs and devices are a dozen.
 */
export const MAX_ROOM_PEERS = 64;

export interface Member {
  readonly id: PeerId;
  readonly role: Role;
  readonly kind: PeerInfo["kind"];
  readonly name: string;
  readonly capabilities: readonly string[];
  /** Two extensions with the same one are the same program before and after a reconnection. */
  readonly installation: string | undefined;
  readonly active: boolean;
  /** The server process that has its socket. */
  readonly process: string;
  /** Where it came from (see ip-address.ts); shown to the link's owner, never to other peers. */
  readonly address: string;
  /** Proved that the link is theirs. */
  readonly isOwner: boolean;
  /** Entered in ms since the epoch. */
  readonly sinceMs: number;
}

export type Newcomer = Omit<Member, "active">;

export interface Room {
  readonly members: readonly Member[];
}

export type Effect =
  | { readonly do: "tellKey"; readonly to: readonly PeerId[]; readonly key: LinkKey }
  | { readonly do: "tellPresence"; readonly to: readonly PeerId[] }
  | { readonly do: "tellKicked"; readonly to: readonly PeerId[]; readonly code: ErrorCode }
  | { readonly do: "dropSocket"; readonly peer: PeerId }
  /** Closes the transport, so that the peer comes back by itself. */
  | { readonly do: "reconnect"; readonly peer: PeerId }
  /** The peer must answer a ping soon, or is out. */
  | { readonly do: "challenge"; readonly peer: PeerId };

export interface Step {
  readonly room: Room;
  readonly effects: readonly Effect[];
}

export const EMPTY_ROOM: Room = { members: [] };

/** What replaced the short key, if something did; if that is news, everybody in the room needs it. */
export interface Replacement {
  readonly key: LinkKey | undefined;
  readonly isNews: boolean;
}

export function enter(room: Room, newcomer: Newcomer, replaced?: Replacement): Step {
  // The same socket is there already if nobody could tell it that its last join succeeded.
  const present = room.members.filter(({ id }) => id !== newcomer.id);
  const former = present.find((member) => isSameInstallation(member, newcomer));
  const yielding = makeWay(present, former);
  const others = yielding.members;
  const takesActivePlace = newcomer.role === "extension" && !others.some((member) => member.active);
  const next = { members: [...others, { ...newcomer, active: takesActivePlace }] };
  const everybody = ids(next.members);

  const effects: Effect[] = [...yielding.effects];
  if (replaced?.key !== undefined) {
    const to = replaced.isNews ? everybody : [newcomer.id];
    effects.push({ do: "tellKey", to, key: replaced.key });
  }
  effects.push({ do: "tellPresence", to: everybody });
  return { room: next, effects };
}

export function leave(room: Room, id: PeerId): Step {
  const leaver = room.members.find((member) => member.id === id);
  if (leaver === undefined) return { room, effects: [] };
  const rest = room.members.filter((member) => member !== leaver);
  const members = leaver.active ? promoteFirstStandby(rest) : rest;
  return { room: { members }, effects: [{ do: "tellPresence", to: ids(members) }] };
}

/** A server process is gone, and with it the sockets of its peers. */
export function loseProcess(room: Room, process: string): Step {
  const lost = room.members.filter((member) => member.process === process);
  const step = lost.reduce<Step>((before, { id }) => leave(before.room, id), { room, effects: [] });
  if (lost.length === 0) return step;
  return {
    room: step.room,
    effects: [
      { do: "tellPresence", to: ids(step.room.members) },
      // Should the process be alive after all, only slow, then its peers must enter again.
      ...lost.map(({ id }) => ({ do: "reconnect" as const, peer: id })),
    ],
  };
}

/** The instance was deleted or given a new key. */
export function revoke(room: Room): Step {
  return {
    room: EMPTY_ROOM,
    effects: [{ do: "tellKicked", to: ids(room.members), code: "LINK_REVOKED" }],
  };
}

export function isFull(room: Room): boolean {
  return room.members.length >= MAX_ROOM_PEERS;
}

/** Whether what one says may reach the other: a client and the active extension, either way. */
export function mayTalk(a: Member, b: Member): boolean {
  return a.role !== b.role && (a.active || b.active);
}

/**
 * Who hears a shipped-dialect event of `from`: the active extension hears the clients' commands, all
 * clients hear its statuses. Empty if `from` is not the one to say such a thing.
 */
export function audience(
  room: Room,
  from: Member,
  event: "command" | "commandStatus",
): readonly Member[] {
  const speaker: Role = event === "command" ? "client" : "extension";
  if (from.role !== speaker) return [];
  return room.members.filter((member) => mayTalk(from, member));
}

/** The members' ids by the server process that has their sockets. */
export function byProcess(members: readonly Member[]): ReadonlyMap<string, readonly PeerId[]> {
  const found = new Map<string, PeerId[]>();
  for (const { id, process } of members) found.set(process, [...(found.get(process) ?? []), id]);
  return found;
}

/** Presence for our own peers. */
export function presenceOf(room: Room): Presence {
  return {
    peers: room.members.map(({ id, role, kind, name, capabilities, active }) => {
      return { id, role, kind, name, capabilities: [...capabilities], active };
    }),
  };
}

/** Presence for shipped peers. */
export function countsOf(room: Room): { readonly client: number; readonly sd: number } {
  const client = room.members.filter((member) => member.role === "client").length;
  return { client, sd: room.members.length - client };
}

function isSameInstallation(member: Member, newcomer: Newcomer): boolean {
  return (
    newcomer.role === "extension" &&
    member.role === "extension" &&
    member.kind === newcomer.kind &&
    member.installation !== undefined &&
    member.installation === newcomer.installation
  );
}

/**
 * What becomes of the newcomer's former self. Ours is certainly the same program, so its old socket
 * goes. A shipped extension is known by its address alone, which two programs may share: the older
 * one steps back to standby, so that neither a dead socket receives the commands nor a living one
 * is cut off.
 */
function makeWay(
  members: readonly Member[],
  former: Member | undefined,
): Step["room"] & Pick<Step, "effects"> {
  if (former === undefined) return { members, effects: [] };
  if (former.kind === "shipped") {
    return {
      members: members.map((member) => (member === former ? { ...member, active: false } : member)),
      effects: [],
    };
  }
  return {
    members: members.filter((member) => member !== former),
    effects: [{ do: "dropSocket", peer: former.id }],
  };
}

function promoteFirstStandby(members: readonly Member[]): readonly Member[] {
  const first = members.find((member) => member.role === "extension");
  return members.map((member) => (member === first ? { ...member, active: true } : member));
}

function ids(members: readonly Member[]): readonly PeerId[] {
  return members.map((member) => member.id);
}
