/**
 * Hostile packets: whatever the reader is given, it answers, soon, and what it lets pass can be written
 * again. Random bytes, and real packets that were flipped, cut, spliced and given lengths that lie; their
 * checksums are made right, else nothing behind the checksum would be tried.
 *
 * FUZZ_RUNS sets how many inputs, FUZZ_SEED where to begin; a failure names its seed.
 */
import { crc32c, type PacketReading, PacketWriter, readPacket } from "@beeline/sctp";
import { expect, test } from "vitest";
import { randomChunk, randomInitChunk } from "../support/sctp-chunks.ts";
import { Random } from "../support/sim-random.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 3_000);
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);

/** Reading the longest packet takes a millisecond or two; a loop that never ends takes for ever. */
const SLOW_MS = 250;

const STRICT = { acceptsZeroChecksum: false };

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function packetOf(random: Random, writer: PacketWriter): Uint8Array {
  const isInit = random.chance(0.15);
  const init = randomInitChunk(random);
  const tag = isInit && init.type === "init" ? 0 : 1;
  writer.begin({ sourcePort: 5000, destinationPort: 5000, tag }, 4_000);
  if (isInit) writer.append(init);
  else for (let more = random.whole(1, 6); more > 0; more -= 1) writer.append(randomChunk(random));
  return writer.finish({ zeroChecksum: true }).slice();
}

/** Lengths and types decide most: half of the damage goes to the first bytes of the first chunk. */
function damaged(random: Random, packet: Uint8Array): Uint8Array {
  const bytes = packet.slice();
  for (let flips = random.whole(0, 5); flips > 0; flips -= 1) {
    const at = random.chance(0.5)
      ? random.whole(12, Math.min(40, bytes.length - 1))
      : random.whole(0, bytes.length - 1);
    bytes[at] = random.chance(0.5)
      ? random.pick([0, 1, 3, 4, 0x7f, 0x80, 0xff])
      : random.whole(0, 255);
  }
  return random.chance(0.3) ? bytes.subarray(0, random.whole(0, bytes.length)) : bytes;
}

function sealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 12) return bytes;
  bytes.fill(0, 8, 12);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, crc32c(bytes), true);
  return bytes;
}

function hostileBytes(random: Random, writer: PacketWriter): Uint8Array {
  const kind = random.next();
  if (kind < 0.2) return sealed(random.bytes(random.whole(0, 200)));
  const packet = damaged(random, packetOf(random, writer));
  if (kind < 0.8) return sealed(packet);
  const more = packetOf(random, writer).subarray(12);
  return sealed(new Uint8Array(Buffer.concat([packet, more])));
}

function readSoon(bytes: Uint8Array, what: string): PacketReading {
  const startMs = cpuMs();
  const reading = readPacket(bytes, STRICT);
  const tookMs = cpuMs() - startMs;
  if (tookMs > SLOW_MS) throw new Error(`${what} took ${tookMs} ms`);
  return reading;
}

test(`the packet reader survives ${RUNS} hostile packets from seed ${FIRST_SEED}`, () => {
  const writer = new PacketWriter(65_532);
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    const random = new Random(seed);
    const bytes = hostileBytes(random, writer);
    const before = Buffer.from(bytes);
    const reading = readSoon(bytes, `seed ${seed}`);
    if (!before.equals(bytes)) throw new Error(`seed ${seed} is written to`);
    if (reading.kind === "dropped") {
      count(reading.reason);
      continue;
    }
    writer.begin(reading.header, 65_532);
    for (const chunk of reading.chunks) {
      count(chunk.type);
      if (!writer.append(chunk)) throw new Error(`seed ${seed} cannot be written`);
    }
    const again = readPacket(writer.finish({ zeroChecksum: false }), STRICT);
    if (reading.chunks.length > 0 && again.kind === "dropped") {
      throw new Error(`seed ${seed} cannot be read again for its ${again.reason}`);
    }
  }
  // A fuzzer that reaches only the first check proves nothing about the last.
  for (const what of ["chunk-length", "chunk-value", "header", "bundled", "data", "init", "sack"]) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(RUNS / 500);
  }
});

test("the longest packets of the shortest chunks, gaps and parameters are read soon", () => {
  const filled = (chunk: string, header = "138813880000000100000000"): Uint8Array => {
    const bytes = new Uint8Array(65_532);
    bytes.set(Buffer.from(header, "hex"));
    const pattern = Buffer.from(chunk, "hex");
    for (let at = 12; at + pattern.length <= bytes.length; at += pattern.length)
      bytes.set(pattern, at);
    return bytes;
  };
  const oneChunk = (start: string, entry: string, header?: string): Uint8Array => {
    const bytes = filled(entry, header);
    bytes.set(Buffer.from(start, "hex"), 12);
    return bytes;
  };
  const worst = [
    filled("0b000004"),
    filled("ff000004"),
    filled("bf000004"),
    filled("00030010000000010001000100000033"),
    // SACK of 16376 duplicates, FORWARD TSN of 16378 streams, ERROR of as many causes.
    oneChunk("0300fff0000000010000000000003ff8", "00000001"),
    oneChunk("c000fff000000001", "00000001"),
    oneChunk("0900fff0", "000c0004"),
    oneChunk("8200fff0", "00000001000f0008"),
    // INIT of 16374 parameters that ask to be reported.
    oneChunk("0100fff011223344001000000001000100000001", "c0ff0004", "138813880000000000000000"),
  ];
  const readings = worst.map((bytes) => readSoon(sealed(bytes), "the worst packet"));
  expect(readings.map(({ kind }) => kind)).toEqual(worst.map(() => "packet"));
});
