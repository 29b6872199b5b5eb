/** What a join is answered. */

import { BeelineError } from "@beeline/protocol";
import type { Logger } from "pino";
import { faultOf } from "./fault.ts";
import type { JoinOutcome, Line } from "./line.ts";
import type { RoomState } from "./room-directory.ts";

export function accepted({ room, instanceName }: RoomState): JoinOutcome {
  return { ok: true, room, instanceName };
}

/** Only a key that certainly does not exist is final; whatever failed here is worth another try. */
export function refusal(line: Line, thrown: unknown, log: Logger): JoinOutcome & { ok: false } {
  if (thrown instanceof BeelineError) {
    log.info({ peerId: line.id, code: thrown.code }, "join refused");
    const isFinal = thrown.code === "LINK_KEY_UNKNOWN" || thrown.code === "LINK_KEY_MALFORMED";
    return { ok: false, error: thrown, retry: !isFinal };
  }
  log.error({ peerId: line.id, err: faultOf(thrown) }, "join failed");
  const error = new BeelineError("SERVER_REFUSED", "the server cannot look up link keys right now");
  return { ok: false, error, retry: true };
}

export function unknownKey(): BeelineError {
  return new BeelineError("LINK_KEY_UNKNOWN", "no link has this key");
}
