/**
 * Rooms that several server processes share, in Redis.
 *
 *     beeline:room:<instance>       hash: version (random), state (msgpack)
 *     beeline:process:<name>        channel: what one process must hear
 *     beeline:process:<name>:rooms  set: where it has members
 *     beeline:processes             sorted set: names by their last sign of life, in Redis' time
 *     beeline:limit:<purpose>:<who> hash: a token bucket (see buckets.ts)
 *
 * A change is a compare-and-set: a script puts the new state in place if the version is still the
 * one that was read, and in the same step publishes it to every process with a member before or
 * after. Redis runs scripts one at a time and keeps the order of a channel, so all processes see all
 * changes of a room in one order. The process that made a change applies it when it hears of it,
 * like everybody else.
 *
 * Parcels go to the receiver's process over the same connections: whoever heard that a peer is there
 * hears what it says afterwards. (A socket.io adapter would write to the receiver's socket whatever
 * waits there already; the receiver's process must be able to refuse.)
 *
 * A process that shows no sign of life for DEAD_AFTER_MS is taken out of its rooms by any other. One
 * that loses Redis lets its peers connect anew and goes by a new name. Link keys are sealed.
 */

import { randomUUID } from "node:crypto";
import { type LinkKey, parseLinkKey } from "@beeline/protocol";
import { Redis } from "ioredis";
import { pack, unpack } from "msgpackr";
import type { Logger } from "pino";
import { type Buckets, redisBuckets } from "./buckets.ts";
import { ByteBudget } from "./byte-budget.ts";
import { faultOf } from "./fault.ts";
import type { Keyring } from "./keyring.ts";
import type { Rate } from "./rate-limit.ts";
import { CHANGE_SCRIPT, DEAD_SCRIPT, UNLIST_SCRIPT } from "./redis-scripts.ts";
import type {
  Change,
  DirectoryEvents,
  Parcel,
  RoomDirectory,
  RoomState,
} from "./room-directory.ts";
import { type Effect, loseProcess } from "./rooms.ts";
import { createTurns } from "./turns.ts";

/** Dead ones are noticed within DEAD_AFTER_MS and three beats: 8 s. A busy process misses one beat. */
const BEAT_MS = 1_000;
const DEAD_AFTER_MS = 5_000;
/** An empty room is remembered for as long as a short key lives, with the guest who claimed it. */
const EMPTY_ROOM_MS = 10 * 60 * 1000;
/** A publication that does not come back in this time was lost with the connection. */
const APPLY_TIMEOUT_MS = 5_000;
/** Two processes rarely want the same room at once; sixty-four peers that arrive together do. */
const MAX_TRIES = 100;
/**
 * Bytes on their way to Redis; about what one process relays in a tenth of a second. One user has a
 * quarter of them, so that whoever sends without end takes only that from others.
 */
const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;

type Message =
  | {
      readonly t: "change";
      readonly id: number;
      readonly by: string;
      readonly change: SealedChange;
    }
  | {
      readonly t: "parcel";
      readonly parcel: Parcel;
      /** The sender's process, which hears what became of it. */
      readonly by: string;
    };

/** The key in a `tellKey` effect is sealed. */
interface SealedChange {
  readonly state: RoomState;
  readonly effects: readonly unknown[];
}

interface Pending {
  readonly first: () => void;
  readonly applied: () => void;
}

export interface RedisRoomsOptions {
  readonly url: string;
  readonly keyring: Keyring;
  readonly log: Logger;
}

export class RedisRooms implements RoomDirectory {
  readonly #keyring: Keyring;
  readonly #log: Logger;
  /** Commands and publications, in one order. */
  readonly #out: Redis;
  readonly #in: Redis;
  readonly #turn = createTurns();
  readonly #pending = new Map<string, Pending>();
  #events: DirectoryEvents | undefined;
  #name = "";
  #isReady = false;
  readonly #inFlight = new ByteBudget(MAX_IN_FLIGHT_BYTES);
  #beat: NodeJS.Timeout | undefined;
  #isLooking = false;
  /** It may take longer than the others' patience, so signs of life go on meanwhile. */
  #isBurying = false;
  /** Processes that gave no sign of life at the last look. */
  #silent: ReadonlySet<string> = new Set();

