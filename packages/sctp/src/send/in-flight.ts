/**
 * The book of what is on the way: every chunk of user data from its first sending until the other
 * side acknowledged it cumulatively. It knows states and bytes; who decides that something is lost,
 * and when, is in loss-detection.ts.
 *
 *     sent ──acknowledge──▶ acked ──release──▶ (forgotten)
 *      │  ▲                   ▲
 *    lose  resend             │
 *      ▼  │                   │
 *     lost ──acknowledge──────┘          any of them ──abandon──▶ abandoned
 *
 * Invariants: `inFlightBytes` is the packets' share of all `sent` chunks; `unackedPayloadBytes` the
 * payload of all `sent` and `lost` ones; the orders of sending hold exactly the `sent` ones.
 */

import type { SendStamp } from "../congestion/rate-sampler.ts";
import { Fifo } from "./fifo.ts";
import { FlightRing } from "./flight-ring.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";
import { SendOrder } from "./send-order.ts";
import type { Fragment } from "./send-queue.ts";

export const NONE = -1;

const NUMBERED = 0;
const SENT = 1;
const LOST = 2;
const ACKED = 3;
const ABANDONED = 4;

const MOST_TRANSMISSIONS = 255;

export class InFlight {
  /** The oldest that is not cumulatively acknowledged, and the next to be given. */
  first = 0;
  next = 0;
  inFlightBytes = 0;
  unackedPayloadBytes = 0;
  /** Chunks acknowledged by gap, not cumulatively. */
  ackedBeyond = 0;
  /** What is on the way, for time-based loss detection: sent once, and sent again. */
  readonly sentOnce: SendOrder;
  readonly sentAgain: SendOrder;

  readonly #initialTsn: number;
  readonly #ring = new FlightRing();
  #sendings = 0;
  readonly #lost = new Fifo<number>();
  /** Lost ones that are not to be sent again in their turn. */
  readonly #aside = new Fifo<number>();

