/**
 * Where the rooms are: the port behind which one process keeps them in memory, or several share
 * them (redis-rooms.ts).
 *
 * A change is one atomic step from one state to the next, whoever asks for it, and every process
 * with a member in the room before or after it hears of it, in the same order. What a process heard
 * last is its mirror of the room, from which it routes without asking.
 */

import type { PeerId } from "@beeline/protocol";
import { type Buckets, localBuckets } from "./buckets.ts";
import type { Rate } from "./rate-limit.ts";
import type { Effect, Room } from "./rooms.ts";
import { createTurns } from "./turns.ts";

export interface RoomState {
  readonly room: Room;
  /** Digest of the key by which its members entered; empty after that key was revoked. */
  readonly keyDigest: string;
  readonly instanceName: string | null;
  readonly userId: string;
  /** Where the one client came from that entered by the short key without proof (see admission.ts). */
  readonly guest: string | undefined;
}

export interface Change {
  readonly state: RoomState;
  readonly effects: readonly Effect[];
}

/**
 * What one peer says to another one, or to several of one process, on whatever process they are; and
 * what the process of the one it was for answers, if it did not get there.
 */
export type Parcel =
  | {
      readonly kind: "relay";
      readonly from: PeerId;
      readonly to: PeerId;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: "signal";
      readonly from: PeerId;
      readonly to: PeerId;
      readonly message: unknown;
    }
  | {
      readonly kind: "dialect";
      readonly from: PeerId;
      readonly to: readonly PeerId[];
      readonly event: "command" | "commandStatus";
      readonly payload: unknown;
      /** About how many the payload has, if it is known. */
      readonly bytes?: number | undefined;
    }
  | {
      readonly kind: "refused";
      /** The one that did not get it. */
      readonly from: PeerId;
      readonly to: PeerId;
      readonly because: "gone" | "full";
    };

export interface DirectoryEvents {
  /**
   * A change happened; `first` belongs to it and is called before anybody is told. `before` is what
   * the room was for those who are in it no more.
   */
  changed(instanceId: number, change: Change, first: () => void): void;
  /** From another process, of the name `by`. */
  parcel(parcel: Parcel, by: string): void;
  /** This process no longer hears of changes: its peers must connect anew. */
  lost(): void;
}

export interface RoomDirectory {
  /** Of this process; its members carry it. Another one after each loss of the connection. */
  readonly processName: string;
  /** Whether joins have a chance. */
  readonly isReady: boolean;
  /** Called once, before anything else. */
  start(events: DirectoryEvents): Promise<void>;
  /**
   * Runs `next` on the current state until its answer could be put in place with nobody in between;
   * `undefined` leaves things as they are. Resolves after `changed` was called here. What `next`
   * does besides computing must bear repetition.
   */
  change(
    instanceId: number,
    next: (current: RoomState | undefined) => Promise<Change | undefined>,
    first?: () => void,
  ): Promise<void>;
  read(instanceId: number): Promise<RoomState | undefined>;
  /** Counted by all processes that share the rooms. */
  buckets(purpose: string, rate: Rate): Buckets;
  /**
   * To a peer of another process. @param party whose share of what may wait it takes.
   * @returns false if it was dropped because too much waits.
   */
  send(process: string, parcel: Parcel, party: string): boolean;
  close(): Promise<void>;
}

/**
 * Empty rooms kept because a guest has claimed them (300 bytes each). An attacker who fills this
 * gains what the next one would have had anyway: the place of a guest who left.
 */
const MAX_EMPTY_ROOMS = 10_000;

/** For one process: changes of one room take turns. */
export class LocalRooms implements RoomDirectory {
  readonly processName = "local";
  readonly isReady = true;
  readonly #rooms = new Map<number, RoomState>();
  readonly #empty = new Set<number>();
  readonly #turn = createTurns();
  readonly #now: () => number;
  #events: DirectoryEvents | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  async start(events: DirectoryEvents): Promise<void> {
    this.#events = events;
  }

  change(...[instanceId, next, first = () => {}]: Parameters<RoomDirectory["change"]>) {
    return this.#turn(String(instanceId), async () => {
      const change = await next(this.#rooms.get(instanceId));
      if (change === undefined) return;
      this.#keep(instanceId, change.state);
      this.#events?.changed(instanceId, change, first);
    });
  }

  async read(instanceId: number): Promise<RoomState | undefined> {
    return this.#rooms.get(instanceId);
  }

  buckets(_purpose: string, rate: Rate): Buckets {
    return localBuckets(rate, this.#now);
  }

  send(..._: Parameters<RoomDirectory["send"]>): boolean {
    return false;
  }

  async close(): Promise<void> {}

  #keep(instanceId: number, state: RoomState): void {
    this.#empty.delete(instanceId);
    this.#rooms.delete(instanceId);
    if (state.room.members.length === 0) {
      if (state.guest === undefined || state.keyDigest === "") return;
      this.#empty.add(instanceId);
      const [oldest] = this.#empty.size > MAX_EMPTY_ROOMS ? this.#empty : [];
      if (oldest !== undefined) {
        this.#empty.delete(oldest);
        this.#rooms.delete(oldest);
      }
    }
    this.#rooms.set(instanceId, state);
  }
}
