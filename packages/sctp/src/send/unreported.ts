/**
 * What a list of gaps that was cut short (see sack-intake.ts) could not tell of. Where much of what it
 * does tell of is missing, as at the end of a start that overflowed a queue, 20 holes told of in a
 * round trip would repair the flood in minutes, so the rest is sent again on suspicion. How much of the
 * rest is missing is known all the same: the window that the other side has left (a_rwnd, RFC 9260
 * section 3.3.4) says how much it holds, listed or not.
 */

import type { InFlight } from "./in-flight.ts";

/** Sending the unknown again costs about three needless packets for one that was missing, or fewer. */
const FLOOD_SHARE = 0.25;

/** A look walks over the whole flight: not for each of 40,000 SACKs a second. */
const LOOK_EVERY_MS = 1;

/** A list that is cut tells of about as many holes. */
const MOST_PASSES = 20;

/** What is known after a SACK whose list was cut. */
export interface ToldNow {
  readonly nowMs: number;
  readonly reportedUpTo: number;
  readonly windowBytes: number;
  /** After so long, and when a later one arrived, a chunk is lost. */
  readonly patienceMs: number;
  readonly newestTurn: number;
}

export interface Told {
  /** The last that the list tells of. */
  readonly reportedUpTo: number;
  /** What the other side holds, listed or not, and has not given to its application. */
  readonly heldBytes: number;
  /** What left before should have arrived by now. */
  readonly leftBeforeMs: number;
  /** {@link InFlight.turn} of the latest-sent chunk that is known to have arrived. */
  readonly newestTurn: number;
}

/** Of what the list tells of. */
export function missingShare(book: InFlight, reportedUpTo: number): number {
  return 1 - book.ackedBeyond / (reportedUpTo + 1 - book.first);
}

/**
 * What to send again on suspicion: from the lowest on, about as many as cover what is missing. What was
 * sent again has most probably arrived, so it comes last, and if it left before one that arrived.
 */
export function suspects(book: InFlight, told: Told): readonly number[] {
  const share = missingShare(book, told.reportedUpTo);
  if (share <= FLOOD_SHARE) return [];
  let unreported = 0;
  let underRepair = 0;
  const sentOnce: number[] = [];
  const sentAgain: number[] = [];
  for (let ordinal = told.reportedUpTo + 1; ordinal < book.next; ordinal += 1) {
    const isSentAgain = book.transmissions(ordinal) > 1;
    const hasLeftLately = book.sentAtMs(ordinal) > told.leftBeforeMs;
    if (book.isLost(ordinal)) underRepair += 1;
    else if (!book.isOnTheWay(ordinal)) continue;
    // First sendings leave in order: all that follow left later.
    else if (hasLeftLately && !isSentAgain) break;
    else if (hasLeftLately) underRepair += 1;
    else if (!isSentAgain) sentOnce.push(ordinal);
    else if (book.turn(ordinal) < told.newestTurn) sentAgain.push(ordinal);
    unreported += 1;
  }
  const missing = unreported - unlisted(book, told.heldBytes);
  // Of what is under repair only its share was missing.
  const wanted = Math.floor((missing - share * underRepair) / share);
  return [...sentOnce, ...sentAgain].slice(0, Math.max(0, wanted));
}

/** The little that has to be remembered from SACK to SACK. */
export class Unreported {
  #mostWindowBytes = 0;
  /** A window of 0 may be one of pieces, which says nothing of bytes. */
  #lastWindowBytes = 0;
  #lookAtMs = 0;
  #sackAtMs = 0;
  #oldNewsMs = 0;
  #passes = 0;

  /** A cut list tells of holes that may be repaired past a full window: see {@link onPassed}. */
  get mayPass(): boolean {
    return this.#passes > 0;
  }

  /** What the other side has room for; the most it ever had is what it holds when it has none. */
  onWindow(bytes: number): void {
    this.#mostWindowBytes = Math.max(this.#mostWindowBytes, bytes);
    if (bytes > 0) this.#lastWindowBytes = bytes;
  }

  /** Something leaves while nothing is on the way: until now there was no news to wait for. */
  onFirstSent(nowMs: number): void {
    this.#sackAtMs = nowMs;
    this.#oldNewsMs = 0;
  }

  onSack(nowMs: number, isCut: boolean): void {
    // News are as old as the longest silence of late: somebody stood still, and they come in a heap.
    const silenceMs = nowMs - this.#sackAtMs;
    this.#sackAtMs = nowMs;
    this.#oldNewsMs = Math.max(silenceMs, this.#oldNewsMs - silenceMs);
    this.#passes = isCut ? Math.min(MOST_PASSES, this.#passes + 1) : 0;
  }

  /** A repair went although the window was full. Each SACK allows one: that much has left the path. */
  onPassed(): void {
    this.#passes -= 1;
  }

  /** What to send again now on suspicion. */
  look(book: InFlight, told: ToldNow): readonly number[] {
    if (told.nowMs < this.#lookAtMs) return [];
    this.#lookAtMs = told.nowMs + LOOK_EVERY_MS;
    return suspects(book, {
      reportedUpTo: told.reportedUpTo,
      heldBytes: this.#mostWindowBytes - (told.windowBytes || this.#lastWindowBytes),
      leftBeforeMs: told.nowMs - told.patienceMs - this.#oldNewsMs,
      newestTurn: told.newestTurn,
    });
  }
}

/** How many chunks the other side holds that it did not list. */
function unlisted(book: InFlight, heldBytes: number): number {
  const unacked = book.next - book.first - book.ackedBeyond;
  const chunkBytes = book.unackedPayloadBytes / Math.max(1, unacked);
  // The beginning of the message whose middle is missing is held as well.
  const beyondBytes = heldBytes - book.offset(book.first);
  return Math.max(0, beyondBytes / Math.max(1, chunkBytes) - book.ackedBeyond);
}
