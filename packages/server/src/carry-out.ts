/** What follows from a change of a room, done to the sockets of this process. */

import { BeelineError, type PeerId } from "@beeline/protocol";
import type { Line } from "./line.ts";
import type { Effect, Room } from "./rooms.ts";

/** @param heardKey called for each who certainly has the lasting key now. */
export function carryOut(
  effect: Effect,
  room: Room,
  line: (id: PeerId) => Line | undefined,
  heardKey: (id: PeerId) => void,
): void {
  switch (effect.do) {
    case "tellKey":
      for (const id of effect.to) line(id)?.rekeyed(effect.key, () => heardKey(id));
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
    case "reconnect":
      line(effect.peer)?.reconnect();
      return;
  }
}
