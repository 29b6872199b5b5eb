import { describe, expect, test } from "vitest";
import type { Chunk } from "./chunk.ts";
import { packetChecksum } from "./crc32c.ts";
import { type PacketReading, readPacket } from "./packet-reader.ts";

/** Ports 5000, tag 0xcafebabe, and a checksum that is filled in. */
const HEADER = "1388 1388 cafebabe 00000000";
const INIT_HEADER = "1388 1388 00000000 00000000";

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

function sealed(text: string): Uint8Array {
  const bytes = hex(text);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, packetChecksum(view, bytes.length), true);
  return bytes;
}

function read(chunks: string, header = HEADER): PacketReading {
  return readPacket(sealed(header + chunks), { acceptsZeroChecksum: false });
}

function chunksOf(reading: PacketReading): readonly Chunk[] {
  if (reading.kind === "dropped") throw new Error(`dropped for its ${reading.reason}`);
  return reading.chunks;
}

const COOKIE_ACK = "0b000004";
const INIT = "01000014 11223344 00100000 ffff ffff 01020304";

describe("a packet is read", () => {
  test("with its header", () => {
    expect(read(COOKIE_ACK, "1389 138a 00000001 00000000")).toMatchObject({
      kind: "packet",
      header: { sourcePort: 5001, destinationPort: 5002, tag: 1 },
      chunks: [{ type: "cookie-ack" }],
    });
  });

  test("whose checksum stands lowest byte first, and no other", () => {
    const packet = hex(`1388 1388 cafebabe 532a1c55 ${COOKIE_ACK}`);
    expect(readPacket(packet, { acceptsZeroChecksum: false }).kind).toBe("packet");
    packet[8] = (packet[8] ?? 0) ^ 1;
    expect(readPacket(packet, { acceptsZeroChecksum: true })).toEqual({
      kind: "dropped",
      reason: "checksum",
    });
  });

  test("from the middle of a larger buffer", () => {
    const packet = sealed(`${HEADER} 00030013 00000009 0001 0002 00000033 616263 00`);
    const datagram = new Uint8Array(200).fill(0xee);
    datagram.set(packet, 37);
    const reading = readPacket(datagram.subarray(37, 37 + packet.length), {
      acceptsZeroChecksum: false,
    });
    expect(chunksOf(reading)).toMatchObject([{ tsn: 9, payload: hex("616263") }]);
  });

  test("without the last chunk's padding", () => {
    expect(chunksOf(read("00030011 00000009 0001 0002 00000033 61"))).toMatchObject([
      { payload: hex("61") },
    ]);
  });

  test("with a checksum of zero where that was agreed, unless it holds an INIT", () => {
    const zero = (text: string, acceptsZeroChecksum: boolean) =>
      readPacket(hex(text), { acceptsZeroChecksum }).kind;
    expect(zero(HEADER + COOKIE_ACK, true)).toBe("packet");
    expect(zero(HEADER + COOKIE_ACK, false)).toBe("dropped");
    expect(zero(INIT_HEADER + INIT, true)).toBe("dropped");
    expect(read(INIT, INIT_HEADER).kind).toBe("packet");
  });
});

