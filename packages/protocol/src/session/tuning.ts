/** The numbers of the session machine, each with its reason. Sizes in bytes, times in milliseconds. */

import { PRIORITY, type Priority } from "../frames.ts";

/**
 * What a receiver lets one bulk stream, and all of them together, have on the way or unread.
 * 4 MiB fill 160 Mbit/s at 200 ms round trip, and are what a phone can spare.
 */
export const BULK_WINDOW_BYTES = 4 * 1024 * 1024;

/** The same for one control stream: commands and answers are small, lists use interactive streams. */
export const CONTROL_WINDOW_BYTES = 64 * 1024;

export function windowFor(priority: Priority): number {
  return priority === PRIORITY.control ? CONTROL_WINDOW_BYTES : BULK_WINDOW_BYTES;
}

/** Streams a peer may have open at once towards us: 256 × CONTROL_WINDOW_BYTES bounds our memory. */
export const MAX_OPEN_STREAMS = 256;

/**
 * A credit frame goes out when this part of the window was consumed: 128 KiB of bulk, so one frame for
 * eight records. A sender that keeps less than that in memory per stream would wait for ever.
 */
export const CREDIT_STEP = 1 / 32;

/**
 * Bytes unacknowledged on one path. The start is what any link carries in a second at 1 Mbit/s; the
 * floor is four records, below which stock werift idles. The relay's ceiling bounds what the server
 * holds for one session: it must stay below 2 MiB whatever the receiver's speed.
 */
export const WINDOW_START_BYTES = 128 * 1024;
export const WINDOW_FLOOR_BYTES = 64 * 1024;
export const WINDOW_CEILING_BYTES = { relay: 1024 * 1024, direct: 4 * 1024 * 1024 } as const;

/**
 * What a path may join into one piece: this part of the window. The server passes a relayed piece on
 * when it has all of it, so each hop delays a piece by its own length, and that delay must stay well
 * below QUEUE_TARGET_MS or the window takes it for a queue. Pieces of 48 KiB took 39 ms on two hops of
 * 20 Mbit/s, and the window sank to its floor: a third of the rate (relay-path.test.ts, and the lab).
 */
export const BATCH_SHARE = 1 / 16;

/**
 * Records in flight on one path, also of commands, which are not held to the window: four times what
 * fills the largest window. Bounds the lists of both sides when records are tiny.
 */
export const MAX_RECORDS_IN_FLIGHT = 1024;

/**
 * Queueing delay the window aims for. A command waits about this long behind bulk, so it must stay
 * far below the 150 ms that a command may take more under bulk; much less and a busy event loop looks
 * like a full queue.
 */
export const QUEUE_TARGET_MS = 40;

/** Acknowledge every second record, or after this long. 20 ms are below any round trip that matters. */
export const ACK_DELAY_MS = 20;
export const ACK_EVERY_RECORDS = 2;

/** Before the first sample. A guess that is too high costs a late first repair, too low a spurious ping. */
export const INITIAL_RTT_MS = 300;

/** Smallest wait before a silent path is probed: a busy browser's main thread pauses this long. */
export const PROBE_FLOOR_MS = 150;

/** Smallest time a later record's acknowledgement is given to be overtaken by an earlier one's. */
export const LOSS_FLOOR_MS = 25;

/**
 * A data channel loses nothing while it lives, but an unordered one delivers past what it repairs, and
 * a repair may be lost as well: four times the usual patience covers three of them. The relay keeps
 * order, and sheds load.
 */
export const LOSS_PATIENCE = { relay: 1, direct: 4 } as const;

/**
 * Liveness. While answers are outstanding the leader pings this often, and three missed ones make a
 * path suspect: 3 × 400 ms + one round trip leave room below the 2 s within which traffic must have
 * moved. Idle paths are pinged so that a NAT binding (30 s at worst, RFC 4787 REQ-5 asks 2 min)
 * stays open and a dead path is found before it is needed.
 */
export const PING_BUSY_MS = 400;
export const MISSES_TO_SUSPECT = 3;
export const PING_IDLE_MS = 5_000;

/** Heard, but nothing of ours acknowledged, for this long beyond silence: the path is dark one way. */
export const ONE_WAY_SILENCE_MS = 500;

/** A machine that was called this much too late was stalled; then unread answers get this long. */
export const STALL_MS = 250;
export const STALL_GRACE_MS = 50;

/** A suspect path that stays silent this long is dead: the driver builds a new one. */
export const SUSPECT_TO_DEAD_MS = 5_000;

/** A command unacknowledged for 1.5 round trips, at least this long, is also sent on the other path. */
export const HEDGE_FLOOR_MS = 80;
export const HEDGE_RTT_FACTOR = 1.5;

/** Goodput is measured over this much busy time, and trusted after this many bytes or this long. */
export const GOODPUT_SPAN_MS = 2_000;
export const GOODPUT_MIN_BYTES = 128 * 1024;
export const GOODPUT_MIN_MS = 1_000;
