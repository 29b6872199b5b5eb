/**
 * The switchboard: connects sockets of either kind with the store and the rooms.
 *
 * A room is the meeting place of one instance and is named by the instance's id, so replacing the
 * key moves nobody. Joining, re-keying and deleting take turns per instance; whoever waited looks
 * the key up again, so a key that died in the meantime opens nothing.
 *
 * Nothing here knows socket.io; a socket is a {@link Line}. Keys are never logged.
 */

import {
  BeelineError,
  isShortKey,
  type LinkKey,
  type PeerId,
  type PeerInfo,
  parseLinkKey,
} from "@beeline/protocol";
import type { Logger } from "pino";
import { drawLastingKey } from "./keyring.ts";
import { NamedBuckets } from "./rate-limit.ts";
import {
  audience,
  type Effect,
  EMPTY_ROOM,
  enter,
  isFull,
  leave,
  type Member,
  mayTalk,
  type Newcomer,
  type Room,
  revoke,
  type Step,
} from "./rooms.ts";
import type { Instance, Store } from "./store.ts";
import { createTurns } from "./turns.ts";

/**
 * Failed joins with short keys per address: 10 at once, then one a minute, 1,450 a day. With ten
 * codes waiting among 16.7 million, one address finds one with a chance of 0.1 % a day. Joins that
 * succeed cost nothing.
 */
const FAILED_JOINS = { capacity: 10, perSecond: 1 / 60 };

/** One connected socket, as the switchboard sees it. */
export interface Line {
  readonly id: PeerId;
  readonly kind: PeerInfo["kind"];
  /** Network address, for limits. */
  readonly address: string;
  presence(room: Room): void;
  rekeyed(key: LinkKey): void;
  kicked(error: BeelineError): void;
  /** Closes the socket: a newer one of the same installation took its place. */
  drop(): void;
  dialect(from: PeerId, event: DialectEvent, payload: unknown): void;
}

export type DialectEvent = "command" | "commandStatus";

export type JoinOutcome =
  | { readonly ok: true; readonly room: Room; readonly instanceName: string | null }
  /** `retry` is false only if the key certainly does not exist. */
  | { readonly ok: false; readonly error: BeelineError; readonly retry: boolean };

interface OpenRoom {
  readonly instanceId: number;
  instanceName: string | null;
  key: LinkKey;
  room: Room;
}

interface Seat {
  readonly line: Line;
  readonly at: OpenRoom;
}

export class Switchboard {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #rooms = new Map<number, OpenRoom>();
  readonly #seats = new Map<PeerId, Seat>();
  /** Active and standby alike; kept beside the rooms because every relayed record asks. */
  readonly #members = new Map<PeerId, Member>();
  readonly #socketTurn = createTurns();
  readonly #instanceTurn = createTurns();
  readonly #failedJoins = new NamedBuckets(FAILED_JOINS);

  constructor(store: Store, log: Logger, now: () => number) {
    this.#store = store;
    this.#log = log;
    this.#now = now;
  }

  get roomCount(): number {
    return this.#rooms.size;
  }

  get peerCount(): number {
    return this.#seats.size;
  }

