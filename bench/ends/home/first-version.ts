/** The home's half of the specification's first version: base64 pictures in JSON events. */

import { io } from "socket.io-client";
import { PREVIEW_BYTES, payload } from "../asker.ts";
import type { OpenHome } from "./home.ts";

interface Command {
  readonly id: number;
  readonly type: string;
  readonly bytes?: number;
  readonly initImage?: string;
}

export const openFirstVersionHome: OpenHome = async ({ options }) => {
  const picture = Buffer.from(payload().buffer);
  const base64 = (bytes: number): string => picture.toString("base64", 0, bytes);
  const socket = io(options.server, { transports: ["websocket"], forceNew: true });
  socket.on("command", ({ id, type, bytes = 0, initImage }: Command) => {
    if (type === "image:txt2img") {
      socket.emit("answer", { id, status: "processing", preview: base64(PREVIEW_BYTES) });
      socket.emit("answer", { id, status: "success", images: [base64(bytes)] });
      return;
    }
    // Whoever draws needs the bytes, not their letters.
    if (initImage !== undefined) Buffer.from(initImage, "base64");
    socket.emit("answer", { id, status: "success" });
  });
  await new Promise<void>((resolve) => {
    socket.on("connect", () => socket.emit("enter", resolve));
  });
  return {
    close: async () => {
      // A picture is one message: a connection that closes politely would send all of it first.
      const { ws } = socket.io.engine.transport as unknown as { ws: { terminate(): void } };
      socket.disconnect();
      ws.terminate();
    },
  };
};
