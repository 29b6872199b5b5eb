/**
 * Hostile bytes: whatever a decoder is given, it returns or throws a BeelineError, soon and in little
 * memory. Random bytes, and real ones that were truncated, flipped, spliced or padded.
 *
 * FUZZ_RUNS sets how many inputs per decoder, FUZZ_SEED where to begin; a failure names its seed.
 */
import { readFileSync } from "node:fs";
import {
  BeelineError,
  decodeFrames,
  decodeRecord,
  encodeMessage,
  MAX_RECORD_BYTES,
  MessageReader,
  parseCommand,
  parseHello,
  Session,
  SignalMessage,
} from "@beeline/protocol";
import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { Random } from "../support/sim-random.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 3_000);
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);

/**
 * One record of 16 KiB is decoded in well under a millisecond; a loop over 2^53 is not. Processor time,
 * because on a busy machine the clock on the wall says nothing about a decoder.
 */
const SLOW_MS = 250;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const SESSION_ID = "00112233445566778899aabbccddeeff";
const packr = new Packr({ useRecords: false });

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/records.json", import.meta.url), "utf8"),
) as Record<"records" | "malformed", { readonly hex: string }[]>;
const RECORDS = [...vectors.records, ...vectors.malformed].map(
  ({ hex }) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex")),
);
const BODIES = RECORDS.map((record) => record.subarray(16));
const HELLO = packr.pack({
  version: 1,
  sessionId: SESSION_ID,
  clientId: SESSION_ID,
  name: "fuzz",
  isKnown: false,
});

function mutated(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  if (random.chance(0.2)) return random.bytes(random.whole(0, 300));
  const sample = random.pick(samples);
  const bytes = new Uint8Array(sample.byteLength + random.pick([0, 0, 1, 40]));
  bytes.set(sample);
  for (let flips = random.whole(0, 4); flips > 0 && bytes.byteLength > 0; flips -= 1) {
    const at = random.whole(0, bytes.byteLength - 1);
    bytes[at] = random.chance(0.3)
      ? random.pick([0x00, 0xff, 0xc0, 0xdd, 0x80])
      : (bytes[at] ?? 0) ^ (1 << random.whole(0, 7));
  }
  if (random.chance(0.3)) return bytes.subarray(0, random.whole(0, bytes.byteLength));
  if (random.chance(0.2)) return Buffer.concat([bytes, random.pick(samples)]);
  return bytes;
}

function fuzz(samples: readonly Uint8Array[], decode: (bytes: Uint8Array, random: Random) => void) {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    const random = new Random(seed);
    const bytes = mutated(random, samples);
    const startMs = cpuMs();
    try {
      decode(bytes, random);
    } catch (thrown) {
      if (!(thrown instanceof BeelineError) || thrown.code === "INTERNAL") {
        const hex = Buffer.from(bytes).toString("hex");
        throw new Error(`seed ${seed}, bytes ${hex}: ${thrown}`, { cause: thrown });
      }
    }
    const tookMs = cpuMs() - startMs;
    if (tookMs > SLOW_MS) throw new Error(`seed ${seed} took ${tookMs.toFixed(0)} ms`);
  }
}

/** What msgpack makes of bytes; hostile bytes that are not msgpack are the decoder's business alone. */
function unpacked(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch {
    return undefined;
  }
}

test("bytes taken for a record are one, or a typed error", () =>
  fuzz(RECORDS, (bytes) => decodeRecord(bytes)));
test("bytes taken for frames are frames, or a typed error", () =>
  fuzz(BODIES, (bytes) => decodeFrames(bytes)));
test("bytes taken for a hello are one, or a typed error", () =>
  fuzz([HELLO], (bytes) => parseHello(bytes)));

test("bytes taken for messages are messages, or a typed error", () => {
  const samples = [encodeMessage({ kind: "call", id: "a" }), encodeMessage([1, "two", null])];
  fuzz(samples, (bytes, random) => {
    const reader = new MessageReader();
    const cut = random.whole(0, bytes.byteLength);
    reader.push(bytes.subarray(0, cut));
    while (reader.next() !== undefined);
    reader.push(bytes.subarray(cut));
    while (reader.next() !== undefined);
  });
});

test("anything taken for a command is one, or a typed error", () => {
  const command = {
    id: "5b5a3bbf-bd1b-4a3b-8f7c-111111111111",
    type: "image:txt2img",
    version: "1.0.0",
    params: { prompt: "a cat", width: 512, height: 512, steps: 20 },
  };
  fuzz([packr.pack(command), packr.pack({ ...command, type: "activities:list" })], (bytes) =>
    parseCommand(unpacked(bytes), "2026-01-01T00:00:00.000Z"),
  );
});

test("anything taken for a signal is one, or refused", () => {
  const signal = { kind: "offer", sessionId: SESSION_ID, generation: 1, sdp: "v=0" };
  fuzz([packr.pack(signal)], (bytes) => {
    SignalMessage.safeParse(unpacked(bytes));
  });
});

test.each(["client", "extension"] as const)(
  "a %s's session takes hostile records, or ends with a typed error",
  (role) => {
    fuzz(RECORDS, (first, random) => {
      const session = new Session({ role, sessionId: SESSION_ID, clientId: SESSION_ID });
      session.openPath({ kind: "relay", generation: 1 }, 0);
      session.openPath({ kind: "direct", generation: 1 }, 0);
      const id = session.openStream(2);
      session.write(id, random.bytes(20_000));
      session.end(id);
      for (let nowMs = 0; nowMs < 20; nowMs += 1) {
        for (const path of session.paths()) session.nextRecord(path.id, nowMs);
        session.receive(nowMs === 0 ? first : mutated(random, RECORDS), nowMs);
        for (const event of session.takeEvents()) {
          if (event.type === "data") session.streams.consume(event.id, event.bytes.byteLength);
        }
      }
    });
  },
);

test("ranges that span 2^53 packets cost nothing", () => {
  const session = new Session({ role: "extension", sessionId: SESSION_ID });
  session.openPath({ kind: "relay", generation: 1 }, 0);
  session.nextRecord({ kind: "relay", generation: 1 }, 0);
  const header = "be 00 00 00 00000001 00000000 00112233".replaceAll(" ", "");
  const ack = "02 00 01 00 01 c01fffffffffffff c01fffffffffffff".replaceAll(" ", "");
  const startMs = cpuMs();
  session.receive(Buffer.from(header + ack, "hex"), 1);
  expect(cpuMs() - startMs).toBeLessThan(SLOW_MS);
});

test("a record is never larger than it may be", () => {
  expect(() => decodeRecord(new Uint8Array(MAX_RECORD_BYTES + 1))).toThrow(/^RECORD_MALFORMED/);
});
