/** One TCP stream: what the link itself can carry. The kernel's congestion control is set outside. */

import { connect, createServer, type Socket } from "node:net";
import { RAW_BUFFER_BYTES, RAW_MESSAGE_BYTES } from "../page/rtc.ts";
import { serveWire, type Wire } from "../wire.ts";
import type { OpenHome } from "./home.ts";

export const TCP_PORT = 5300;
const LENGTH_BYTES = 4;

export const openTcp: OpenHome = async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    serveWire(wireOverTcp(socket));
  });
  await new Promise<void>((resolve) => server.listen(TCP_PORT, resolve));
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

export async function dialTcp(host: string): Promise<Wire> {
  const socket = connect(TCP_PORT, host);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return wireOverTcp(socket);
}

/** A message is its length and its bytes. */
function wireOverTcp(socket: Socket): Wire {
  socket.setNoDelay(true);
  return {
    messageBytes: RAW_MESSAGE_BYTES,
    send(message) {
      const framed = Buffer.allocUnsafe(LENGTH_BYTES + message.byteLength);
      framed.writeUInt32BE(message.byteLength);
      framed.set(message, LENGTH_BYTES);
      socket.write(framed);
    },
    get isFull() {
      return socket.writableLength >= RAW_BUFFER_BYTES;
    },
    writable: () => new Promise((resolve) => socket.once("drain", resolve)),
    onMessage(listener) {
      let rest: Buffer = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let at = 0;
        while (rest.length - at >= LENGTH_BYTES) {
          const end = at + LENGTH_BYTES + rest.readUInt32BE(at);
          if (end > rest.length) break;
          listener(rest.subarray(at + LENGTH_BYTES, end));
          at = end;
        }
        rest = rest.subarray(at);
      });
    },
    close: () => socket.destroy(),
  };
}
