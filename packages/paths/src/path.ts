/**
 * The port that every way of carrying records implements.
 *
 * Records arrive whole; a path may lose, repeat or reorder them (the session repairs that), but never
 * changes them. The session decides what to send; the path only says when it can take more.
 */

import type { PathId } from "@beeline/protocol";

export interface PathHandlers {
  onRecord(record: Uint8Array): void;
  /** {@link Path.canSend} may have become true. Spurious calls are fine. */
  onWritable(): void;
  /** Exactly once, and nothing after it. Not called when the owner closed the path. */
  onClose(reason: string): void;
}

export interface Path {
  readonly id: PathId;
  /** False while enough is buffered below to keep the path busy: what waits above can be reordered. */
  readonly canSend: boolean;
  /** The transport below paces itself and keeps its queue short; see `PathState`. */
  readonly isSelfPaced: boolean;
  /**
   * The caller must not touch `record` again: werift queues it by reference.
   * @param batchBytes how much a path that joins records may join.
   * @throws {BeelineError} `SESSION_CLOSED` when it closed and `onClose` is still to come.
   */
  send(record: Uint8Array, batchBytes: number): void;
  /** Idempotent. */
  close(): void;
}
