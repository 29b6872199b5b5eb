/** What follows from a change of a room, done to the sockets of this process. */

import { BeelineError, type PeerId } from "@beeline/protocol";
import type { Line } from "./line.ts";
import type { Effect, Room } from "./rooms.ts";

export interface Findings {
  /** The peer certainly has the lasting key now. */
  heardKey(id: PeerId): void;
  /** The peer does not answer. */
  silent(id: PeerId): void;
}

export function carryOut(
  effect: Effect,
  room: Room,
  line: (id: PeerId) => Line | undefined,
  found: Findings,
): void {
  switch (effect.do) {
    case "tellKey":
      for (const id of effect.to) line(id)?.rekeyed(effect.key, () => found.heardKey(id));
      return;
    case "tellPresence":
      for (const id of effect.to) line(id)?.presence(room);
      return;
    case "tellKicked": {
      const error = new BeelineError(effect.code, "the link was deleted or given a new key");
      for (const id of effect.to) line(id)?.kicked(error);
      return;
    }
    case "dropSocket":
      line(effect.peer)?.drop();
      return;
    case "challenge":
      line(effect.peer)?.challenge?.(() => found.silent(effect.peer));
      return;
    case "reconnect":
      line(effect.peer)?.reconnect();
      return;
  }
}
