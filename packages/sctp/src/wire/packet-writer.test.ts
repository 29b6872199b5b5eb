import { describe, expect, test } from "vitest";
import {
  randomChunk,
  randomDataChunk,
  randomInitChunk,
} from "../../../../test/support/sctp-chunks.ts";
import { Random } from "../../../../test/support/sim-random.ts";
import type { Chunk, PacketHeader } from "./chunk.ts";
import { readPacket } from "./packet-reader.ts";
import { dataChunkBytes, PacketWriter } from "./packet-writer.ts";

const HEADER = { sourcePort: 5000, destinationPort: 5000, tag: 0xcafebabe };
const COOKIE_ACK: Chunk = { type: "cookie-ack", cookie: new Uint8Array(0) };

function written(writer: PacketWriter, header: PacketHeader, chunks: readonly Chunk[]) {
  writer.begin(header, 65_532);
  for (const chunk of chunks) expect(writer.append(chunk)).toBe(true);
  return writer.finish({ zeroChecksum: false });
}

describe("what is written is read as it was", () => {
  test.each(Array.from({ length: 200 }, (_, seed) => seed))("seed %i", (seed) => {
    const random = new Random(seed);
    const writer = new PacketWriter(65_532);
    const chunks = Array.from({ length: random.whole(1, 12) }, () => randomChunk(random));
    const header = { sourcePort: random.whole(1, 65_535), destinationPort: 5000, tag: 1 + seed };
    expect(readPacket(written(writer, header, chunks), { acceptsZeroChecksum: false })).toEqual({
      kind: "packet",
      header,
      chunks,
    });
    // The buffer is used again: nothing of the longer packet may show.
    const init = randomInitChunk(random);
    const alone = { ...header, tag: init.type === "init" ? 0 : header.tag };
    expect(readPacket(written(writer, alone, [init]), { acceptsZeroChecksum: false })).toEqual({
      kind: "packet",
      header: alone,
      chunks: [init],
    });
  });
});

describe("the bytes of", () => {
  function hexOf(chunk: Chunk): string {
    const writer = new PacketWriter(1200);
    const bytes = written(writer, HEADER, [chunk]);
    return Buffer.from(bytes.subarray(12)).toString("hex");
  }

  test("INIT with what a data channel offers", () => {
    const init: Chunk = {
      type: "init",
      tag: 0x11223344,
      receiveWindowBytes: 0x100000,
      outboundStreams: 65535,
      inboundStreams: 65535,
      initialTsn: 5,
      cookie: undefined,
      extensions: [130, 192, 64],
      forwardTsn: true,
      zeroChecksumMethod: 1,
      unrecognized: [],
    };
    expect(hexOf(init)).toBe(
      "01000027112233440010 0000ffffffff00000005 8001000800000001 c0000004 8008000782c04000".replaceAll(
        " ",
        "",
      ),
    );
  });

  test("INIT ACK that reports a parameter", () => {
    const initAck: Chunk = {
      type: "init-ack",
      tag: 1,
      receiveWindowBytes: 2,
      outboundStreams: 3,
      inboundStreams: 4,
      initialTsn: 5,
      cookie: Uint8Array.of(9),
      extensions: [],
      forwardTsn: false,
      zeroChecksumMethod: undefined,
      unrecognized: [Uint8Array.of(0xd0, 1, 0, 4)],
    };
    expect(hexOf(initAck)).toBe(
      "0200002400000001000000020003000400000005" + "0007000509000000" + "00080008d0010004",
    );
  });

  test("I-DATA past its first fragment", () => {
    const chunk = randomDataChunk(new Random(1));
    const data: Chunk = {
      ...chunk,
      isInterleaved: true,
      tsn: 1,
      streamId: 2,
      messageId: 3,
      fragment: 4,
      protocolId: 53,
      isFirst: false,
      isLast: true,
      isUnordered: true,
      isImmediate: true,
      payload: Uint8Array.of(0xaa),
    };
    expect(hexOf(data)).toBe("400d0015000000010002000000000003" + "00000004aa000000");
  });
});

describe("a packet", () => {
  test("refuses what does not fit and keeps what does", () => {
    const writer = new PacketWriter(1500);
    const random = new Random(3);
    writer.begin(HEADER, 103);
    expect(writer.isEmpty).toBe(true);
    expect(writer.remaining).toBe(100 - 12);
    const data = { ...randomDataChunk(random), isInterleaved: false };
    expect(dataChunkBytes(false, 73)).toBe(89);
    expect(writer.appendData(data, random.bytes(73))).toBe(false);
    expect(writer.isEmpty).toBe(true);
    expect(writer.appendData(data, random.bytes(70))).toBe(true);
    expect(writer.remaining).toBe(0);
    expect(writer.append(COOKIE_ACK)).toBe(false);
    expect(writer.finish({ zeroChecksum: false })).toHaveLength(100);
  });

  test("never has more room than its buffer", () => {
    const writer = new PacketWriter(50);
    writer.begin(HEADER, 1200);
    expect(writer.remaining).toBe(48 - 12);
    writer.begin(HEADER, 4);
    expect(writer.remaining).toBe(0);
    expect(writer.append(COOKIE_ACK)).toBe(false);
  });

  test("carries no checksum where none is wanted", () => {
    const writer = new PacketWriter(100);
    written(writer, HEADER, [COOKIE_ACK]);
    writer.begin(HEADER, 100);
    writer.append(COOKIE_ACK);
    const packet = writer.finish({ zeroChecksum: true });
    expect(packet.subarray(8, 12)).toEqual(new Uint8Array(4));
    expect(readPacket(packet, { acceptsZeroChecksum: true }).kind).toBe("packet");
  });

  test("pads with zeros over an older packet's bytes", () => {
    const writer = new PacketWriter(100);
    const data = { ...randomDataChunk(new Random(4)), isInterleaved: false };
    written(writer, HEADER, [{ ...data, payload: new Uint8Array(60).fill(0xff) }]);
    const packet = written(writer, HEADER, [{ ...data, payload: Uint8Array.of(1) }]);
    expect([...packet.subarray(28)]).toEqual([1, 0, 0, 0]);
  });
});
