/**
 * Tells when this machine's addresses change: a cable pulled, another Wi-Fi, a VPN up or down. Node
 * has no event for it, so the list is compared now and then.
 */

import { networkInterfaces } from "node:os";
import type { Clock } from "@beeline/paths";

/** Listing addresses takes 0.1 ms; a person who changed the network waits about this long anyway. */
const LOOK_EVERY_MS = 2_000;

/** @returns a function that stops watching. */
export function watchNetwork(
  clock: Clock,
  onChange: () => void,
  list: typeof networkInterfaces = networkInterfaces,
): () => void {
  let known = fingerprint(list());
  let cancel = (): void => {};
  const look = (): void => {
    cancel = clock.after(LOOK_EVERY_MS, () => {
      const now = fingerprint(list());
      const hasChanged = now !== known;
      known = now;
      look();
      if (hasChanged) onChange();
    });
  };
  look();
  return () => cancel();
}

function fingerprint(interfaces: ReturnType<typeof networkInterfaces>): string {
  return Object.entries(interfaces)
    .flatMap(([name, addresses]) =>
      (addresses ?? []).filter(({ internal }) => !internal).map(({ address }) => name + address),
    )
    .sort()
    .join();
}