describe("a chunk is read:", () => {
  test.each<[string, string, Chunk]>([
    [
      "DATA, all flags",
      "000f0012 ffffffff ffff fffe 00000035 0102 0000",
      {
        type: "data",
        isInterleaved: false,
        tsn: 0xffff_ffff,
        streamId: 65535,
        messageId: 65534,
        fragment: 0,
        protocolId: 53,
        isFirst: true,
        isLast: true,
        isUnordered: true,
        isImmediate: true,
        payload: hex("0102"),
      },
    ],
    [
      "I-DATA, first fragment",
      "40020015 00000001 0003 0000 fffffffe 00000033 78 000000",
      {
        type: "data",
        isInterleaved: true,
        tsn: 1,
        streamId: 3,
        messageId: 0xffff_fffe,
        fragment: 0,
        protocolId: 51,
        isFirst: true,
        isLast: false,
        isUnordered: false,
        isImmediate: false,
        payload: hex("78"),
      },
    ],
    [
      "I-DATA, last fragment",
      "40010015 00000002 0003 0000 00000007 00000009 78 000000",
      {
        type: "data",
        isInterleaved: true,
        tsn: 2,
        streamId: 3,
        messageId: 7,
        fragment: 9,
        protocolId: 0,
        isFirst: false,
        isLast: true,
        isUnordered: false,
        isImmediate: false,
        payload: hex("78"),
      },
    ],
    [
      "SACK",
      "0300001c 00000064 00100000 0002 0001 0002 0003 0005 0005 00000063",
      {
        type: "sack",
        cumulativeTsn: 100,
        receiveWindowBytes: 0x100000,
        gaps: [
          { start: 2, end: 3 },
          { start: 5, end: 5 },
        ],
        duplicates: [99],
      },
    ],
    ["HEARTBEAT", "0400000c 0001 0008 deadbeef", { type: "heartbeat", info: hex("deadbeef") }],
    [
      "HEARTBEAT ACK",
      "0500000b 0001 0007 deadbe 00",
      { type: "heartbeat-ack", info: hex("deadbe") },
    ],
    [
      "ABORT with a reflected tag, up to a cause that is cut off",
      "06010011 000c 0005 41 000000 000d 0008 42434445",
      {
        type: "abort",
        isTagReflected: true,
        causes: [{ code: 12, value: hex("41") }],
      },
    ],
    ["ERROR without causes", "09000004", { type: "error", isTagReflected: false, causes: [] }],
    [
      "SHUTDOWN",
      "07000008 00000005",
      { type: "shutdown", cumulativeTsn: 5, isTagReflected: false },
    ],
    ["SHUTDOWN ACK", "08000004", { type: "shutdown-ack", cumulativeTsn: 0, isTagReflected: false }],
    [
      "SHUTDOWN COMPLETE",
      "0e010004",
      { type: "shutdown-complete", cumulativeTsn: 0, isTagReflected: true },
    ],
    ["COOKIE ECHO", "0a000007 010203 00", { type: "cookie-echo", cookie: hex("010203") }],
    [
      "FORWARD TSN",
      "c0000010 00000010 0001 ffff 0002 0003",
      {
        type: "forward-tsn",
        isInterleaved: false,
        cumulativeTsn: 16,
        skipped: [
          { streamId: 1, isUnordered: false, messageId: 65535 },
          { streamId: 2, isUnordered: false, messageId: 3 },
        ],
      },
    ],
    [
      "I-FORWARD-TSN",
      "c2000018 00000010 0001 0001 ffffffff 0002 0000 00000003",
      {
        type: "forward-tsn",
        isInterleaved: true,
        cumulativeTsn: 16,
        skipped: [
          { streamId: 1, isUnordered: true, messageId: 0xffff_ffff },
          { streamId: 2, isUnordered: false, messageId: 3 },
        ],
      },
    ],
    [
      "RE-CONFIG with a request and a response",
      "82000024 000d 0012 00000001 00000002 00000003 0007 0000 0010 000c 00000004 00000001",
      {
        type: "reconfig",
        parameters: [
          { kind: "outgoing-reset", request: 1, response: 2, lastTsn: 3, streams: [7] },
          { kind: "response", response: 4, result: 1 },
        ],
      },
    ],
    [
      "RE-CONFIG that asks to reset ours",
      "82000010 000e 000c 00000009 0001 0002",
      { type: "reconfig", parameters: [{ kind: "incoming-reset", request: 9, streams: [1, 2] }] },
    ],
    [
      "RE-CONFIG that asks for more streams",
      "82000010 0011 000c 00000009 0001 0000",
      { type: "reconfig", parameters: [{ kind: "other", parameterType: 17, request: 9 }] },
    ],
    ["PAD", "84000008 00000000", { type: "pad", bytes: 8 }],
  ])("%s", (_name, text, chunk) => {
    expect(chunksOf(read(text))).toEqual([chunk]);
  });

  test("INIT with parameters known, ignored and unknown", () => {
    const parameters = [
      "c000 0004", // forward TSN supported
      "8008 0007 c0 82 40 00", // extensions, padded
      "8001 0008 00000001", // zero checksum by DTLS
      "000c 0006 0005 0000", // supported addresses: ignored
      "9001 0006 0102 0000", // unknown: skip
      "d001 0006 0304 0000", // unknown: skip and report
      "5001 0004", // unknown: stop and report
      "d002 0004", // not seen any more
    ].join("");
    const length = (20 + hex(parameters).length).toString(16).padStart(4, "0");
    const init = `0100${length} 11223344 00100000 0400 0800 01020304 ${parameters}`;
    expect(chunksOf(read(init, INIT_HEADER))).toEqual([
      {
        type: "init",
        tag: 0x11223344,
        receiveWindowBytes: 0x100000,
        outboundStreams: 1024,
        inboundStreams: 2048,
        initialTsn: 0x01020304,
        cookie: undefined,
        extensions: [192, 130, 64],
        forwardTsn: true,
        zeroChecksumMethod: 1,
        unrecognized: [hex("d001 0006 0304"), hex("5001 0004")],
      },
    ]);
  });

  test("INIT ACK with its cookie", () => {
    const initAck = "0200001b 11223344 00100000 ffff ffff 01020304 0007 0007 aabbcc 00";
    expect(chunksOf(read(initAck))).toMatchObject([{ type: "init-ack", cookie: hex("aabbcc") }]);
  });

  test("SACK without the gaps that do not ascend", () => {
    const sack = "0300001c 00000064 00100000 0003 0000 0005 0006 0002 0003 0009 0009";
    expect(chunksOf(read(sack))).toMatchObject([
      {
        gaps: [
          { start: 5, end: 6 },
          { start: 9, end: 9 },
        ],
      },
    ]);
  });
});

