/**
 * Two channels of one association as one wire: commands and their answers on one, everything else on
 * the other. So a session of ours sends them: commands never wait behind a picture.
 */

import { KIND, type Wire } from "./wire.ts";

/** What the side that offers opens, and the other side finds by. */
export const BULK_LABEL = "beeline";
export const COMMANDS_LABEL = "commands";

export function twoLanes(bulk: Wire, commands: Wire): Wire {
  return {
    messageBytes: bulk.messageBytes,
    send(message) {
      const isCommand = message[0] === KIND.ping || message[0] === KIND.pong;
      (isCommand ? commands : bulk).send(message);
    },
    get isFull() {
      return bulk.isFull;
    },
    writable: () => bulk.writable(),
    onMessage(listener) {
      bulk.onMessage(listener);
      commands.onMessage(listener);
    },
    close() {
      commands.close();
      bulk.close();
    },
  };
}
