/**
 * What the store is told at a pairing: the lasting key, who may still ask for it, and who was there.
 *
 * All three are put in place in one step, so that a process which dies right after it leaves nobody
 * who learned the key without the owner seeing it.
 */

import type { LinkKey } from "@beeline/protocol";
import type { Logger } from "pino";
import { enterWith } from "./admission.ts";
import { faultOf } from "./fault.ts";
import { heirsOf } from "./heirs.ts";
import { drawLastingKey, type Keyring } from "./keyring.ts";
import type { RoomState } from "./room-directory.ts";
import type { Newcomer } from "./rooms.ts";
import type { Instance, Pairing, Store, Witness } from "./store.ts";

export interface PairingsOptions {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly log: Logger;
  readonly now: () => number;
}

export class Pairings {
  readonly #options: PairingsOptions;

  constructor(options: PairingsOptions) {
    this.#options = options;
  }

  /**
   * @returns a function to call with what is in the room when `newcomer` enters, again if that changed
   * meanwhile; it gives the instance with its lasting key, or nothing if another one came first.
   */
  replacement(
    key: LinkKey,
    found: Instance,
    newcomer: Newcomer,
  ): (current: RoomState | undefined) => Promise<Instance | undefined> {
    const { store, keyring, now } = this.#options;
    const lastingKey = drawLastingKey();
    let activated: Instance | undefined;
    return async (current) => {
      const { state } = enterWith(current, { ...found, key: lastingKey }, key, newcomer, keyring);
      const pairing = { atMs: now(), peers: state.room.members.map(witnessOf) };
      if (activated !== undefined) {
        await this.#record(found.id, pairing);
      } else {
        const heirs = heirsOf(newcomer, current?.room, found.userId, keyring);
        activated = await store.activate(key, lastingKey, now(), heirs, pairing);
      }
      return activated;
    };
  }

  /** `newcomer` was told the lasting key later than the others, for the short one. */
  inherited({ id, pairing }: Instance, newcomer: Newcomer): Promise<void> {
    const { atMs, peers } = pairing ?? { atMs: this.#options.now(), peers: [] };
    return this.#record(id, { atMs, peers: [...peers, witnessOf(newcomer)] });
  }

  /** The extension has the lasting key. */
  settle(instanceId: number): Promise<void> {
    const { store, log } = this.#options;
    return store
      .settle(instanceId)
      .catch((err) => log.warn({ err: faultOf(err), instanceId }, "the pairing was not settled"));
  }

  #record(instanceId: number, pairing: Pairing): Promise<void> {
    const { store, log } = this.#options;
    return store
      .recordPairing(instanceId, pairing)
      .catch((err) => log.error({ err: faultOf(err), instanceId }, "who paired was not recorded"));
  }
}

function witnessOf({ role, kind, name, address, isOwner, sinceMs }: Newcomer): Witness {
  return { role, kind, name, address, isOwner, sinceMs };
}
