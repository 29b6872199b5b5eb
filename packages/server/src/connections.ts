/**
 * Every TCP connection of an HTTP server, so that closing the server need not wait for those whose
 * other end is dead: a WebSocket's goodbye wants an answer, for 30 s.
 */

import type { Server } from "node:http";
import type { Socket } from "node:net";

/** A peer that reads at all has answered by then. */
const GOODBYE_MS = 1_000;

/** @returns what closes the connections that are left a moment after it was called. */
export function watchConnections(http: Server): () => void {
  const open = new Set<Socket>();
  http.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return () => {
    const timer = setTimeout(() => {
      for (const socket of open) socket.destroy();
    }, GOODBYE_MS);
    http.once("close", () => clearTimeout(timer));
  };
}
