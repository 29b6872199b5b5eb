import { createSocket, Socket } from "node:dgram";
import { once } from "node:events";
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { answerStun, listenStun } from "./stun.ts";

const FROM = { address: "192.0.2.1", port: 32_853 };
/** The transaction id of RFC 5769's test vectors, whose mapped addresses the expectations below are. */
const TRANSACTION = "2112a442b7e7a701bc34d686fa87dfae";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

function answered(request: Buffer, from = FROM): string | undefined {
  return answerStun(request, from)?.toString("hex");
}

test("an IPv4 source is mapped as in RFC 5769 §2.2", () => {
  const xorMapped = "0020 0008 0001 a147 e112a643";
  expect(answered(hex(`0001 0000 ${TRANSACTION}`))).toBe(
    hex(`0101 000c ${TRANSACTION} ${xorMapped}`).toString("hex"),
  );
});

test("an IPv6 source is mapped as in RFC 5769 §2.3", () => {
  const xorMapped = "0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9";
  const from = { address: "2001:db8:1234:5678:11:2233:4455:6677", port: 32_853 };
  expect(answered(hex(`0001 0000 ${TRANSACTION}`), from)).toBe(
    hex(`0101 0018 ${TRANSACTION} ${xorMapped}`).toString("hex"),
  );
});

test("an IPv4 source heard by an IPv6 socket is mapped as IPv4", () => {
  const request = hex(`0001 0000 ${TRANSACTION}`);
  expect(answered(request, { ...FROM, address: "::ffff:192.0.2.1" })).toBe(answered(request));
});

test("optional attributes are skipped, and a fingerprint is answered by one", () => {
  const software = "8022 0003 61626300";
  const start = hex(`0001 0010 ${TRANSACTION} ${software}`);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(start) ^ 0x5354_554e) >>> 0);
  const request = Buffer.concat([start, hex("8028 0004"), fingerprint]);

  const answer = answerStun(request, FROM);
  expect(answer?.length).toBe(40);
  expect(answer?.readUInt16BE(2)).toBe(20);
  const checksum = (crc32(answer?.subarray(0, 32) ?? "") ^ 0x5354_554e) >>> 0;
  expect(answer?.readUInt32BE(36)).toBe(checksum);

  fingerprint.writeUInt32BE(0);
  expect(answerStun(Buffer.concat([start, hex("8028 0004"), fingerprint]), FROM)).toBeUndefined();
});

test("an attribute that must be understood and is not gets error 420 that names it", () => {
  const changeRequest = "0003 0004 00000002";
  const answer = answerStun(hex(`0001 0008 ${TRANSACTION} ${changeRequest}`), FROM);
  expect(answer?.readUInt16BE(0)).toBe(0x0111);
  expect(answer?.toString("latin1")).toContain("\x04\x14Unknown Attribute");
  expect(answer?.toString("hex")).toContain("000a000200030000");
});

test.each([
  ["nothing", ""],
  ["a short header", "0001 0000 2112a442"],
  ["a wrong cookie", `0001 0000 2112a443${TRANSACTION.slice(8)}`],
  ["a response", `0101 0000 ${TRANSACTION}`],
  ["an indication", `0011 0000 ${TRANSACTION}`],
  ["a length that is too large", `0001 0004 ${TRANSACTION}`],
  ["a length that is too small", `0001 0000 ${TRANSACTION} 80220000`],
  ["half an attribute header", `0001 0002 ${TRANSACTION} 8022`],
  ["an attribute beyond the end", `0001 0004 ${TRANSACTION} 80220004`],
  ["an RTP packet", "8060 1234 00000001 00000002 00000000 00000000 00000000"],
])("%s gets no answer", (_what, bytes) => {
  expect(answered(hex(bytes))).toBeUndefined();
});

test("any bytes at all get an answer of known size or none", () => {
  let seed = 7;
  const byte = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed >>> 16;
  };
  for (let round = 0; round < 5_000; round++) {
    const request = Buffer.concat([
      hex(`0001 0010 ${TRANSACTION}`),
      Buffer.from(Array.from({ length: 16 }, byte)),
    ]);
    request[byte() % request.length] = byte();
    const answer = answerStun(request, FROM);
    expect([undefined, 32, 40]).toContain(
      answer?.readUInt16BE(0) === 0x0101 ? answer.length : undefined,
    );
  }
});

test("port 0, which anybody can claim to come from, gets no answer", () => {
  expect(answered(hex(`0001 0000 ${TRANSACTION}`), { ...FROM, port: 0 })).toBeUndefined();
});

test.each([
  ["port 0", { address: "127.0.0.1", port: 0 }],
  ["a port that is none", { address: "127.0.0.1", port: 65_536 }],
])("a datagram from %s does not end the server", async (_what, from) => {
  const emit = vi.spyOn(Socket.prototype, "emit");
  const server = await listenStun("127.0.0.1", 0);
  const asker = createSocket("udp4");
  onTestFinished(async () => {
    emit.mockRestore();
    asker.close();
    await server.close();
  });
  const socket = emit.mock.contexts.find(
    (it): it is Socket => it instanceof Socket && it.address().port === server.port,
  );
  const request = hex(`0001 0000 ${TRANSACTION}`);
  // No sender on loopback can have such a port.
  expect(() =>
    socket?.emit("message", request, { ...from, family: "IPv4", size: 20 }),
  ).not.toThrow();
  expect(socket?.listenerCount("message")).toBe(1);

  const reply = once(asker, "message");
  asker.send(request, server.port, "127.0.0.1");
  await reply;
});

test("a socket answers, and a taken port is replaced by a free one", async () => {
  const first = await listenStun("127.0.0.1", 0);
  const second = await listenStun("127.0.0.1", first.port);
  const asker = createSocket("udp4");
  onTestFinished(async () => {
    asker.close();
    await Promise.all([first.close(), second.close()]);
  });
  expect(second.port).not.toBe(first.port);

  for (const { port } of [first, second]) {
    const reply = once(asker, "message");
    asker.send("junk", port, "127.0.0.1");
    asker.send(hex(`0001 0000 ${TRANSACTION}`), port, "127.0.0.1");
    const [bytes] = (await reply) as [Buffer];
    const asked = { address: "127.0.0.1", port: asker.address().port };
    expect(bytes).toEqual(answerStun(hex(`0001 0000 ${TRANSACTION}`), asked));
  }
});
