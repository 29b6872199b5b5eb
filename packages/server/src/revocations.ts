/**
 * Keys that their owner takes away, by deleting the link or by a new key: the store forgets the key, and
 * everybody whom it let in is out.
 *
 * The store and the rooms cannot change in one step. If the second one fails after the first, or the
 * store's answer is lost, the two are compared until they agree.
 */

import type { Logger } from "pino";
import type { Keyring } from "./keyring.ts";
import type { Retries } from "./retries.ts";
import type { Change, RoomDirectory, RoomState } from "./room-directory.ts";
import { EMPTY_ROOM, revoke } from "./rooms.ts";
import type { Store } from "./store.ts";

export interface RevocationsOptions {
  readonly store: Store;
  readonly rooms: RoomDirectory;
  readonly keyring: Keyring;
  readonly log: Logger;
  readonly retries: Retries;
}

/** What a change of the store came to. */
export interface Revocable<T> {
  /** Whether nobody in the room may stay. */
  readonly revoked: boolean;
  readonly result: T;
}

export class Revocations {
  readonly #options: RevocationsOptions;
  /** Instances whose room is being compared with the store until they agree. */
  readonly #reconciled = new Set<number>();

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /**
   * Changes an instance in its turn; if `change` says that it took its key away, everybody in the
   * instance's room is out before the promise resolves.
   * @param change is given who is in the room.
   */
  async after<T>(
    instanceId: number,
    change: (state: RoomState | undefined) => Promise<Revocable<T>>,
  ): Promise<T> {
    const { rooms, retries } = this.#options;
    let isAsked = false;
    let changed: Revocable<T> | undefined;
    try {
      await rooms.change(instanceId, async (state) => {
        isAsked = true;
        changed ??= await change(state);
        return changed.revoked ? this.#emptied(instanceId, state) : undefined;
      });
    } catch (thrown) {
      // Anybody may ask, and often: one comparison a room is enough, and none where nothing was begun.
      if (isAsked && !this.#reconciled.has(instanceId)) {
        this.#reconciled.add(instanceId);
        void retries
          .insist(() => this.#reconcile(instanceId))
          .finally(() => this.#reconciled.delete(instanceId));
      }
      throw thrown;
    }
    if (changed === undefined) throw new Error("the change was not asked for");
    return changed.result;
  }

  /** Empties the room if the store does not know the key any more by which its members entered. */
  #reconcile(instanceId: number): Promise<void> {
    const { rooms, store, keyring } = this.#options;
    return rooms.change(instanceId, async (state) => {
      if (state === undefined || state.room.members.length === 0) return undefined;
      const instances = await store.list(state.userId);
      const key = instances.find(({ id }) => id === instanceId)?.key;
      const isKnown = key !== undefined && keyring.digest(key).toString("hex") === state.keyDigest;
      return isKnown ? undefined : this.#emptied(instanceId, state);
    });
  }

  #emptied(instanceId: number, state: RoomState | undefined): Change {
    // Where nobody is, somebody may be entering: after this they must look the key up again.
    const { room, effects } = revoke(state?.room ?? EMPTY_ROOM);
    const peers = state?.room.members.length ?? 0;
    this.#options.log.info({ instanceId, peers }, "link revoked");
    const { instanceName = null, userId = "" } = state ?? {};
    return { state: { room, keyDigest: "", instanceName, userId, guest: undefined }, effects };
  }
}
