/**
 * Token buckets by name that every server process counts together: on their own in this process, or
 * in the Redis that the processes share (see redis-rooms.ts).
 *
 * For what happens rarely and must not be had N times from N processes: failed short keys, new links,
 * TURN credentials.
 * What is asked for every relayed record is counted by each process for itself (see relay-gate.ts).
 */

import type { Redis } from "ioredis";
import { NamedBuckets, type Rate } from "./rate-limit.ts";
import { CHARGE_SCRIPT, TAKE_SCRIPT } from "./redis-scripts.ts";

export interface Buckets {
  /** Takes `cost` tokens, or none if there are fewer. Rejects if nobody can count now. */
  take(name: string, cost?: number): Promise<boolean>;
  giveBack(name: string, cost?: number): Promise<void>;
  /** Takes one token even if there is none: below zero is a debt. @returns what is left. */
  charge(name: string): Promise<number>;
}

export function localBuckets(rate: Rate, now: () => number): Buckets {
  const buckets = new NamedBuckets(rate);
  return {
    take: async (name, cost) => buckets.take(name, now(), cost),
    giveBack: async (name, cost) => buckets.giveBack(name, cost),
    charge: async (name) => buckets.charge(name, now()),
  };
}

/** @param purpose tells these from other buckets of the same names. */
export function redisBuckets(redis: Redis, purpose: string, rate: Rate): Buckets {
  const { capacity, perSecond } = rate;
  const run = (script: string, name: string, cost: number) =>
    redis.eval(script, 1, `beeline:limit:${purpose}:${name}`, capacity, perSecond, cost);
  const take = async (name: string, cost: number) => (await run(TAKE_SCRIPT, name, cost)) === 1;
  return {
    take: (name, cost = 1) => take(name, cost),
    giveBack: async (name, cost = 1) => void (await take(name, -cost)),
    charge: async (name) => Number(await run(CHARGE_SCRIPT, name, 1)),
  };
}
