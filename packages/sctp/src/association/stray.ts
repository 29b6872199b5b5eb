/** Packets that belong to no association here: RFC 9260 section 8.4. */

import type { Chunk, ShutdownChunk } from "../wire/chunk.ts";
import type { ControlChunk } from "../wire/chunk-writer.ts";
import { abortChunk, CAUSE } from "./error-cause.ts";

/** A packet that is not part of the traffic: an answer to an INIT, an ABORT. */
export interface Reply {
  readonly tag: number;
  readonly chunk: ControlChunk;
}

export const SHUTDOWN_COMPLETE: ShutdownChunk = {
  type: "shutdown-complete",
  cumulativeTsn: 0,
  isTagReflected: false,
};

/** @param tag of the packet, which the answer reflects. Undefined when no answer is due. */
export function strayReply(first: Chunk, tag: number): Reply | undefined {
  switch (first.type) {
    case "abort":
    case "shutdown-complete":
    case "cookie-ack":
    case "error":
      return undefined;
    case "init":
      return { tag: first.tag, chunk: abortChunk(CAUSE.userAbort, "") };
    case "shutdown-ack":
      return { tag, chunk: { ...SHUTDOWN_COMPLETE, isTagReflected: true } };
    default:
      return { tag, chunk: { type: "abort", isTagReflected: true, causes: [] } };
  }
}
