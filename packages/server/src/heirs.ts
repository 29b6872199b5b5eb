/**
 * Who may ask once more for the key that replaced a short one.
 *
 * The store replaces the key before anybody can hear of it. A connection, a process or a Redis that
 * dies in between would leave the extension with a key that opens nothing, and the link with a key
 * that nobody has. So those who were to hear it are remembered, as keyed digests: to them the short
 * key still opens the same link, and tells the same lasting key, until the extension has certainly
 * heard it (see heard.ts) or the short key's ten minutes are over.
 *
 *     our extension      its installation: random, stored on its machine, shown to nobody
 *     shipped extension  its network address, all there is to know it by
 *     owner              the cookie or token; they could read the lasting key over REST anyway
 *     guest              the network address of the one client that entered without proof
 *
 * What that opens to others: somebody in the very network of a shipped extension who knows the six
 * digits, in the one round trip that it takes to be certain, or after the extension was really cut
 * off. A moment before, the same digits opened the link to anybody, anywhere; and the owner sees who
 * came.
 */

import { BeelineError } from "@beeline/protocol";
import type { Keyring } from "./keyring.ts";
import type { Newcomer, Room } from "./rooms.ts";

type Person = Pick<Newcomer, "role" | "kind" | "installation" | "address">;

/** @param userId who this proved to be. @returns what it will be known by when it comes again. */
export function marksOf(person: Person, userId: string | undefined, keyring: Keyring): string[] {
  const { role, kind, installation, address } = person;
  const traits =
    role === "extension"
      ? [installation && `extension ${kind} ${installation}`]
      : [kind === "shipped" && `guest ${address}`, userId && `owner ${userId}`];
  return traits.filter((trait) => !!trait).map((trait) => keyring.mark(trait as string));
}

/** A living extension answers a ping in this time, and then nobody inherits; in this one it is dead. */
const HEARD_WITHIN_MS = 10_000;

/**
 * Of shipped extensions in one network nobody can say which one was cut off.
 * @throws {BeelineError} `SERVER_REFUSED`, to be tried again, while another one may still answer.
 */
export function waitForAnswer(heir: Newcomer, room: Room | undefined): void {
  if (heir.role !== "extension" || heir.kind !== "shipped") return;
  const isAwaited = room?.members.some(
    ({ role, address, sinceMs }) =>
      role === heir.role && address === heir.address && heir.sinceMs - sinceMs < HEARD_WITHIN_MS,
  );
  if (isAwaited)
    throw new BeelineError("SERVER_REFUSED", "another extension has just used this key");
}

/** Those who are to hear the lasting key if `newcomer` brings the short one into `room` now. */
export function heirsOf(
  newcomer: Person,
  room: Room | undefined,
  userId: string,
  keyring: Keyring,
): string[] {
  const present = room?.members.filter(({ role }) => role === "client") ?? [];
  const owner = keyring.mark(`owner ${userId}`);
  return [owner, ...[newcomer, ...present].flatMap((one) => marksOf(one, undefined, keyring))];
}
