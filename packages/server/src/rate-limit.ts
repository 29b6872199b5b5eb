/**
 * Token buckets: how much of something one party may use, with room for a burst.
 *
 * A bucket holds at most `capacity` tokens and regains `perSecond`. Pure: time arrives as `nowMs`.
 * Buckets by name live in a table of bounded size that forgets the fullest first, because a full
 * bucket and an absent one behave the same.
 */

export interface Rate {
  readonly capacity: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.capacity;
    this.#atMs = nowMs;
  }

  /** Takes `cost` tokens, or none if there are fewer. */
  take(cost: number, nowMs: number): boolean {
    if (this.level(nowMs) < cost) return false;
    this.#tokens -= cost;
    return true;
  }

  /** Takes `cost` tokens even if there are fewer: below zero is a debt. @returns what is left. */
  charge(cost: number, nowMs: number): number {
    this.#tokens = this.level(nowMs) - cost;
    return this.#tokens;
  }

  /** Somebody who counts more than this has found no more than `level` left. */
  lower(level: number, nowMs: number): void {
    this.#tokens = Math.min(this.level(nowMs), level);
  }

  giveBack(cost: number): void {
    this.#tokens = Math.min(this.#rate.capacity, this.#tokens + cost);
  }

  level(nowMs: number): number {
    // A clock that was set back gains nothing and loses nothing.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(
      this.#rate.capacity,
      this.#tokens + (elapsedMs / 1000) * this.#rate.perSecond,
    );
    this.#atMs = nowMs;
    return this.#tokens;
  }
}

/** 100 bytes each: an attacker with a botnet costs about 1 MB, not the process. */
const MAX_BUCKETS = 10_000;

export class NamedBuckets {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  take(name: string, nowMs: number, cost = 1): boolean {
    return this.#bucket(name, nowMs).take(cost, nowMs);
  }

  /** Whether one token is there to take. */
  has(name: string, nowMs: number): boolean {
    return this.#bucket(name, nowMs).level(nowMs) >= 1;
  }

  charge(name: string, nowMs: number, cost = 1): number {
    return this.#bucket(name, nowMs).charge(cost, nowMs);
  }

  lower(name: string, level: number, nowMs: number): void {
    this.#bucket(name, nowMs).lower(level, nowMs);
  }

  giveBack(name: string, cost = 1): void {
    this.#buckets.get(name)?.giveBack(cost);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #bucket(name: string, nowMs: number): TokenBucket {
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#forget(nowMs);
      bucket = new TokenBucket(this.#rate, nowMs);
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  /** Drops the fuller half, so that the work is spread over many calls. */
  #forget(nowMs: number): void {
    const emptiestFirst = [...this.#buckets].sort(
      ([, a], [, b]) => a.level(nowMs) - b.level(nowMs),
    );
    for (const [name] of emptiestFirst.slice(MAX_BUCKETS / 2)) this.#buckets.delete(name);
  }
}
