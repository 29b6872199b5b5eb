/** Carries calls over a session with our own extension: a stream a call, and one for each picture. */

import type { Exchange } from "@beeline/paths";
import { PRIORITY } from "@beeline/protocol";
import type { Carrier, OpenCall } from "./calls.ts";

export function sessionCarrier(exchange: Exchange): Carrier {
  return {
    ask(call) {
      const have = call.handlers.have?.() ?? [];
      const stream = exchange.openMessages({ kind: "call", id: call.id, have }, PRIORITY.control);
      stream.send(call.command);
      stream.end();
      sendInputs(exchange, call);
    },
    end(id, isTaken) {
      if (!isTaken) return;
      try {
        exchange.openMessages({ kind: "taken", id }, PRIORITY.control).end();
      } catch {
        // Not told, the extension forgets the result by its age.
      }
    },
  };
}

function sendInputs(exchange: Exchange, { id, inputs }: OpenCall): void {
  for (const [blob, { bytes }] of inputs.entries()) {
    const size = bytes.byteLength;
    exchange.sendBlob({ kind: "input", id, blob, size }, PRIORITY.bulk, {
      size,
      read: async (offset, length) => bytes.subarray(offset, offset + length),
    });
  }
}
