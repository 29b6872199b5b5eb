/**
 * What is written down about a pairing, for the link's owner and for those who come back.
 *
 * A record that fails is logged and undoes nothing: the peers are in the room already.
 */

import type { Logger } from "pino";
import { faultOf } from "./fault.ts";
import type { Newcomer } from "./rooms.ts";
import type { Pairing, Store, Witness } from "./store.ts";

export interface PairingRecordsOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
}

export class PairingRecords {
  readonly #options: PairingRecordsOptions;

  constructor(options: PairingRecordsOptions) {
    this.#options = options;
  }

  /** Who was in the room when the key was replaced, or inherited the lasting one. */
  async witness(
    instanceId: number,
    members: readonly Newcomer[],
    before: Pairing | undefined,
  ): Promise<void> {
    const { store, log, now } = this.#options;
    const atMs = before?.atMs ?? now();
    const peers = [...(before?.peers ?? []), ...members.map(witnessOf)];
    await store
      .recordPairing(instanceId, { atMs, peers })
      .catch((err) => log.error({ err: faultOf(err), instanceId }, "who paired was not recorded"));
  }

  /** The extension has the lasting key. */
  settle(instanceId: number): Promise<void> {
    const { store, log } = this.#options;
    return store
      .settle(instanceId)
      .catch((err) => log.warn({ err: faultOf(err), instanceId }, "the pairing was not settled"));
  }
}

function witnessOf({ role, kind, name, address, isOwner, sinceMs }: Newcomer): Witness {
  return { role, kind, name, address, isOwner, sinceMs };
}
