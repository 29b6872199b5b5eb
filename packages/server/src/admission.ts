/**
 * Who may enter by a short key.
 *
 * Whoever sits in the room when the key is replaced learns the lasting one, and six digits can be
 * guessed. So a client shows that the link is its user's. Shipped clients cannot show anything, and
 * pairing must stay as they know it: of them one enters, the first. Extensions enter by knowing the
 * key; the first one replaces it.
 *
 * Guessing, in numbers: there are 2²⁴ = 16.8 million short keys, and a key waits for ten minutes. A
 * guess finds one of ten waiting keys once in 1.7 million times, and a day has 144 such lives.
 *
 *                      attempts                      in a key's life         in a day, ten keys waiting
 *     one address      10, then 1 a minute           20: 1 in 840,000        1,450: 0.09 %
 *     all addresses    300, then 1 a second          900: 1 in 18,600        86,700: 5 %
 *     beyond that, each attempt takes 2 s, and what an attacker has on top is
 *     an IPv4 address  2, then 1 in five minutes     4: 1 in 4,200,000       + 290
 *     a /24, or a /48  20, then 2 a minute           40: 1 in 420,000        + 2,900: 5 %
 *     an IPv6 /32      200, then 20 a minute         400: 1 in 42,000        + 29,000: 7 %
 *     1,000 addresses  of as many /24s               4,000: 1 in 4,200       + 290,000: 20 %
 *
 * One address is an IPv4 address or an IPv6 /64. A home may have a /48, with 65,536 of them, and whoever
 * pays a little has a /32, so ten times as many failures are for a /48 and a hundred times as many for a
 * /32. A /24 counts as a /48 does: it may be one carrier's, but what counts are failures, and a person
 * who mistypes a key has one.
 *
 * Whoever shares an address or a network with a guesser is refused with it. Beyond the total nobody is
 * refused for what others do elsewhere, but every look-up takes 2 s and a failure costs five times as
 * much. What such a guess wins is to be the extension of somebody who is pairing, whose own then fails;
 * it is in the list that the owner sees. Nobody guesses a lasting key.
 *
 * Only failures count, and processes that share their rooms count them together (see buckets.ts).
 */

import { BeelineError, isShortKey, type LinkKey } from "@beeline/protocol";
import type { Buckets } from "./buckets.ts";
import { networksAround } from "./ip-address.ts";
import type { Keyring } from "./keyring.ts";
import type { Change, RoomDirectory, RoomState } from "./room-directory.ts";
import { EMPTY_ROOM, enter, type Member, type Newcomer, revoke } from "./rooms.ts";
import type { Instance } from "./store.ts";

const FAILURES_PER_ADDRESS = { capacity: 10, perSecond: 1 / 60 };
/** Of the networks around an address, the narrowest first. */
const FAILURES_PER_NETWORK = [
  { capacity: 100, perSecond: 10 / 60 },
  { capacity: 1_000, perSecond: 100 / 60 },
];
const FAILURES_IN_TOTAL = { capacity: 300, perSecond: 1 };
const SLOWED_MS = 2_000;
const SLOWED_COST = 5;
/** The name of the one bucket that all addresses share. */
const EVERYBODY = "everybody";

type ShortKeyLimit = "short-key-address" | "short-key-network" | "short-key-total";

/** A bucket that one attempt is paid from. */
interface Purse {
  readonly buckets: Buckets;
  readonly name: string;
  readonly limit: ShortKeyLimit;
}

export interface LookUps {
  readonly rooms: Pick<RoomDirectory, "buckets">;
  /** Resolves after `ms`. */
  readonly wait: (ms: number) => Promise<void>;
  /** Called for each attempt that a limit refuses or slows. */
  readonly onLimited: (limit: ShortKeyLimit) => void;
}

export class ShortKeyGuard {
  readonly #perAddress: Buckets;
  readonly #perNetwork: readonly Buckets[];
  readonly #inTotal: Buckets;
  readonly #options: LookUps;

