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

export interface Unreported {
  /** The last that the list tells of. */
  readonly reportedUpTo: number;
  /** What the other side holds, listed or not, and has not given to its application. */
  readonly heldBytes: number;
  /** What left before should have arrived by now. */
  readonly leftBeforeMs: number;
}

/** Of what the list tells of. */
export function missingShare(book: InFlight, reportedUpTo: number): number {
  return 1 - book.ackedBeyond / (reportedUpTo + 1 - book.first);
}

/** What to send again on suspicion: from the lowest on, about as many as cover what is missing. */
export function suspects(book: InFlight, told: Unreported): readonly number[] {
  const share = missingShare(book, told.reportedUpTo);
  if (share <= FLOOD_SHARE) return [];
  let unreported = 0;
  let underRepair = 0;
  const candidates: number[] = [];
  for (let ordinal = told.reportedUpTo + 1; ordinal < book.next; ordinal += 1) {
    const isSentAgain = book.transmissions(ordinal) > 1;
    const hasLeftLately = book.sentAtMs(ordinal) > told.leftBeforeMs;
    if (book.isLost(ordinal)) underRepair += 1;
    else if (!book.isOnTheWay(ordinal)) continue;
    // First sendings leave in order: all that follow left later.
    else if (hasLeftLately && !isSentAgain) break;
    else if (hasLeftLately) underRepair += 1;
    else candidates.push(ordinal);
    unreported += 1;
  }
  const missing = unreported - unlisted(book, told.heldBytes);
  // Of what is under repair only its share was missing.
  const wanted = Math.floor((missing - share * underRepair) / share);
  return candidates.slice(0, Math.max(0, wanted));
}

/** How many chunks the other side holds that it did not list. */
function unlisted(book: InFlight, heldBytes: number): number {
  const unacked = book.next - book.first - book.ackedBeyond;
  const chunkBytes = book.unackedPayloadBytes / Math.max(1, unacked);
  // The beginning of the message whose middle is missing is held as well.
  const beyondBytes = heldBytes - book.offset(book.first);
  return Math.max(0, beyondBytes / Math.max(1, chunkBytes) - book.ackedBeyond);
}