  constructor({ url, keyring, log }: RedisRoomsOptions) {
    this.#keyring = keyring;
    this.#log = log;
    const options = {
      lazyConnect: true,
      // What cannot be done now is refused now; peers ask again.
      enableOfflineQueue: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt: number) => Math.min(attempt * 100, 2_000),
    };
    this.#out = new Redis(url, options);
    this.#in = new Redis(url, options);
  }

  get processName(): string {
    return this.#name;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** @throws if Redis does not answer; later losses are repaired by themselves. */
  async start(events: DirectoryEvents): Promise<void> {
    this.#events = events;
    for (const connection of [this.#out, this.#in]) {
      connection.on("error", (err) => this.#log.debug({ err: err.message }, "redis"));
      connection.on("close", () => this.#lose());
    }
    this.#in.on("messageBuffer", (_channel, bytes) => {
      try {
        this.#hear(bytes);
      } catch (thrown) {
        this.#log.error(
          { err: faultOf(thrown) },
          "what another process published was not understood",
        );
      }
    });
    await Promise.all([this.#out.connect(), this.#in.connect()]);
    await this.#open();
    for (const connection of [this.#out, this.#in]) {
      connection.on("ready", () => {
        this.#open().catch((err) => this.#log.warn({ err: err.message }, "redis"));
      });
    }
    this.#beat = setInterval(() => {
      this.#live().catch((err) => this.#log.debug({ err: err.message }, "redis"));
    }, BEAT_MS);
  }

  change(...[instanceId, next, first = () => {}]: Parameters<RoomDirectory["change"]>) {
    // Turns within the process save tries; between processes the version decides.
    return this.#turn(String(instanceId), async () => {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const { version, state } = await this.#load(instanceId);
        const change = await next(state);
        if (change === undefined) return;
        if (await this.#put(instanceId, version, state, change, first)) return;
      }
      throw new Error(`room ${instanceId} changed ${MAX_TRIES} times while it was to be changed`);
    });
  }

  async read(instanceId: number): Promise<RoomState | undefined> {
    return (await this.#load(instanceId)).state;
  }

  buckets(purpose: string, rate: Rate): Buckets {
    return redisBuckets(this.#out, purpose, rate);
  }

  send(process: string, parcel: Parcel, party: string): boolean {
    if (!this.#isReady) return false;
    const bytes = pack({ t: "parcel", parcel, by: this.#name } satisfies Message);
    // A message of the largest size may go on top, and nothing behind it.
    const isTaken =
      parcel.kind === "dialect"
        ? this.#inFlight.takeOnTop(party, bytes.length)
        : this.#inFlight.take(party, bytes.length);
    if (!isTaken) return false;
    this.#out
      .publish(channelOf(process), bytes)
      .catch((err) => this.#log.debug({ err: err.message }, "parcel lost"))
      .finally(() => {
        this.#inFlight.giveBack(party, bytes.length);
      });
    return true;
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#events = undefined;
    if (this.#isReady) await this.#unlist(this.#name).catch(() => {});
    this.#isReady = false;
    this.#out.disconnect();
    this.#in.disconnect();
  }

  /** Both connections are up: a process of a new name begins to listen. */
  async #open(): Promise<void> {
    if (this.#isReady || this.#out.status !== "ready" || this.#in.status !== "ready") return;
    const name = randomUUID();
    await this.#in.subscribe(channelOf(name));
    this.#name = name;
    this.#isReady = true;
    await this.#live();
    this.#log.info({ process: name }, "sharing rooms over redis");
  }

  #lose(): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#log.warn("redis is gone: peers connect anew");
    this.#events?.lost();
    // Both start anew, so that no half of a conversation is left over.
    for (const connection of [this.#out, this.#in]) {
      if (connection.status === "ready") connection.disconnect(true);
    }
  }

  async #load(id: number): Promise<{ version: string; state: RoomState | undefined }> {
    const [version, state] = await this.#out.hmgetBuffer(roomOf(id), "version", "state");
    return {
      version: version?.toString() ?? "",
      state: state ? (unpack(state) as RoomState) : undefined,
    };
  }

  async #put(
    id: number,
    version: string,
    before: RoomState | undefined,
    change: Change,
    first: () => void,
  ): Promise<boolean> {
    const by = randomUUID();
    const was = processesIn(before);
    const are = processesIn(change.state);
    const listeners = new Set([...was, ...are, this.#name]);
    const message: Message = { t: "change", id, by, change: this.#seal(change) };
    const applied = this.#expect(by, first);
    try {
      const done = await this.#out.eval(
        CHANGE_SCRIPT,
        1,
        roomOf(id),
        version,
        by,
        pack(change.state),
        are.size === 0 ? EMPTY_ROOM_MS : 0,
        pack(message),
        String(id),
        listeners.size,
        ...listeners,
        are.size,
        ...are,
      );
      if (done === 1) await inTime(applied);
      return done === 1;
    } finally {
      this.#pending.delete(by);
    }
  }

  #expect(by: string, first: () => void): Promise<void> {
    return new Promise((applied) => this.#pending.set(by, { first, applied }));
  }

  #hear(bytes: Buffer): void {
    const message = unpack(bytes) as Message;
    if (message.t === "parcel") {
      this.#events?.parcel(message.parcel, message.by);
      return;
    }
    const mine = this.#pending.get(message.by);
    this.#pending.delete(message.by);
    this.#events?.changed(message.id, this.#unseal(message.change), mine?.first ?? (() => {}));
    mine?.applied();
  }

  /**
   * A sign of life, and a look at who gave none. Redis itself may have stood still: then all are silent,
   * and whoever lives has beaten again by the next look.
   */
  async #live(): Promise<void> {
    // One look at a time: those that waited for Redis would all come before the others' signs of life.
    if (!this.#isReady || this.#isLooking) return;
    this.#isLooking = true;
    let silentAgain: readonly string[] = [];
    try {
      const silent = await this.#look();
      silentAgain = silent.filter((name) => this.#silent.has(name));
      this.#silent = new Set(silent);
    } finally {
      this.#isLooking = false;
    }
    if (this.#isBurying) return;
    this.#isBurying = true;
    try {
      for (const name of silentAgain) await this.#bury(name);
    } finally {
      this.#isBurying = false;
    }
  }

  #look(): Promise<string[]> {
    return this.#out.eval(
      DEAD_SCRIPT,
      1,
      "beeline:processes",
      this.#name,
      DEAD_AFTER_MS,
    ) as Promise<string[]>;
  }

  async #bury(name: string): Promise<void> {
    const rooms = await this.#out.smembers(`beeline:process:${name}:rooms`);
    this.#log.warn({ process: name, rooms: rooms.length }, "a server process is gone");
    for (const id of rooms) {
      await this.change(Number(id), async (state) => {
        if (state === undefined) return undefined;
        const { room, effects } = loseProcess(state.room, name);
        return room === state.room ? undefined : { state: { ...state, room }, effects };
      });
    }
    await this.#unlist(name);
  }

  /** A process that still has members somewhere stays in the list, to be missed when it is silent. */
  async #unlist(name: string): Promise<void> {
    await this.#out.eval(
      UNLIST_SCRIPT,
      2,
      "beeline:processes",
      `beeline:process:${name}:rooms`,
      name,
    );
  }

  #seal({ state, effects }: Change): SealedChange {
    const sealed = effects.map((effect) =>
      effect.do === "tellKey" ? { ...effect, key: this.#keyring.seal(effect.key) } : effect,
    );
    return { state, effects: sealed };
  }

  #unseal({ state, effects }: SealedChange): Change {
    const opened = effects.map((raw) => {
      const effect = raw as Effect;
      if (effect.do !== "tellKey") return effect;
      const key: LinkKey = parseLinkKey(this.#keyring.open(effect.key as unknown as Uint8Array));
      return { ...effect, key };
    });
    return { state, effects: opened };
  }
}

/** Timed from when Redis has said that it published: until then it may be slow. */
function inTime(applied: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const tooLate = () => reject(new Error("redis did not publish a change"));
    const timer = setTimeout(tooLate, APPLY_TIMEOUT_MS);
    timer.unref();
    void applied.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function processesIn(state: RoomState | undefined): ReadonlySet<string> {
  return new Set(state?.room.members.map(({ process }) => process));
}

function roomOf(id: number): string {
  return `beeline:room:${id}`;
}

function channelOf(process: string): string {
  return `beeline:process:${process}`;
}
