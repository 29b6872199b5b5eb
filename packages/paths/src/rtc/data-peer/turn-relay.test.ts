/** What a TURN server that follows RFC 8656 to the letter makes of our relay; time moves by hand. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, onTestFinished, test, vi } from "vitest";
import { classes, Message, methods, parseMessage } from "werift";
import { TurnRelay } from "./turn-relay.ts";

/** RFC 8656 section 9. */
const PERMISSION_MS = 300_000;
const PEER = ["203.0.113.9", 5_000] as const;

/** Lends one address, and passes nothing on to whom there is no permission for any more. */
async function startStrictServer() {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  const counts = { passed: 0, dropped: 0 };
  let permittedUntilMs = 0;
  const renew = () => {
    permittedUntilMs = Date.now() + PERMISSION_MS;
  };
  const pass = () => {
    if (Date.now() < permittedUntilMs) counts.passed += 1;
    else counts.dropped += 1;
  };
  socket.on("message", (datagram, from) => {
    const isChannelData = ((datagram[0] ?? 0) & 0xc0) === 0x40;
    const question = isChannelData ? undefined : parseMessage(datagram);
    if (question === undefined || question.messageMethod === methods.SEND) {
      pass();
      return;
    }
    const { messageMethod, transactionId } = question;
    const answer = new Message(messageMethod, classes.RESPONSE, transactionId);
    if (messageMethod === methods.ALLOCATE) {
      answer.setAttribute("XOR-RELAYED-ADDRESS", ["203.0.113.1", 49_152]);
      answer.setAttribute("XOR-MAPPED-ADDRESS", [from.address, from.port]);
    }
    if (messageMethod === methods.ALLOCATE || messageMethod === methods.REFRESH) {
      answer.setAttribute("LIFETIME", 600);
    }
    // Section 12: binding a channel makes a permission, or makes it last anew; so does asking for one.
    const isRenewal =
      messageMethod === methods.CHANNEL_BIND || messageMethod === methods.CREATE_PERMISSION;
    if (isRenewal) renew();
    socket.send(answer.bytes, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, counts };
}

test("a server that forgets permissions after five minutes passes on all that is sent", async () => {
  const { port, counts } = await startStrictServer();
  const relay = await TurnRelay.allocate({
    host: "127.0.0.1",
    port,
    transport: "udp",
    username: "user",
    password: "secret",
  });
  onTestFinished(() => relay.protocol.close());
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  for (let sent = 1; sent <= 120; sent += 1) {
    relay.send(Buffer.from("data"), ...PEER);
    await vi.waitUntil(() => counts.passed + counts.dropped === sent, { interval: 1 });
    vi.setSystemTime(Date.now() + 10_000);
  }
  expect(counts).toEqual({ passed: 120, dropped: 0 });
});
