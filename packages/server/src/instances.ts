/**
 * What owners do with their instances: create, list, rename, re-key, delete.
 *
 * Knows rules (the limit, how long a short key lives, that a lost key empties its room at once) and
 * neither HTTP nor SQL.
 */

import { BeelineError, type LinkKey } from "@beeline/protocol";
import { drawShortKey } from "./keyring.ts";
import type { Instance, KeyTaken, Pairing, Store, Witness } from "./store.ts";
import type { Switchboard } from "./switchboard.ts";

/** Long enough to walk to the other machine; short, because 16.7 million keys can be guessed at. */
const SHORT_KEY_LIFETIME_MS = 10 * 60 * 1000;

/** With a thousand short keys waiting, five draws all collide once in 10²¹ times. */
const KEY_DRAWS = 5;

export interface Counted {
  readonly instance: Instance;
  /** How many instances its owner has now. */
  readonly count: number;
}

export class Instances {
  readonly #store: Store;
  readonly #switchboard: Switchboard;
  readonly #now: () => number;
  /** Instances one user may have. */
  readonly limit: number;

  constructor(store: Store, switchboard: Switchboard, limit: number, now: () => number) {
    this.#store = store;
    this.#switchboard = switchboard;
    this.limit = limit;
    this.#now = now;
  }

  list(userId: string): Promise<readonly Instance[]> {
    return this.#store.list(userId);
  }

  async get(userId: string, id: number): Promise<Instance | undefined> {
    return (await this.#store.list(userId)).find((instance) => instance.id === id);
  }

  /** @throws {BeelineError} `INSTANCE_LIMIT_REACHED` */
  async create(userId: string, origin: string | null): Promise<Counted> {
    const created = await withFreshKey((key) => {
      const createdAtMs = this.#now();
      const keyExpiresAtMs = createdAtMs + SHORT_KEY_LIFETIME_MS;
      return this.#store.create({ userId, key, keyExpiresAtMs, origin, createdAtMs }, this.limit);
    });
    if (created.outcome === "limit-reached") {
      // The very words that shipped pages know.
      throw new BeelineError("INSTANCE_LIMIT_REACHED", "Instance limit reached");
    }
    return created;
  }

  /** Replaces the key by a fresh short one; whoever used the old one is out. */
  async rekey(userId: string, id: number): Promise<Counted | undefined> {
    return this.#switchboard.revokeAfter(id, async () => {
      const rekeyed = await withFreshKey((key) =>
        this.#store.rekey(userId, id, key, this.#now() + SHORT_KEY_LIFETIME_MS),
      );
      const result = rekeyed.outcome === "rekeyed" ? rekeyed : undefined;
      return { revoked: result !== undefined, result };
    });
  }

  /** Who uses the instance now, and who was there when it was paired. */
  async peers(
    userId: string,
    id: number,
  ): Promise<{ peers: readonly Witness[]; pairing: Pairing | null } | undefined> {
    const instance = await this.get(userId, id);
    if (instance === undefined) return undefined;
    return { peers: await this.#switchboard.present(id), pairing: instance.pairing ?? null };
  }

  rename(userId: string, id: number, name: string): Promise<Instance | undefined> {
    return this.#store.rename(userId, id, name);
  }

  /** @returns whether there was such an instance. */
  async remove(userId: string, id: number): Promise<boolean> {
    return this.#switchboard.revokeAfter(id, async (state) => {
      const wasThere = await this.#store.remove(userId, id);
      // The room may be left over from an attempt that ended in between.
      const isLeftOver = state?.userId === userId && state.room.members.length > 0;
      const removed = wasThere || isLeftOver;
      return { revoked: removed, result: removed };
    });
  }
}

async function withFreshKey<T extends object>(
  write: (key: LinkKey) => Promise<T | KeyTaken>,
): Promise<T> {
  for (let draw = 0; draw < KEY_DRAWS; draw++) {
    const result = await write(drawShortKey());
    if (result !== "key-taken") return result;
  }
  throw new Error(`${KEY_DRAWS} short keys in a row were taken`);
}
