/**
 * Tells when this machine's addresses change: a cable pulled, another Wi-Fi, a VPN up or down. Node
 * has no event for it, so the list is compared now and then.
 */

import { networkInterfaces } from "node:os";
import type { Clock } from "@beeline/paths";

/** Listing addresses takes 0.1 ms; a person who changed the network waits about this long anyway. */
const LOOK_EVERY_MS = 2_000;

/**
 * @param onChange is told whether an address went away: what was connected from it is silent now.
 * @returns a function that stops watching.
 */
export function watchNetwork(
  clock: Clock,
  onChange: (hasLost: boolean) => void,
  list: typeof networkInterfaces = networkInterfaces,
): () => void {
  let known: ReadonlySet<string> = new Set();
  // A process without a free descriptor is told nothing: then nothing has changed.
  const addressesNow = (): ReadonlySet<string> => {
    try {
      return addressesOf(list());
    } catch {
      return known;
    }
  };
  known = addressesNow();
  let cancel = (): void => {};
  const look = (): void => {
    cancel = clock.after(LOOK_EVERY_MS, () => {
      const now = addressesNow();
      const hasLost = [...known].some((address) => !now.has(address));
      const hasGained = [...now].some((address) => !known.has(address));
      known = now;
      look();
      if (hasLost || hasGained) onChange(hasLost);
    });
  };
  look();
  return () => cancel();
}

function addressesOf(interfaces: ReturnType<typeof networkInterfaces>): ReadonlySet<string> {
  return new Set(
    Object.entries(interfaces).flatMap(([name, addresses]) =>
      (addresses ?? [])
        .filter(({ internal }) => !internal)
        .map(({ address }) => `${name} ${address}`),
    ),
  );
}
