/**
 * Credentials for the operator's TURN server (coturn with `use-auth-secret`).
 *
 *     username    <expiry, Unix seconds>:<digest of the link's owner>
 *     credential  base64(HMAC-SHA1(secret, username))     draft-uberti-behave-turn-rest
 *
 * A TURN server forwards anything to anywhere, at its operator's cost. So nobody gets credentials
 * who is alone in a room, they end soon, and there are so many per user and in total. The owner's
 * digest lets coturn's own `user-quota` tell users apart, and tells nobody who they are.
 */

import { createHash, createHmac } from "node:crypto";
import type { IceServer } from "@beeline/protocol";
import { z } from "zod";
import { NamedBuckets, TokenBucket } from "./rate-limit.ts";

/** A direct path that is up keeps its allocation; a new attempt needs fresh credentials. */
const DEFAULT_LIFETIME_S = 10 * 60;
const HOUR_S = 60 * 60;
/** 80 bits tell a billion users apart. */
const USER_DIGEST_LENGTH = 20;

export const TurnPolicy = z.strictObject({
  urls: z
    .array(z.string().regex(/^turns?:\S+$/, "a TURN address, like turn:turn.example.org:3478"))
    .min(1)
    .max(8),
  /** coturn's `static-auth-secret`. */
  secret: z.string().min(16, "at least 16 characters"),
  lifetimeS: z.number().int().min(60).max(86_400).default(DEFAULT_LIFETIME_S),
  /** Credentials one user gets in an hour: two peers, renewed every five minutes, and reconnections. */
  perUserHour: z.number().int().min(1).default(120),
  /** All users together: as many as 160 pairs of peers that stay for the hour. */
  perHour: z.number().int().min(1).default(4_000),
});
export type TurnPolicy = z.output<typeof TurnPolicy>;

export interface TurnGrant {
  readonly server: IceServer;
  /** From then on a new one is due. */
  readonly renewAtMs: number;
}

export class TurnDesk {
  readonly #policy: TurnPolicy;
  readonly #perUser: NamedBuckets;
  readonly #inTotal: TokenBucket;
  readonly #onLimited: (limit: string) => void;

  constructor(policy: TurnPolicy, nowMs: number, onLimited: (limit: string) => void) {
    this.#policy = policy;
    this.#onLimited = onLimited;
    const { perUserHour, perHour } = policy;
    this.#perUser = new NamedBuckets({ capacity: perUserHour, perSecond: perUserHour / HOUR_S });
    this.#inTotal = new TokenBucket({ capacity: perHour, perSecond: perHour / HOUR_S }, nowMs);
  }

  /** @returns `undefined` if that is one too many for the user, or for everybody. */
  grant(userId: string, nowMs: number): TurnGrant | undefined {
    if (!this.#perUser.take(userId, nowMs)) {
      this.#onLimited("turn-user");
      return undefined;
    }
    if (!this.#inTotal.take(1, nowMs)) {
      this.#perUser.giveBack(userId);
      this.#onLimited("turn-total");
      return undefined;
    }
    const { urls, secret, lifetimeS } = this.#policy;
    const username = `${Math.floor(nowMs / 1000) + lifetimeS}:${digest(userId)}`;
    const credential = createHmac("sha1", secret).update(username).digest("base64");
    return {
      server: { urls: [...urls], username, credential },
      renewAtMs: nowMs + (lifetimeS * 1000) / 2,
    };
  }
}

function digest(userId: string): string {
  return createHash("sha256").update(userId).digest("hex").slice(0, USER_DIGEST_LENGTH);
}
