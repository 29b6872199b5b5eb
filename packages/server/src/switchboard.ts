/**
 * The switchboard: connects the sockets of this process with the store and the rooms.
 *
 * A room is the meeting place of one instance and is named by the instance's id, so replacing the
 * key moves nobody. Joining, re-keying and deleting are changes of the room, one after another (see
 * room-directory.ts); whoever waited looks the key up again, so a key that died in the meantime
 * opens nothing.
 *
 * Nothing here knows socket.io or Redis; a socket is a {@link Line}. Keys are never logged.
 */

import {
  BeelineError,
  isShortKey,
  type LinkKey,
  type PeerId,
  parseLinkKey,
} from "@beeline/protocol";
import type { Logger } from "pino";
import { enterWith, placeTaken, ShortKeyGuard } from "./admission.ts";
import { carryOut } from "./carry-out.ts";
import { faultOf } from "./fault.ts";
import { marksOf, waitForAnswer } from "./heirs.ts";
import { accepted, refusal, unknownKey } from "./join-outcome.ts";
import type { Keyring } from "./keyring.ts";
import type { DialectEvent, JoinOutcome, Line } from "./line.ts";
import type { SwitchboardMeter } from "./meter.ts";
import { Pairings } from "./pairings.ts";
import { Retries } from "./retries.ts";
import { type Revocable, Revocations } from "./revocations.ts";
import type { Change, Parcel, RoomDirectory, RoomState } from "./room-directory.ts";
import {
  audience,
  byProcess,
  isFull,
  leave,
  type Member,
  mayTalk,
  type Newcomer,
  type Room,
} from "./rooms.ts";
import type { Instance, Store } from "./store.ts";
import { createTurns } from "./turns.ts";

/** What a peer says about itself. */
export type Profile = Pick<Newcomer, "role" | "name" | "capabilities" | "installation">;

export interface SwitchboardOptions {
  readonly store: Store;
  readonly rooms: RoomDirectory;
  readonly keyring: Keyring;
  readonly log: Logger;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly meter: SwitchboardMeter;
}

interface Seat {
  readonly line: Line;
  readonly instanceId: number;
}

