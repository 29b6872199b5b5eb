/**
 * Takes a SACK (RFC 9260 section 6.2.1) into the book: which chunks are new in it, and which arrived
 * twice. SACKs come from outside: one that is old, that acknowledges what was never sent or that lists
 * nonsense changes nothing, and none costs more than its own length and what it acknowledges.
 */

import type { SackChunk } from "../wire/chunk.ts";
import { AckedRanges } from "./acked-ranges.ts";
import type { InFlight } from "./in-flight.ts";

/** A SACK of ours lists tens; more is somebody's attempt to make us busy. */
const MOST_DUPLICATES = 512;

/**
 * A list of so many gaps may be cut short: dcSCTP (Chromium) lists 20 at the most, the lowest ones. What
 * lies beyond the last one listed is then unknown. Whoever has listed more lists what fits a packet.
 */
const DCSCTP_GAPS = 20;
/** Nearly as many as fit the smallest packet that every path takes, four bytes each. */
const FULL_PACKET_GAPS = 250;

export interface SackEvents {
  /** For the first time, ascending within one SACK. `wasLost`: it had been declared lost. */
  onArrived(ordinal: number, wasLost: boolean): void;
  /** The other side has it more than once. */
  onDuplicate(ordinal: number): void;
}

export class SackIntake {
  /** Of what is above this ordinal the last SACK could not tell. */
  reportedUpTo = Number.POSITIVE_INFINITY;

  readonly #book: InFlight;
  readonly #events: SackEvents;
  readonly #ranges = new AckedRanges();
  #listsMore = false;

  constructor(book: InFlight, events: SackEvents) {
    this.#book = book;
    this.#events = events;
  }

  /** False when the SACK is old or impossible: nothing of it counts. */
  take(sack: SackChunk): boolean {
    const cumulative = this.#book.ordinalOf(sack.cumulativeTsn);
    if (!this.takeCumulative(cumulative)) return false;
    if (this.#ranges.count > 0 && this.#ranges.lowest === cumulative + 1) this.#renege();
    if (sack.gaps.length > 0) {
      this.#ranges.add(sack.gaps, cumulative, this.#book.next, this.#onGap);
    }
    const lastGap = this.#isCut(sack.gaps.length) ? sack.gaps[sack.gaps.length - 1] : undefined;
    this.reportedUpTo = lastGap === undefined ? Number.POSITIVE_INFINITY : cumulative + lastGap.end;
    const count = Math.min(sack.duplicates.length, MOST_DUPLICATES);
    for (let index = 0; index < count; index += 1) {
      const ordinal = this.#book.ordinalOf(sack.duplicates[index] as number);
      if (this.#book.isRemembered(ordinal)) this.#events.onDuplicate(ordinal);
    }
    return true;
  }

  #isCut(gaps: number): boolean {
    if (gaps > DCSCTP_GAPS) this.#listsMore = true;
    return gaps >= (this.#listsMore ? FULL_PACKET_GAPS : DCSCTP_GAPS);
  }

  /** SHUTDOWN acknowledges by number only (RFC 9260 section 3.3.8). */
  takeCumulative(cumulative: number): boolean {
    if (cumulative >= this.#book.next || cumulative < this.#book.first - 1) return false;
    for (let ordinal = this.#book.first; ordinal <= cumulative; ordinal += 1) {
      this.#arrive(ordinal);
    }
    this.#book.release(cumulative + 1);
    if (cumulative >= this.reportedUpTo) this.reportedUpTo = Number.POSITIVE_INFINITY;
    this.#ranges.dropBelow(cumulative + 1);
    return true;
  }

  readonly #onGap = (ordinal: number): void => this.#arrive(ordinal);

  #arrive(ordinal: number): void {
    const wasLost = this.#book.isLost(ordinal);
    if (this.#book.acknowledge(ordinal)) this.#events.onArrived(ordinal, wasLost);
  }

  /**
   * The chunk after the cumulative acknowledgement was acknowledged by gap before: an honest receiver
   * that still had it would have moved past it. What else it lists now is acknowledged anew.
   */
  #renege(): void {
    this.#ranges.forEach((ordinal) => {
      this.#book.renege(ordinal);
      this.#book.setEpisode(ordinal, 0);
    });
    this.#ranges.clear();
  }
}