  constructor(options: LookUps) {
    this.#options = options;
    this.#perAddress = options.rooms.buckets("short-key-address", FAILURES_PER_ADDRESS);
    this.#perNetwork = FAILURES_PER_NETWORK.map((rate, i) =>
      options.rooms.buckets(`short-key-network-${i}`, rate),
    );
    this.#inTotal = options.rooms.buckets("short-key-total", FAILURES_IN_TOTAL);
  }

  /**
   * Looks a short key up for somebody at `address`.
   * @throws {BeelineError} `RATE_LIMITED` before looking.
   */
  async lookUp(
    address: string,
    find: () => Promise<Instance | undefined>,
  ): Promise<Instance | undefined> {
    const { wait, onLimited } = this.#options;
    // Paid in advance and given back, so that a burst of parallel guesses finds the buckets empty.
    const isCalm = await this.#inTotal.take(EVERYBODY);
    const cost = isCalm ? 1 : SLOWED_COST;
    const paid: Purse[] = [];
    const giveBack = async () => {
      for (const { buckets, name } of paid) await buckets.giveBack(name, cost);
      if (isCalm) await this.#inTotal.giveBack(EVERYBODY);
    };
    for (const purse of this.#pursesOf(address)) {
      const isPaid = await purse.buckets.take(purse.name, cost).catch(async (thrown: unknown) => {
        await giveBack().catch(() => {});
        throw thrown;
      });
      if (isPaid) {
        paid.push(purse);
        continue;
      }
      await giveBack();
      onLimited(purse.limit);
      throw new BeelineError("RATE_LIMITED", "too many unknown link keys from this network");
    }
    if (!isCalm) {
      onLimited("short-key-total");
      await wait(SLOWED_MS);
    }
    let failed = false;
    try {
      const instance = await find();
      failed = instance === undefined;
      return instance;
    } finally {
      if (!failed) await giveBack();
    }
  }

  #pursesOf(address: string): readonly Purse[] {
    const around = networksAround(address).flatMap((name, i) => {
      const buckets = this.#perNetwork[i];
      return buckets === undefined ? [] : [{ buckets, name, limit: "short-key-network" as const }];
    });
    return [{ buckets: this.#perAddress, name: address, limit: "short-key-address" }, ...around];
  }
}

/**
 * The room after `newcomer` entered by `key`, which opens `instance`. Another key of the instance is
 * what replaced this one, now or a moment ago, and is told to those who have not heard of it. Where a
 * guest is whose network the newcomer shares, that one is challenged, and the newcomer is not in: it
 * may be a neighbour, or the same browser back from a cut that nobody has noticed yet.
 * @throws {BeelineError} `UNAUTHORIZED` for a client that may not enter by this key.
 */
export function enterWith(
  current: RoomState | undefined,
  instance: Instance,
  key: LinkKey,
  newcomer: Newcomer,
  keyring: Keyring,
): Change {
  const [before, keyDigest] = [key, instance.key].map((one) => keyring.digest(one).toString("hex"));
  const isKnown = [before, keyDigest].includes(current?.keyDigest ?? "");
  // Members who entered by a key that the store knows no more: a process died before it told them.
  const strangers = isKnown ? undefined : current;
  const known = isKnown ? current : undefined;
  const isGuest = isShortKey(instance.key) && newcomer.role === "client" && !newcomer.isOwner;
  const guest = isGuest ? admitGuest(newcomer, known) : known?.guest;
  const rival = isGuest && known?.room.members.find((member) => isRival(member, newcomer));
  if (known && rival) return { state: known, effects: [{ do: "challenge", peer: rival.id }] };
  const step = enter(known?.room ?? EMPTY_ROOM, newcomer, {
    key: instance.key === key ? undefined : instance.key,
    isNews: known?.keyDigest !== keyDigest,
  });
  const revoked = strangers === undefined ? [] : revoke(strangers.room).effects;
  const state: RoomState = {
    room: step.room,
    keyDigest: keyDigest ?? "",
    instanceName: instance.name,
    userId: instance.userId,
    guest: isShortKey(instance.key) ? guest : undefined,
  };
  return { state, effects: [...revoked, ...step.effects] };
}

/**
 * What the room remembers of its guest if `newcomer` enters without proof.
 * @throws {BeelineError} `UNAUTHORIZED` for a client that may not.
 */
function admitGuest(newcomer: Newcomer, state: RoomState | undefined): string {
  if (newcomer.kind !== "shipped") {
    throw new BeelineError(
      "UNAUTHORIZED",
      "a link that is not paired yet opens for its owner only, who brings a cookie or a token",
    );
  }
  // The same browser may come back after a cut; nobody else takes its place, not even after it left.
  if (state?.guest !== undefined && state.guest !== newcomer.address) {
    throw new BeelineError("UNAUTHORIZED", "another browser waits with this link key already");
  }
  return newcomer.address;
}

/** The guest who is there: from the same network, but not certainly the same browser. */
function isRival({ id, role, isOwner }: Member, newcomer: Newcomer): boolean {
  return role === "client" && !isOwner && id !== newcomer.id;
}

/** Said to a guest who finds another one there; a transport that is dead is out before it tries again. */
export function placeTaken(): BeelineError {
  return new BeelineError("SERVER_REFUSED", "another browser waits with this link key already");
}
