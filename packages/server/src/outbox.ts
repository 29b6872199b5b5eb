/**
 * How many bytes wait to be sent to one socket.
 *
 * engine.io keeps them in two places: packets that wait for the transport, and the batch that the
 * transport has but the kernel has not taken yet. Neither is exposed as a number, so this listens to
 * the documented events `packetCreate` (one more waits) and `flush` (the transport took them all).
 */

import type { Socket } from "socket.io";

export function watchOutbox(socket: Socket): () => number {
  const { conn } = socket;
  let waiting = 0;
  let handedOver = 0;
  conn.on("packetCreate", (packet: { data?: string | Buffer }) => {
    waiting += packet.data?.length ?? 0;
  });
  conn.on("flush", () => {
    handedOver = waiting;
    waiting = 0;
  });
  // `writable` is true again once the kernel took everything that was handed over.
  return () => waiting + (conn.transport.writable ? 0 : handedOver);
}
