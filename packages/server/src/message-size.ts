/**
 * How large the message was that a payload came in.
 *
 * Events are handled some time after their packets came, several at once; what ties them together is
 * the very payload, when it is decoded. Measuring it again would cost as much as decoding it did.
 */

import type { Socket } from "socket.io";

/** What this needs of a socket.io socket. */
type Receiver = Pick<Socket, "client" | "conn">;

/**
 * Not in the library's types: it emits each packet, binary ones when their last part is there.
 */
export function decoderOf(client: Socket["client"]): NodeJS.EventEmitter {
  return (client as unknown as { decoder: NodeJS.EventEmitter }).decoder;
}

/**
 * @param place where the payload stands among an event's values.
 * @param events whose payloads are asked for.
 * @returns how many characters the message had that `payload` came in.
 */
export function watchSizes(
  { client, conn }: Receiver,
  place: number,
  events: readonly string[],
): (payload: unknown) => number {
  const sizes = new WeakMap<object, number>();
  let bytes = 0;
  conn.on("packet", ({ data }: { data?: string | Buffer }) => {
    bytes += data?.length ?? 0;
  });
  decoderOf(client).on("decoded", ({ data }: { data?: unknown }) => {
    if (Array.isArray(data) && events.includes(data[0] as string)) {
      const payload: unknown = data[1 + place];
      if (typeof payload === "object" && payload !== null) sizes.set(payload, bytes);
    }
    bytes = 0;
  });
  return (payload) => {
    if (typeof payload === "string") return payload.length;
    return typeof payload === "object" && payload !== null ? (sizes.get(payload) ?? 0) : 0;
  };
}