interface Place {
  readonly member: Member;
  readonly instanceId: number;
  readonly userId: string;
}

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #log: Logger;
  /** Rooms with a member on this process. */
  readonly #rooms = new Map<number, RoomState>();
  /** Peers of this process. */
  readonly #seats = new Map<PeerId, Seat>();
  /** Members of those rooms, wherever their sockets are; because every relayed record asks. */
  readonly #places = new Map<PeerId, Place>();
  readonly #socketTurn = createTurns();
  readonly #shortKeys: ShortKeyGuard;
  readonly #pairings: Pairings;
  readonly #retries: Retries;
  readonly #revocations: Revocations;

  constructor(options: SwitchboardOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#pairings = new Pairings(options);
    this.#retries = new Retries(options.wait);
    this.#revocations = new Revocations({ ...options, retries: this.#retries });
    this.#shortKeys = new ShortKeyGuard({
      ...options,
      onLimited: (limit) => options.meter.limited(limit),
    });
  }

  start(): Promise<void> {
    return this.#options.rooms.start({
      changed: (instanceId, change, first) => this.#apply(instanceId, change, first),
      parcel: (parcel, by) => this.#receive(parcel, by),
      lost: () => this.reconnectAll(),
    });
  }

  /** Resolves once every peer that left is out of its room, wherever the rooms are. */
  async settled(): Promise<void> {
    this.#retries.end();
    await Promise.all([...this.#seats.keys()].map((id) => this.leave(id)));
  }

  get roomCount(): number {
    return this.#rooms.size;
  }

  get peerCount(): number {
    return this.#seats.size;
  }

  /** Closes the transport of every peer here, so that they come back, to this process or another. */
  reconnectAll(): void {
    for (const { line } of this.#seats.values()) line.reconnect();
  }

  /**
   * Never rejects. `answer` is called exactly once, after the peer is in the room and before anybody
   * is told, so that the answer is the first thing the peer hears. Joining the room one is in
   * already is a success without any effect.
   */
  join(
    line: Line,
    keyText: string,
    profile: Profile,
    answer: (outcome: JoinOutcome) => void,
  ): Promise<void> {
    const { meter } = this.#options;
    return this.#socketTurn(line.id, async () => {
      try {
        await this.#admit(line, parseLinkKey(keyText), profile, answer);
        meter.joined(line.kind, profile.role, "joined");
      } catch (thrown) {
        const refused = refusal(line, thrown, this.#log);
        meter.joined(line.kind, profile.role, refused.error.code);
        answer(refused);
      }
    });
  }

  /** Idempotent; runs after joins that were asked for earlier. */
  leave(id: PeerId): Promise<void> {
    return this.#socketTurn(id, () => this.#depart(id));
  }

  /** The other one, if the two share a room and may exchange signals and records. Hot. */
  connects(from: PeerId, to: PeerId): Place | undefined {
    const a = this.#places.get(from);
    const b = this.#places.get(to);
    if (a === undefined || b === undefined || a.instanceId !== b.instanceId) return undefined;
    return mayTalk(a.member, b.member) ? b : undefined;
  }

  /** Whose link a peer uses, as long as it is in a room. */
  ownerOf(id: PeerId): string | undefined {
    return this.#places.get(id)?.userId;
  }

  /** Passes a record or a signal on, here or to another process. @returns false if it had to be dropped. */
  pass(parcel: Parcel & { readonly to: PeerId }, to: Place): boolean {
    if (this.#seats.has(parcel.to)) return this.#deliver(parcel);
    return this.#options.rooms.send(to.member.process, parcel, to.userId);
  }

  /**
   * Passes a shipped-dialect message on, if `only` says so: to some of those who may hear it.
   * @returns false if some of them do not get it because too much waits.
   */
  speak(
    from: PeerId,
    event: DialectEvent,
    { payload, bytes }: { readonly payload: unknown; readonly bytes?: number | undefined },
    only: (member: Member) => boolean = () => true,
  ): boolean {
    const speaker = this.#places.get(from);
    const state = speaker && this.#rooms.get(speaker.instanceId);
    if (speaker === undefined || state === undefined) return true;
    let isPassedOn = true;
    const listeners = audience(state.room, speaker.member, event).filter(only);
    // It may be megabytes, so it goes to another process once, however many listen there.
    for (const [process, to] of byProcess(listeners)) {
      const parcel = { kind: "dialect", from, to, event, payload, bytes } as const;
      if (to.some((id) => this.#seats.has(id))) {
        isPassedOn = this.#deliver(parcel) && isPassedOn;
      } else if (!this.#options.rooms.send(process, parcel, speaker.userId)) {
        isPassedOn = false;
        this.#options.meter.limited("shipped-redis");
        this.#log.debug({ peerId: from, event }, "dialect message dropped: redis does not keep up");
      }
    }
    return isPassedOn;
  }

  /** Who is in the room of an instance now, on whatever process. */
  async present(instanceId: number): Promise<readonly Member[]> {
    return (await this.#options.rooms.read(instanceId))?.room.members ?? [];
  }

  /** See {@link Revocations.after}. */
  revokeAfter<T>(
    instanceId: number,
    change: (state: RoomState | undefined) => Promise<Revocable<T>>,
  ): Promise<T> {
    return this.#revocations.after(instanceId, change);
  }

  async #admit(
    line: Line,
    key: LinkKey,
    profile: Profile,
    answer: (outcome: JoinOutcome) => void,
  ): Promise<void> {
    const { keyring, rooms, now } = this.#options;
    const keyDigest = keyring.digest(key).toString("hex");
    const seated = this.#rooms.get(this.#seats.get(line.id)?.instanceId ?? -1);
    if (seated?.keyDigest === keyDigest) return answer(accepted(seated));
    await this.#depart(line.id);

    const userId = isShortKey(key) ? await line.user() : undefined;
    const person = { ...profile, kind: line.kind, address: line.address };
    const marks = marksOf(person, userId, keyring);
    const found = await this.#lookUp(key, line.address, marks);
    if (found === undefined) throw unknownKey();
    const newcomer: Newcomer = {
      ...person,
      id: line.id,
      process: rooms.processName,
      isOwner: userId === found.userId,
      sinceMs: now(),
    };
    const isPairing = isShortKey(found.key) && newcomer.role === "extension";
    const replace = isPairing && this.#pairings.replacement(key, found, newcomer);
    let entered: RoomState | undefined;

    this.#seats.set(line.id, { line, instanceId: found.id });
    try {
      await rooms.change(
        found.id,
        async (current) => {
          if (current !== undefined && isFull(current.room)) {
            throw new BeelineError("LIMIT_EXCEEDED", "too many peers use this link at once");
          }
          let instance: Instance | undefined = found;
          if (replace) {
            instance = await replace(current);
          } else if (current?.keyDigest !== keyDigest) {
            // Nobody vouches for the key any more that was looked up before our turn came.
            instance = await this.#find(key, marks);
          }
          if (instance === undefined) throw unknownKey();
          if (!isPairing && instance.key !== key) waitForAnswer(newcomer, current?.room);
          const change = enterWith(current, instance, key, newcomer, keyring);
          const isIn = change.state.room.members.some((member) => member.id === newcomer.id);
          entered = isIn ? change.state : undefined;
          return change;
        },
        () => entered !== undefined && answer(accepted(entered)),
      );
      if (entered === undefined) throw placeTaken();
    } catch (thrown) {
      this.#seats.delete(line.id);
      throw thrown;
    }
    const { id } = found;
    const { role, kind } = newcomer;
    const who = { instanceId: id, peerId: line.id, role, kind, rekeyed: isPairing };
    this.#log.info(who, "peer joined");
    if (isPairing) return;
    if (found.key !== key) await this.#pairings.inherited(found, newcomer);
    else if (role === "extension" && found.heirsUntilMs !== undefined) {
      await this.#pairings.settle(id);
    }
  }

  async #lookUp(
    key: LinkKey,
    address: string,
    marks: readonly string[],
  ): Promise<Instance | undefined> {
    const find = () => this.#find(key, marks);
    return isShortKey(key) ? this.#shortKeys.lookUp(address, find) : find();
  }

  async #find(key: LinkKey, marks: readonly string[]): Promise<Instance | undefined> {
    const { store, now } = this.#options;
    const found = await store.find(key, now());
    return found ?? (isShortKey(key) ? store.inherit(key, marks, now()) : undefined);
  }

  async #depart(id: PeerId): Promise<void> {
    const seat = this.#seats.get(id);
    if (seat === undefined) return;
    const { instanceId } = seat;
    this.#log.info({ instanceId, peerId: id }, "peer left");
    await this.#leaveRoom(instanceId, id);
    this.#forget(id);
  }

  #leaveRoom(instanceId: number, id: PeerId): Promise<void> {
    const { rooms } = this.#options;
    const { processName } = rooms;
    const tryIt = () =>
      rooms.change(instanceId, async (state) => {
        if (state === undefined) return undefined;
        const { room, effects } = leave(state.room, id);
        return room === state.room ? undefined : { state: { ...state, room }, effects };
      });
    const tryAgain = async () => {
      const isBack = this.#seats.get(id)?.instanceId === instanceId;
      // A process of another name has lost its rooms, and others take it out of them.
      if (!isBack && rooms.processName === processName) await tryIt();
    };
    return tryIt().catch((err) => {
      this.#log.warn({ err: faultOf(err), instanceId, peerId: id }, "leaving was not recorded");
      void this.#retries.insist(() => this.#socketTurn(id, tryAgain));
    });
  }

  #apply(instanceId: number, { state, effects }: Change, first: () => void): void {
    const before = this.#rooms.get(instanceId)?.room.members ?? [];
    const { userId, room } = state;
    const members = room.members.some(({ id }) => this.#seats.has(id)) ? room.members : [];
    for (const { id } of before) if (!members.some((one) => one.id === id)) this.#unplace(id);
    for (const member of members) this.#places.set(member.id, { member, instanceId, userId });
    if (members.length > 0) this.#rooms.set(instanceId, state);
    else this.#rooms.delete(instanceId);

    first();
    const lineOf = (id: PeerId) => this.#seats.get(id)?.line;
    const found = {
      heardKey: (id: PeerId) => this.#heard(id),
      silent: (id: PeerId) => this.#giveUp(id),
    };
    for (const effect of effects) carryOut(effect, state.room, lineOf, found);
    this.#sendGhostsAway(instanceId, state.room);
    // Effects reach those who are out already, so the seats go last.
    for (const { id } of before) if (!this.#places.has(id)) this.#seats.delete(id);
  }

  /** A change that was given up may have happened all the same: members of ours without a socket. */
  #sendGhostsAway(instanceId: number, { members }: Room): void {
    const { processName } = this.#options.rooms;
    for (const { id, process } of members) {
      if (process !== processName || this.#seats.has(id)) continue;
      void this.#socketTurn(id, async () => {
        if (!this.#seats.has(id)) await this.#leaveRoom(instanceId, id);
      });
    }
  }

  /** Should the peer be alive after all, it enters again. */
  #giveUp(id: PeerId): void {
    this.#seats.get(id)?.line.reconnect();
    void this.leave(id);
  }

  #heard(id: PeerId): void {
    const place = this.#places.get(id);
    if (place?.member.role === "extension") void this.#pairings.settle(place.instanceId);
  }

  /** What cannot be delivered is counted, and told to the sender's process; an answer to nobody. */
  #receive(parcel: Parcel, by: string): void {
    if (this.#deliver(parcel) || parcel.kind === "refused") return;
    const [to = ""] = [parcel.to].flat();
    const because = this.#seats.has(to) || parcel.kind === "dialect" ? "full" : "gone";
    if (because === "full") this.#options.meter.undelivered(parcel.kind);
    this.#options.rooms.send(by, { kind: "refused", from: to, to: parcel.from, because }, by);
  }

  #deliver(parcel: Parcel): boolean {
    if (parcel.kind !== "dialect") {
      return this.#seats.get(parcel.to)?.line.deliver(parcel) ?? false;
    }
    const lines = parcel.to.flatMap((id) => this.#seats.get(id)?.line ?? []);
    return lines.filter((line) => !line.deliver(parcel)).length === 0;
  }

  #unplace(id: PeerId): void {
    this.#places.delete(id);
    this.#options.meter.left(id);
  }

  #forget(id: PeerId): void {
    this.#seats.delete(id);
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#unplace(id);
    const members = this.#rooms.get(place.instanceId)?.room.members ?? [];
    if (members.some((member) => this.#seats.has(member.id))) return;
    for (const member of members) this.#unplace(member.id);
    this.#rooms.delete(place.instanceId);
  }
}