describe("a chunk of unknown type", () => {
  test.each([
    ["00: stops the packet", "3f000004", []],
    ["01: stops the packet and is reported", "7f000004", ["unknown"]],
    ["10: is skipped", "bf000004", ["cookie-ack"]],
    ["11: is skipped and reported", "ff000006 0102 0000", ["unknown", "cookie-ack"]],
  ])("%s", (_rule, unknown, types) => {
    const before = "08000004";
    const found = chunksOf(read(before + unknown + COOKIE_ACK)).map(({ type }) => type);
    expect(found).toEqual(["shutdown-ack", ...types]);
  });

  test("is reported whole", () => {
    expect(chunksOf(read("ff000006 0102 0000"))).toEqual([
      { type: "unknown", code: 255, whole: hex("ff000006 0102") },
    ]);
  });
});

describe("a packet is dropped", () => {
  test.each([
    ["length", "", HEADER],
    ["header", COOKIE_ACK, "0000 1388 cafebabe 00000000"],
    ["header", COOKIE_ACK, "1388 0000 cafebabe 00000000"],
    ["header", COOKIE_ACK, INIT_HEADER],
    ["header", INIT, HEADER],
    ["chunk-length", "0b000003", HEADER],
    ["chunk-length", "0b000000", HEADER],
    ["chunk-length", "0b000008", HEADER],
    ["chunk-length", `${COOKIE_ACK}0b00`, HEADER],
    ["chunk-value", "0003000f 00000009 0001 0002 000000 00", HEADER],
    ["chunk-value", "40030010 00000009 0001 0002 00000000", HEADER],
    ["chunk-value", "03000010 00000064 00100000 0001 0000", HEADER],
    ["chunk-value", "03000010 00000064 00100000 ffff ffff", HEADER],
    ["chunk-value", "04000004", HEADER],
    ["chunk-value", "04000008 0002 0004", HEADER],
    ["chunk-value", "07000004", HEADER],
    ["chunk-value", "c0000004", HEADER],
    ["chunk-value", "c2000006 00000000", HEADER],
    ["chunk-value", "82000004", HEADER],
    ["chunk-value", "82000008 000d 0003", HEADER],
    ["chunk-value", "8200000c 000d 0008 00000001", HEADER],
    ["chunk-value", "01000010 11223344 00100000 ffff ffff", INIT_HEADER],
    ["chunk-value", "01000014 00000000 00100000 ffff ffff 01020304", INIT_HEADER],
    ["chunk-value", "01000018 11223344 00100000 ffff ffff 01020304 c000 0003", INIT_HEADER],
    ["chunk-value", "01000018 11223344 00100000 ffff ffff 01020304 c000 0008", INIT_HEADER],
    ["chunk-value", "01000018 11223344 00100000 ffff ffff 01020304 000b 0004", INIT_HEADER],
    ["bundled", INIT + COOKIE_ACK, INIT_HEADER],
    ["bundled", COOKIE_ACK + INIT, INIT_HEADER],
    ["bundled", `0e000004${COOKIE_ACK}`, HEADER],
  ])("for its %s: %s", (reason, chunks, header) => {
    expect(read(chunks, header)).toEqual({ kind: "dropped", reason });
  });

  test("when it is longer than any datagram", () => {
    const bytes = sealed(`${HEADER}${"bf000004".repeat(0x4000)}`);
    expect(readPacket(bytes, { acceptsZeroChecksum: false })).toEqual({
      kind: "dropped",
      reason: "length",
    });
  });
});
