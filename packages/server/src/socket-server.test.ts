/** What both socket servers make of requests that nobody waits for any more, or that make no sense. */

import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { PEER_SOCKET_PATH, SHIPPED_SOCKET_PATH } from "@beeline/protocol";
import { expect, onTestFinished, test } from "vitest";
import { ask, startLinkServer } from "../../../test/support/link-server.ts";
import { AddressCount, type Door, openSocketServer } from "./socket-server.ts";

/** Whether the server reads a request before or after it hears of the end is up to the kernel. */
const TRIES = 40;

function watchRejections(): unknown[] {
  const rejections: unknown[] = [];
  const note = (reason: unknown) => void rejections.push(reason);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  return rejections;
}

test.each([
  ["polling", PEER_SOCKET_PATH, ""],
  ["polling", SHIPPED_SOCKET_PATH, ""],
  ["websocket", PEER_SOCKET_PATH, "upgrade"],
  ["websocket", SHIPPED_SOCKET_PATH, "upgrade"],
])(
  "whoever asks for a socket (%s, %s) and hangs up in one breath does not end the server",
  async (transport, path, kind) => {
    const server = await startLinkServer();
    const rejections = watchRejections();
    const upgrade = [
      "connection: Upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    const head = [
      `GET ${path}/?EIO=4&transport=${transport} HTTP/1.1`,
      "host: localhost",
      ...(kind === "upgrade" ? upgrade : []),
    ];
    for (let i = 0; i < TRIES; i++) {
      const socket = connect(server.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
      socket.resetAndDestroy();
      // What the server reads it has read by the time that it answers somebody else.
      expect((await ask(server.url, "GET", "/healthz")).body).toEqual({ status: "ok" });
    }
    expect(rejections).toEqual([]);
  },
);

test.each<[string, Partial<Door>, string]>([
  ["has no address any more", { addressOf: () => undefined }, "nobody is there any more"],
  ["cannot be judged", { check: thrower }, "this request cannot be understood"],
  ["comes from what cannot be told", { addressOf: thrower }, "this request cannot be understood"],
])("a request that %s gets no socket, and nothing is thrown", async (_what, part, message) => {
  const rejections = watchRejections();
  const http = createServer();
  const { io } = openSocketServer(
    http,
    {
      check: () => ({ allowed: true, hostname: "localhost", crossOrigin: undefined }),
      addresses: new AddressCount(10),
      addressOf: () => "192.0.2.1",
      isClosed: () => false,
      onLimited: () => {},
      ...part,
    },
    { path: "/x", maxMessageBytes: 1_000, pingIntervalMs: 1_000, pingTimeoutMs: 1_000 },
  );
  onTestFinished(() => io.close());
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as { port: number };

  const answer = await ask(`http://127.0.0.1:${port}`, "GET", "/x/?EIO=4&transport=polling");
  expect(answer).toMatchObject({ status: 403, body: { message } });
  expect(rejections).toEqual([]);
});

function thrower(): never {
  throw new TypeError("made by the test");
}
