/**
 * mDNS names among the other side's candidates (RFC 8828), which werift asks for on the network: where
 * multicast is forbidden, or its port taken, nobody answers, and that ends no process. werift itself
 * listens to no error of what asks.
 */

import type { EventEmitter } from "node:events";
import type { Connection } from "werift";

type Connecting = Pick<Connection, "addRemoteCandidate">;

interface ConnectionInside extends Connecting {
  /** There once a name was asked for, until the connection is closed. */
  readonly lookup?: { readonly mdnsInstance: EventEmitter };
}

/** Once for each connection, before its first candidate. */
export function forgiveNames(connection: Connecting): void {
  const inside: ConnectionInside = connection;
  const add = inside.addRemoteCandidate.bind(connection);
  inside.addRemoteCandidate = (candidate) => {
    // It begins to ask at once, and fails a turn later at the earliest.
    const added = add(candidate);
    const names = inside.lookup?.mdnsInstance;
    if (names?.listenerCount("error") === 0) names.on("error", () => {});
    return added;
  };
}
