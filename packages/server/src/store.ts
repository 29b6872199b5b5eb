/**
 * The port to where link instances live.
 *
 * Every method is one atomic step: two servers, or two requests, never see half of it. A promise
 * that rejects means "the store failed, try again"; that a key does not exist is an answer
 * (`undefined`) and never a rejection, because peers throw their key away on that answer.
 */

import type { LinkKey } from "@beeline/protocol";

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
  /** Oldest first. */
  list(userId: string): Promise<readonly Instance[]>;
  /** The instance that `key` opens now; an expired short key opens none. */
  find(key: LinkKey, nowMs: number): Promise<Instance | undefined>;
  /** Adds an instance unless the user already has `limit` of them. */
  create(instance: NewInstance, limit: number): Promise<CreateResult | KeyTaken>;
  /** The extension's join: `from` becomes `to` for good. `undefined` if another one came first. */
  activate(from: LinkKey, to: LinkKey, nowMs: number): Promise<Instance | undefined>;
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
  close(): Promise<void>;
}