  constructor(initialTsn: number) {
    this.#initialTsn = initialTsn;
    this.sentOnce = new SendOrder(this.#ring);
    this.sentAgain = new SendOrder(this.#ring);
  }

  tsnOf(ordinal: number): number {
    return (this.#initialTsn + ordinal) >>> 0;
  }

  /** The ordinal near `first` that has this TSN; may be one that was never given. */
  ordinalOf(tsn: number): number {
    return this.first + ((tsn - this.tsnOf(this.first)) | 0);
  }

  /** The chunk that left last of those on the way; {@link NONE} without any. */
  get newestSent(): number {
    const once = this.sentOnce.newest;
    const again = this.sentAgain.newest;
    if (once === NONE || again === NONE) return Math.max(once, again);
    return this.turn(once) > this.turn(again) ? once : again;
  }

  /** Whether anything waits for an acknowledgement. */
  get isEmpty(): boolean {
    return this.first === this.next;
  }

  isOnTheWay(ordinal: number): boolean {
    return this.#state(ordinal) === SENT;
  }

  isLost(ordinal: number): boolean {
    return this.#state(ordinal) === LOST;
  }

  isAcked(ordinal: number): boolean {
    return this.#state(ordinal) === ACKED;
  }

  isAbandoned(ordinal: number): boolean {
    return this.#state(ordinal) === ABANDONED;
  }

  message(ordinal: number): OutgoingMessage | undefined {
    return this.#ring.messages[this.#ring.slot(ordinal)];
  }

  stamp(ordinal: number): SendStamp | undefined {
    return this.#ring.stamps[this.#ring.slot(ordinal)];
  }

  sentAtMs(ordinal: number): number {
    return this.#ring.sentAtMs[this.#ring.slot(ordinal)] as number;
  }

  /** Sendings so far: the turn of the last. */
  get turns(): number {
    return this.#sendings;
  }

  /** Counts sendings: tells which of two chunks left later, even at the same instant. */
  turn(ordinal: number): number {
    return this.#ring.turns[this.#ring.slot(ordinal)] as number;
  }

  firstSentAtMs(ordinal: number): number {
    return this.#ring.firstSentAtMs[this.#ring.slot(ordinal)] as number;
  }

  firstTurn(ordinal: number): number {
    return this.#ring.firstTurns[this.#ring.slot(ordinal)] as number;
  }

  transmissions(ordinal: number): number {
    return this.#ring.transmissions[this.#ring.slot(ordinal)] as number;
  }

  wireBytes(ordinal: number): number {
    return this.#ring.wireBytes[this.#ring.slot(ordinal)] as number;
  }

  length(ordinal: number): number {
    return this.#ring.lengths[this.#ring.slot(ordinal)] as number;
  }

  offset(ordinal: number): number {
    return this.#ring.offsets[this.#ring.slot(ordinal)] as number;
  }

  fragment(ordinal: number): number {
    return this.#ring.fragments[this.#ring.slot(ordinal)] as number;
  }

  episode(ordinal: number): number {
    return this.#ring.episodes[this.#ring.slot(ordinal)] as number;
  }

  setEpisode(ordinal: number, episode: number): void {
    this.#ring.episodes[this.#ring.slot(ordinal)] = episode;
  }

  /** Whether numbers of a chunk, acknowledged perhaps, are still known. */
  isRemembered(ordinal: number): boolean {
    return ordinal >= 0 && ordinal < this.next && ordinal >= this.next - this.#ring.capacity;
  }

  /** Gives the next TSN to a fragment; `send` follows. */
  number(fragment: Fragment): number {
    const ordinal = this.#reserve(fragment.message);
    const slot = this.#ring.slot(ordinal);
    this.#ring.offsets[slot] = fragment.offset;
    this.#ring.lengths[slot] = fragment.length;
    this.#ring.fragments[slot] = fragment.index;
    this.unackedPayloadBytes += fragment.length;
    return ordinal;
  }

  /** Gives a TSN to the missing end of an abandoned message, so that skipping it skips the message. */
  numberMissingEnd(message: OutgoingMessage): void {
    const slot = this.#ring.slot(this.#reserve(message));
    this.#ring.offsets[slot] = message.sentBytes;
    this.#ring.lengths[slot] = 0;
    this.#ring.fragments[slot] = message.fragments;
    this.#ring.states[slot] = ABANDONED;
  }

  /** The chunk's packet leaves, for the first time or again. */
  send(ordinal: number, wireBytes: number, nowMs: number): void {
    const slot = this.#ring.slot(ordinal);
    if (this.#ring.states[slot] === SENT) this.#takeOff(ordinal, slot);
    this.#ring.states[slot] = SENT;
    this.#ring.wireBytes[slot] = wireBytes;
    this.#ring.sentAtMs[slot] = nowMs;
    this.#sendings += 1;
    this.#ring.turns[slot] = this.#sendings;
    const transmissions = this.#ring.transmissions[slot] as number;
    this.#ring.transmissions[slot] = Math.min(MOST_TRANSMISSIONS, transmissions + 1);
    if (transmissions === 0) {
      this.#ring.firstSentAtMs[slot] = nowMs;
      this.#ring.firstTurns[slot] = this.#sendings;
    }
    this.inFlightBytes += wireBytes;
    (transmissions === 0 ? this.sentOnce : this.sentAgain).append(ordinal);
  }

  /** What a packet takes beside its chunks is on the way with the first of them. */
  addWireBytes(ordinal: number, bytes: number): void {
    const slot = this.#ring.slot(ordinal);
    this.#ring.wireBytes[slot] = (this.#ring.wireBytes[slot] as number) + bytes;
    this.inFlightBytes += bytes;
  }

  /** Known only when all of the packet is: the stamp says what was in flight with it. */
  setStamp(ordinal: number, stamp: SendStamp): void {
    this.#ring.stamps[this.#ring.slot(ordinal)] = stamp;
  }

  /** False when it was acknowledged or abandoned before. */
  acknowledge(ordinal: number): boolean {
    const slot = this.#ring.slot(ordinal);
    const state = this.#ring.states[slot];
    if (state === SENT) this.#takeOff(ordinal, slot);
    else if (state !== LOST) return false;
    this.#ring.states[slot] = ACKED;
    this.ackedBeyond += 1;
    this.unackedPayloadBytes -= this.#ring.lengths[slot] as number;
    return true;
  }

  /** The other side dropped what it had acknowledged by gap (RFC 9260 section 6.2.1). */
  renege(ordinal: number): void {
    const slot = this.#ring.slot(ordinal);
    if (this.#ring.states[slot] !== ACKED) return;
    this.#ring.states[slot] = LOST;
    this.ackedBeyond -= 1;
    this.unackedPayloadBytes += this.#ring.lengths[slot] as number;
    this.#lost.push(ordinal);
  }

  lose(ordinal: number): void {
    const slot = this.#ring.slot(ordinal);
    this.#takeOff(ordinal, slot);
    this.#ring.states[slot] = LOST;
    this.#lost.push(ordinal);
  }

  abandon(ordinal: number): void {
    const slot = this.#ring.slot(ordinal);
    const state = this.#ring.states[slot];
    if (state === ABANDONED) return;
    if (state === SENT) this.#takeOff(ordinal, slot);
    if (state === ACKED) this.ackedBeyond -= 1;
    else this.unackedPayloadBytes -= this.#ring.lengths[slot] as number;
    this.#ring.states[slot] = ABANDONED;
  }

  /** Sends again in order of TSNs what is lost so far: the other side's list of gaps may be short. */
  sortLost(): void {
    this.#lost.clear();
    this.#aside.clear();
    for (let ordinal = this.first; ordinal < this.next; ordinal += 1) {
      if (this.isLost(ordinal)) this.#lost.push(ordinal);
    }
  }

  /** The next to be sent again; {@link NONE} without any. */
  firstLost(): number {
    return this.#firstOf(this.#lost);
  }

  /** The first lost one lets the others by, until `sortLost`. */
  setAside(): void {
    const ordinal = this.firstLost();
    if (ordinal === NONE) return;
    this.#lost.shift();
    this.#aside.push(ordinal);
  }

  /** The first that was set aside and is lost still; {@link NONE} without any. */
  firstAside(): number {
    return this.#firstOf(this.#aside);
  }

  /** Everything below `ordinal` is acknowledged or skipped for good. */
  release(ordinal: number): void {
    for (; this.first < ordinal; this.first += 1) {
      const slot = this.#ring.slot(this.first);
      if (this.#ring.states[slot] === ACKED) this.ackedBeyond -= 1;
      this.#ring.messages[slot] = undefined;
      this.#ring.stamps[slot] = undefined;
    }
  }

  #firstOf(lost: Fifo<number>): number {
    for (;;) {
      const ordinal = lost.peek();
      if (ordinal === undefined) return NONE;
      if (ordinal >= this.first && this.isLost(ordinal)) return ordinal;
      lost.shift();
    }
  }

  #state(ordinal: number): number {
    return this.#ring.states[this.#ring.slot(ordinal)] as number;
  }

  #reserve(message: OutgoingMessage): number {
    this.#ring.reserve(this.first, this.next);
    const ordinal = this.next;
    this.next += 1;
    const slot = this.#ring.slot(ordinal);
    this.#ring.messages[slot] = message;
    this.#ring.states[slot] = NUMBERED;
    this.#ring.transmissions[slot] = 0;
    this.#ring.episodes[slot] = 0;
    if (message.firstOrdinal === NONE) message.firstOrdinal = ordinal;
    message.lastOrdinal = ordinal;
    return ordinal;
  }

  /** It is not on the way any more: out of the bytes and out of the order of sending. */
  #takeOff(ordinal: number, slot: number): void {
    this.inFlightBytes -= this.#ring.wireBytes[slot] as number;
    const isFirst = (this.#ring.transmissions[slot] as number) === 1;
    (isFirst ? this.sentOnce : this.sentAgain).remove(ordinal);
  }
}
