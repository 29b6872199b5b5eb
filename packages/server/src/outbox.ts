/**
 * How many bytes wait to be sent to one socket.
 *
 * engine.io keeps them in two places: packets that wait for the transport, and the batch that the
 * transport has but the kernel has not taken yet. Neither is exposed as a number, so this listens to
 * the documented events `packetCreate` (one more waits) and `flush` (the transport took them all).
 */

/** What this needs of a socket.io socket. */
interface Sender {
  readonly conn: {
    readonly transport: { readonly writable: boolean };
    on(event: string, listener: (packet: { data?: string | Buffer }) => void): unknown;
  };
}

/** @returns a function that tells the number of waiting bytes, from now on. */
export function watchOutbox({ conn }: Sender): () => number {
  let waiting = 0;
  let handedOver = 0;
  conn.on("packetCreate", (packet) => {
    waiting += packet.data?.length ?? 0;
  });
  conn.on("flush", () => {
    handedOver = waiting;
    waiting = 0;
  });
  // `writable` is true again once the kernel took everything that was handed over.
  return () => waiting + (conn.transport.writable ? 0 : handedOver);
}
