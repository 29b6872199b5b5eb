/** The least that relays between two sockets with socket.io: one room, one event, default limits. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { reportMemory } from "./child-process.ts";

const http = createServer();
const io = new Server(http, { cors: { origin: "*" }, perMessageDeflate: false });
io.on("connection", (socket) => {
  socket.on("enter", async (done: () => void) => {
    await socket.join("room");
    done();
  });
  socket.on("data", (data: Uint8Array) => socket.to("room").emit("data", data));
});
http.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (http.address() as AddressInfo).port });
});
reportMemory();
