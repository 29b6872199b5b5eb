/**
 * Token buckets by name that every server process counts together: on their own in this process, or
 * in the Redis that the processes share (see redis-rooms.ts).
 *
 * For what happens rarely and must not be had N times from N processes: failed short keys, new links.
 * What is asked for every relayed record is counted by each process for itself (see relay-gate.ts).
 */

import type { Redis } from "ioredis";
import { NamedBuckets, type Rate } from "./rate-limit.ts";
import { TAKE_SCRIPT } from "./redis-scripts.ts";

export interface Buckets {
  /** Takes `cost` tokens, or none if there are fewer. Rejects if nobody can count now. */
  take(name: string, cost?: number): Promise<boolean>;
  giveBack(name: string, cost?: number): Promise<void>;
}

export function localBuckets(rate: Rate, now: () => number): Buckets {
  const buckets = new NamedBuckets(rate);
  return {
    take: async (name, cost) => buckets.take(name, now(), cost),
    giveBack: async (name, cost) => buckets.giveBack(name, cost),
  };
}

/** @param purpose tells these from other buckets of the same names. */
export function redisBuckets(redis: Redis, purpose: string, rate: Rate): Buckets {
  const { capacity, perSecond } = rate;
  const take = async (name: string, cost: number) => {
    const key = `beeline:limit:${purpose}:${name}`;
    return (await redis.eval(TAKE_SCRIPT, 1, key, capacity, perSecond, cost)) === 1;
  };
  return {
    take: (name, cost = 1) => take(name, cost),
    giveBack: async (name, cost = 1) => void (await take(name, -cost)),
  };
}
