/**
 * Which path carries what: pure policy over what was measured.
 *
 * Commands take the shorter way; bulk follows the site's policy. Both need a clear and, for bulk, a
 * lasting advantage before they move, because jitter alone would make them flip.
 */

import type { Policy } from "../frames.ts";
import type { PathKind } from "../record.ts";

export interface PathView {
  readonly kind: PathKind;
  readonly isOpen: boolean;
  /** Undefined until measured. */
  readonly rttMs: number | undefined;
  /** Bytes per second; undefined until measured: unknown is not zero. */
  readonly goodput: number | undefined;
}

/** A command moves for a round trip shorter by this factor and by this much: below, nobody feels it. */
const RTT_GAIN = 1.25;
const RTT_GAIN_MS = 5;

/** Bulk moves for a rival this much faster … */
const GOODPUT_GAIN = 1.2;
/** … that stayed so for this long. */
const HOLD_MS = 2_000;

/**
 * `preferDirect` leaves a slow direct path only when the backlog would take longer than a person
 * waits without looking elsewhere (10 s, Nielsen 1993) and the relay is at least twice as fast.
 */
const PATIENCE_SECONDS = 10;
const SLOW_FACTOR = 2;

/** @returns the kind of path for commands; undefined when none is open. */
export function chooseCommandPath(
  paths: readonly PathView[],
  current: PathKind | undefined,
): PathKind | undefined {
  const open = paths.filter((path) => path.isOpen);
  const stay = open.find((path) => path.kind === current) ?? open[0];
  const rival = open.find((path) => path !== stay);
  if (stay === undefined || rival === undefined) return stay?.kind;
  // A new path is trusted with commands once it has answered.
  if (rival.rttMs === undefined) return stay.kind;
  if (stay.rttMs === undefined) return rival.kind;
  const isClear = stay.rttMs > rival.rttMs * RTT_GAIN && stay.rttMs - rival.rttMs > RTT_GAIN_MS;
  // A tie goes to the direct path: it spares the relay.
  const isTie = rival.kind === "direct" && rival.rttMs <= stay.rttMs + RTT_GAIN_MS;
  return isClear || isTie ? rival.kind : stay.kind;
}

export type BulkReason = "only-path" | "policy" | "faster" | "slower-than-relay";

export interface BulkChoice {
  readonly kind: PathKind;
  readonly reason: BulkReason;
  /** Since when the other path has been the better one. */
  readonly rivalSinceMs: number | undefined;
}

export function chooseBulkPath(
  policy: Policy,
  paths: readonly PathView[],
  current: BulkChoice | undefined,
  backlogBytes: number,
  nowMs: number,
): BulkChoice | undefined {
  const direct = paths.find((path) => path.kind === "direct" && path.isOpen);
  const relay = paths.find((path) => path.kind === "relay" && path.isOpen);
  if (direct === undefined || relay === undefined) {
    const only = direct ?? relay;
    return only && { kind: only.kind, reason: "only-path", rivalSinceMs: undefined };
  }
  if (policy === "relayOnly") return { kind: "relay", reason: "policy", rivalSinceMs: undefined };
  if (policy === "saveRelay") return { kind: "direct", reason: "policy", rivalSinceMs: undefined };

  const onRelay = current?.kind === "relay" && current.reason === "slower-than-relay";
  const here = onRelay ? relay : direct;
  const rival = onRelay ? direct : relay;
  const isBetter =
    policy === "fastest"
      ? isFaster(rival, here, GOODPUT_GAIN)
      : onRelay
        ? !isTooSlow(direct, relay, backlogBytes)
        : isTooSlow(direct, relay, backlogBytes);

  const stayReason = onRelay ? "slower-than-relay" : policy === "fastest" ? "faster" : "policy";
  if (!isBetter) return { kind: here.kind, reason: stayReason, rivalSinceMs: undefined };
  const sinceMs = current?.rivalSinceMs ?? nowMs;
  if (nowMs - sinceMs < HOLD_MS) {
    return { kind: here.kind, reason: stayReason, rivalSinceMs: sinceMs };
  }
  return {
    kind: rival.kind,
    reason: onRelay ? "faster" : "slower-than-relay",
    rivalSinceMs: undefined,
  };
}

/** Whether the path that bulk does not take should carry a little of it, to learn its speed. */
export function isWorthProbing(
  policy: Policy,
  paths: readonly PathView[],
  backlogBytes: number,
): boolean {
  if (policy === "fastest") return true;
  const direct = paths.find((path) => path.kind === "direct" && path.isOpen);
  return policy === "preferDirect" && direct !== undefined && isTrying(direct, backlogBytes);
}

function isFaster(rival: PathView, here: PathView, gain: number): boolean {
  if (rival.goodput === undefined || here.goodput === undefined) return false;
  return rival.goodput >= here.goodput * gain;
}

function isTooSlow(direct: PathView, relay: PathView, backlogBytes: number): boolean {
  return isTrying(direct, backlogBytes) && isFaster(relay, direct, SLOW_FACTOR);
}

/** The backlog will try a person's patience. */
function isTrying(direct: PathView, backlogBytes: number): boolean {
  return direct.goodput !== undefined && backlogBytes / direct.goodput > PATIENCE_SECONDS;
}
