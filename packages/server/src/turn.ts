/**
 * Credentials for the operator's TURN server (coturn with `use-auth-secret`).
 *
 *     username    <expiry, Unix seconds>:<digest of the link's owner>
 *     credential  base64(HMAC-SHA1(secret, username))     draft-uberti-behave-turn-rest
 *
 * A TURN server forwards anything to anywhere, at its operator's cost. So nobody gets credentials
 * who is alone in a room, they end soon, and there are so many per user, per address and in total. The
 * owner's digest lets coturn's own `user-quota` tell users apart, and tells nobody who they are.
 *
 * A user costs nothing: one address makes 60 at once, and they could have 60 × 120 = 7,200 an hour,
 * nearly twice the total. So an address (an IPv6 /64 is one) gets what four users get, 480: as many as
 * 20 pairs behind it that stay for the hour, and less than an eighth of the total.
 *
 * All processes count together. Credentials go out before the presence that needs them, which cannot
 * wait for an answer, so a process gives out what it believes to be left, has it booked where all
 * processes see it, and learns from the booking what is really left; less than nothing is a debt that
 * is waited for. So over an hour the quotas hold, and at worst each process is over one of them by what
 * it gave out before the first answer: the two of a pair. While Redis is away each goes by what it knows.
 */

import { createHash, createHmac } from "node:crypto";
import type { IceServer } from "@beeline/protocol";
import { z } from "zod";
import type { Buckets } from "./buckets.ts";
import { NamedBuckets } from "./rate-limit.ts";
import type { RoomDirectory } from "./room-directory.ts";

/** A direct path that is up keeps its allocation; a new attempt needs fresh credentials. */
const DEFAULT_LIFETIME_S = 10 * 60;
const HOUR_S = 60 * 60;
const USERS_PER_ADDRESS = 4;
/** The name of the one bucket that all users share. */
const EVERYBODY = "everybody";
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

export interface TurnDeskOptions {
  readonly rooms: Pick<RoomDirectory, "buckets">;
  readonly now: () => number;
  readonly onLimited: (limit: string) => void;
}

export class TurnDesk {
  readonly #policy: TurnPolicy;
  readonly #options: TurnDeskOptions;
  readonly #perUser: Quota;
  readonly #perAddress: Quota;
  readonly #inTotal: Quota;

  constructor(policy: TurnPolicy, options: TurnDeskOptions) {
    const { perUserHour, perHour } = policy;
    this.#policy = policy;
    this.#options = options;
    this.#perUser = new Quota("turn-user", perUserHour, options);
    this.#perAddress = new Quota("turn-address", USERS_PER_ADDRESS * perUserHour, options);
    this.#inTotal = new Quota("turn-total", perHour, options);
  }

  /**
   * @param address as networkOf (ip-address.ts) names it.
   * @returns `undefined` if that is one too many for the user, for the address, or for everybody.
   */
  grant(userId: string, address: string): TurnGrant | undefined {
    const shares = [
      { quota: this.#perUser, name: userId },
      { quota: this.#perAddress, name: address },
      { quota: this.#inTotal, name: EVERYBODY },
    ];
    const refusing = shares.find(({ quota, name }) => !quota.has(name));
    if (refusing !== undefined) {
      this.#options.onLimited(refusing.quota.purpose);
      return undefined;
    }
    for (const { quota, name } of shares) quota.spend(name);
    const nowMs = this.#options.now();
    const { urls, secret, lifetimeS } = this.#policy;
    const username = `${Math.floor(nowMs / 1000) + lifetimeS}:${digest(userId)}`;
    const credential = createHmac("sha1", secret).update(username).digest("base64");
    return {
      server: { urls: [...urls], username, credential },
      renewAtMs: nowMs + (lifetimeS * 1000) / 2,
    };
  }
}

/** How many of something each of several parties gets in an hour. */
class Quota {
  readonly purpose: string;
  readonly #here: NamedBuckets;
  readonly #everywhere: Buckets;
  readonly #now: () => number;

  constructor(purpose: string, perHour: number, { rooms, now }: TurnDeskOptions) {
    const rate = { capacity: perHour, perSecond: perHour / HOUR_S };
    this.purpose = purpose;
    this.#here = new NamedBuckets(rate);
    this.#everywhere = rooms.buckets(purpose, rate);
    this.#now = now;
  }

  /** Whether one is left, as far as this process knows. */
  has(name: string): boolean {
    return this.#here.has(name, this.#now());
  }

  spend(name: string): void {
    this.#here.charge(name, this.#now());
    this.#everywhere.charge(name).then(
      (level) => this.#here.lower(name, level, this.#now()),
      // Redis is away: what this process knows is all there is to go by.
      () => {},
    );
  }
}

function digest(userId: string): string {
  return createHash("sha256").update(userId).digest("hex").slice(0, USER_DIGEST_LENGTH);
}
