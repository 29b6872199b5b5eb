/**
 * Knowing that a peer has received what was sent to it.
 *
 * Shipped peers acknowledge nothing. But a transport keeps the order and pongs come in the order of
 * their pings, so the pong to a ping that was sent afterwards proves it, for every engine.io client.
 */

/** What this needs of an engine.io connection. */
interface Connection {
  on(event: string, listener: (packet: { type?: string }) => void): unknown;
}

/** @returns a function that calls `heard` once all that was sent so far has arrived, if it ever does. */
export function watchPongs(conn: Connection): (heard: () => void) => void {
  const awaited: (() => void)[] = [];
  let whenNext = () => {};
  conn.on("packetCreate", ({ type }) => {
    if (type !== "ping") return;
    awaited.push(whenNext);
    whenNext = () => {};
  });
  conn.on("heartbeat", () => awaited.shift()?.());
  return (heard) => {
    whenNext = heard;
    // Not in the engine's types. Without it the next ping of its own does, some seconds later.
    (conn as { sendPacket?: (type: string) => void }).sendPacket?.("ping");
  };
}
