/**
 * The port to where link instances live.
 *
 * Every method is one atomic step: two servers, or two requests, never see half of it. A promise
 * that rejects means "the store failed, try again"; that a key does not exist is an answer
 * (`undefined`) and never a rejection, because peers throw their key away on that answer.
 */

import type { LinkKey, PeerInfo } from "@beeline/protocol";

export interface Instance {
  /** Never given to another instance, even after this one was deleted: rooms are named by it. */
  readonly id: number;
  readonly userId: string;
  readonly key: LinkKey;
  /** Until when a short key may be used, in ms since the epoch; lasting keys have no end. */
  readonly keyExpiresAtMs: number | undefined;
  readonly name: string | null;
  /** An extension has joined, so the key is a lasting one. */
  readonly activated: boolean;
  /** The web origin that created it, as the browser reported it. */
  readonly origin: string | null;
  readonly createdAtMs: number;
  readonly pairing: Pairing | undefined;
  /** Until when those who may not have heard the lasting key can ask for it (see heirs.ts). */
  readonly heirsUntilMs: number | undefined;
}

/** Who was in the room when the short key was replaced, and so learned the lasting one. */
export interface Pairing {
  readonly atMs: number;
  readonly peers: readonly Witness[];
}

export interface Witness extends Pick<PeerInfo, "role" | "kind" | "name"> {
  /** An IPv4 address or an IPv6 /64. */
  readonly address: string;
  readonly isOwner: boolean;
  readonly sinceMs: number;
}

export interface NewInstance {
  readonly userId: string;
  readonly key: LinkKey;
  readonly keyExpiresAtMs: number;
  readonly origin: string | null;
  readonly createdAtMs: number;
}

export type CreateResult =
  | { readonly outcome: "created"; readonly instance: Instance; readonly count: number }
  | { readonly outcome: "limit-reached" };

export type RekeyResult =
  | { readonly outcome: "rekeyed"; readonly instance: Instance; readonly count: number }
  | { readonly outcome: "not-found" };

/** Another instance has this key; draw another one. */
export type KeyTaken = "key-taken";

export interface Store {
  /** Called once, before anything else. @throws if the storage cannot be used. */
  start(): Promise<void>;
  /** Oldest first. */
  list(userId: string): Promise<readonly Instance[]>;
  /** The instance that `key` opens now; an expired short key opens none. */
  find(key: LinkKey, nowMs: number): Promise<Instance | undefined>;
  /** Adds an instance unless the user already has `limit` of them. */
  create(instance: NewInstance, limit: number): Promise<CreateResult | KeyTaken>;
  /**
   * The extension's join: `from` becomes `to` for good, `pairing` is who was there, and `heirs` are
   * remembered for as long as `from` would have lived. `undefined` if another one came first.
   */
  activate(
    from: LinkKey,
    to: LinkKey,
    nowMs: number,
    heirs: readonly string[],
    pairing: Pairing,
  ): Promise<Instance | undefined>;
  /** The instance that `key` opened before it was replaced, for one of its heirs. */
  inherit(key: LinkKey, marks: readonly string[], nowMs: number): Promise<Instance | undefined>;
  /** The lasting key has arrived: nobody can inherit any more. */
  settle(id: number): Promise<void>;
  /** Corrects who paired an activated instance. */
  recordPairing(id: number, pairing: Pairing): Promise<void>;
  /** The owner's re-key: the instance waits for an extension again. */
  rekey(
    userId: string,
    id: number,
    key: LinkKey,
    keyExpiresAtMs: number,
  ): Promise<RekeyResult | KeyTaken>;
  rename(userId: string, id: number, name: string): Promise<Instance | undefined>;
  /** @returns whether there was such an instance. */
  remove(userId: string, id: number): Promise<boolean>;
  /** Rejects if the storage does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