  /**
   * Never rejects. `answer` is called exactly once, after the peer is in the room and before anybody
   * is told, so that the answer is the first thing the peer hears. Joining the room one is in
   * already is a success without any effect.
   */
  join(
    line: Line,
    keyText: string,
    profile: Omit<Newcomer, "id" | "kind">,
    answer: (outcome: JoinOutcome) => void,
  ): Promise<void> {
    return this.#socketTurn(line.id, async () => {
      try {
        await this.#admit(line, parseLinkKey(keyText), profile, answer);
      } catch (thrown) {
        answer(this.#refusal(line, thrown));
      }
    });
  }

  /** Idempotent; runs after joins that were asked for earlier. */
  leave(id: PeerId): Promise<void> {
    return this.#socketTurn(id, async () => this.#depart(id));
  }

  /** Whether two peers share a room and may exchange signals and records. Called for every record. */
  connects(from: PeerId, to: PeerId): boolean {
    const a = this.#members.get(from);
    const b = this.#members.get(to);
    if (a === undefined || b === undefined || !mayTalk(a, b)) return false;
    return this.#seats.get(from)?.at === this.#seats.get(to)?.at;
  }

  /** Passes a shipped-dialect message on. @param only limits it to some of those who may hear it. */
  speak(
    from: PeerId,
    event: DialectEvent,
    payload: unknown,
    only: (member: Member) => boolean = () => true,
  ): void {
    const speaker = this.#members.get(from);
    const seat = this.#seats.get(from);
    if (speaker === undefined || seat === undefined) return;
    for (const listener of audience(seat.at.room, speaker, event)) {
      if (only(listener)) this.#seats.get(listener.id)?.line.dialect(from, event, payload);
    }
  }

  /**
   * Changes an instance in its turn; if `change` says that it took its key away, everybody in the
   * instance's room is out before the promise resolves.
   */
  async revokeAfter<T>(
    instanceId: number,
    change: () => Promise<{ revoked: boolean; result: T }>,
  ): Promise<T> {
    return this.#instanceTurn(String(instanceId), async () => {
      const { revoked, result } = await change();
      const open = this.#rooms.get(instanceId);
      if (revoked && open !== undefined) {
        this.#log.info({ instanceId, peers: open.room.members.length }, "link revoked");
        this.#apply(open, revoke(open.room));
      }
      return result;
    });
  }

  async #admit(
    line: Line,
    key: LinkKey,
    profile: Omit<Newcomer, "id" | "kind">,
    answer: (outcome: JoinOutcome) => void,
  ): Promise<void> {
    const seated = this.#seats.get(line.id)?.at;
    if (seated?.key === key) {
      answer({ ok: true, room: seated.room, instanceName: seated.instanceName });
      return;
    }
    this.#depart(line.id);

    const found = await this.#lookUp(key, line.address);
    await this.#instanceTurn(String(found.id), async () => {
      const newcomer: Newcomer = { ...profile, id: line.id, kind: line.kind };
      const open = this.#rooms.get(found.id);
      if (open !== undefined && isFull(open.room)) {
        throw new BeelineError("LIMIT_EXCEEDED", "too many peers use this link at once");
      }
      const isPairing = newcomer.role === "extension" && isShortKey(key);
      const lastingKey = isPairing ? drawLastingKey() : undefined;
      const instance =
        lastingKey === undefined
          ? await this.#store.find(key, this.#now())
          : await this.#store.activate(key, lastingKey, this.#now());
      if (instance === undefined) throw unknownKey();
      this.#seat(line, newcomer, instance, lastingKey, answer);
    });
  }

  /** @throws {BeelineError} `LINK_KEY_UNKNOWN`, or `RATE_LIMITED` before looking. */
  async #lookUp(key: LinkKey, address: string): Promise<Instance> {
    if (!isShortKey(key)) return (await this.#store.find(key, this.#now())) ?? raise(unknownKey());

    // Paid in advance and given back, so that a burst of parallel guesses finds the bucket empty.
    if (!this.#failedJoins.take(address, this.#now())) {
      throw new BeelineError("RATE_LIMITED", "too many unknown link keys from this address");
    }
    let failed = false;
    try {
      const instance = await this.#store.find(key, this.#now());
      failed = instance === undefined;
      return instance ?? raise(unknownKey());
    } finally {
      if (!failed) this.#failedJoins.giveBack(address);
    }
  }

  #seat(
    line: Line,
    newcomer: Newcomer,
    instance: Instance,
    lastingKey: LinkKey | undefined,
    answer: (outcome: JoinOutcome) => void,
  ): void {
    let open = this.#rooms.get(instance.id);
    if (open === undefined) {
      open = {
        instanceId: instance.id,
        instanceName: instance.name,
        key: instance.key,
        room: EMPTY_ROOM,
      };
      this.#rooms.set(instance.id, open);
    }
    open.key = instance.key;
    open.instanceName = instance.name;
    this.#seats.set(line.id, { line, at: open });
    const step = enter(open.room, newcomer, lastingKey);
    this.#log.info(
      {
        instanceId: instance.id,
        peerId: line.id,
        role: newcomer.role,
        kind: line.kind,
        rekeyed: lastingKey !== undefined,
      },
      "peer joined",
    );
    this.#apply(open, step, () =>
      answer({ ok: true, room: step.room, instanceName: instance.name }),
    );
  }

  #depart(id: PeerId): void {
    const seat = this.#seats.get(id);
    if (seat === undefined) return;
    this.#log.info({ instanceId: seat.at.instanceId, peerId: id }, "peer left");
    this.#apply(seat.at, leave(seat.at.room, id));
  }

  #apply(open: OpenRoom, step: Step, first: () => void = () => {}): void {
    // Effects reach those who are out already, so the lines are looked up before the seats go.
    const lines = new Map<PeerId, Line>();
    const remember = ({ id }: Member) => {
      const line = this.#seats.get(id)?.line;
      if (line !== undefined) lines.set(id, line);
    };
    open.room.members.forEach(remember);
    step.room.members.forEach(remember);

    for (const { id } of open.room.members) this.#members.delete(id);
    for (const member of step.room.members) this.#members.set(member.id, member);
    for (const { id } of open.room.members) {
      if (!this.#members.has(id)) this.#seats.delete(id);
    }
    open.room = step.room;
    if (step.room.members.length === 0) this.#rooms.delete(open.instanceId);

    first();
    for (const effect of step.effects) this.#carryOut(effect, open.room, lines);
  }

  #carryOut(effect: Effect, room: Room, lines: ReadonlyMap<PeerId, Line>): void {
    switch (effect.do) {
      case "tellKey":
        for (const id of effect.to) lines.get(id)?.rekeyed(effect.key);
        return;
      case "tellPresence":
        for (const id of effect.to) lines.get(id)?.presence(room);
        return;
      case "tellKicked": {
        const error = new BeelineError(effect.code, "the link was deleted or given a new key");
        for (const id of effect.to) lines.get(id)?.kicked(error);
        return;
      }
      case "dropSocket":
        lines.get(effect.peer)?.drop();
        return;
    }
  }

  #refusal(line: Line, thrown: unknown): JoinOutcome {
    if (thrown instanceof BeelineError) {
      this.#log.info({ peerId: line.id, code: thrown.code }, "join refused");
      const isFinal = thrown.code === "LINK_KEY_UNKNOWN" || thrown.code === "LINK_KEY_MALFORMED";
      return { ok: false, error: thrown, retry: !isFinal };
    }
    this.#log.error({ peerId: line.id, err: thrown }, "join failed");
    const error = new BeelineError(
      "SERVER_REFUSED",
      "the server cannot look up link keys right now",
    );
    return { ok: false, error, retry: true };
  }
}

function unknownKey(): BeelineError {
  return new BeelineError("LINK_KEY_UNKNOWN", "no link has this key");
}

function raise(error: Error): never {
  throw error;
}
