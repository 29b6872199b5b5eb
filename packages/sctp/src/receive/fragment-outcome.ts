/** What becomes of a chunk of user data, as a value: packets never make anything throw. */

import type { AssembledMessage } from "./partial-message.ts";

/** Broken rules; the association answers with ABORT (RFC 9260 section 3.3.10.13). */
export type DataViolation =
  /** RFC 9260 section 3.3.10.9: a DATA chunk without user data. */
  | "no-user-data"
  /** DATA where I-DATA was agreed upon, or the other way round: RFC 8260 section 2.2.1. */
  | "wrong-data-kind"
  /** Fragments that overlap, contradict each other, or belong to no message. */
  | "fragment-out-of-place"
  /** A sequence number of the stream that was used already. */
  | "sequence-out-of-place"
  /** Beyond what this side's `a=max-message-size` allows: RFC 8841 section 6.1. */
  | "message-too-large";

export type FragmentOutcome = AssembledMessage | "incomplete" | "no-room" | DataViolation;

/**
 * Messages that may be incomplete at a time. Of an honest sender's only those are that lost a packet,
 * and one for each stream that takes turns; a hostile one must not make us search in more.
 */
export const MAX_PARTIAL_MESSAGES = 4096;
