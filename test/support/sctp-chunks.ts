/** Chunks of every kind with seeded fields, such as the wire can carry: for round trips and fuzzing. */

import type { Chunk, ReconfigParameter } from "@beeline/sctp";
import type { Random } from "./sim-random.ts";

const UINT16 = 0xffff;
const UINT32 = 0xffff_ffff;

function u16(random: Random): number {
  return random.pick([0, 1, UINT16, random.whole(0, UINT16)]);
}

function u32(random: Random): number {
  return random.pick([0, 1, UINT32, random.whole(0, UINT32)]);
}

function some<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: random.whole(0, most) }, make);
}

function gaps(random: Random): { start: number; end: number }[] {
  let last = 0;
  return some(random, 20, () => {
    const start = last + random.whole(1, 30);
    last = start + random.whole(0, 30);
    return { start, end: last };
  });
}

/** User data of [1, `most`] bytes. */
export function randomDataChunk(random: Random, most = 1200): Chunk & { readonly type: "data" } {
  const isInterleaved = random.chance(0.5);
  const isFirst = random.chance(0.5);
  return {
    type: "data",
    isInterleaved,
    tsn: u32(random),
    streamId: u16(random),
    messageId: isInterleaved ? u32(random) : u16(random),
    fragment: isInterleaved && !isFirst ? u32(random) : 0,
    protocolId: isInterleaved && !isFirst ? 0 : u32(random),
    isFirst,
    isLast: random.chance(0.5),
    isUnordered: random.chance(0.5),
    isImmediate: random.chance(0.5),
    payload: random.bytes(random.whole(1, most)),
  };
}

function reconfigParameter(random: Random): ReconfigParameter {
  const request = u32(random);
  const streams = some(random, 5, () => u16(random));
  return random.pick<ReconfigParameter>([
    { kind: "outgoing-reset", request, response: u32(random), lastTsn: u32(random), streams },
    { kind: "incoming-reset", request, streams },
    { kind: "response", response: request, result: u32(random) },
    { kind: "other", parameterType: 15, request },
  ]);
}

/** INIT or INIT ACK: alone in its packet, an INIT under tag 0. */
export function randomInitChunk(random: Random): Chunk & { readonly type: "init" | "init-ack" } {
  const type = random.pick(["init", "init-ack"] as const);
  return {
    type,
    tag: random.whole(1, UINT32),
    receiveWindowBytes: u32(random),
    outboundStreams: u16(random),
    inboundStreams: u16(random),
    initialTsn: u32(random),
    cookie: type === "init-ack" ? random.bytes(random.whole(0, 80)) : undefined,
    extensions: some(random, 6, () => random.whole(0, 255)),
    forwardTsn: random.chance(0.5),
    zeroChecksumMethod: random.chance(0.5) ? u32(random) : undefined,
    unrecognized: [],
  };
}

/** Anything that may share a packet with others. */
export function randomChunk(random: Random): Chunk {
  const makers: readonly (() => Chunk)[] = [
    () => randomDataChunk(random),
    () => ({
      type: "sack",
      cumulativeTsn: u32(random),
      receiveWindowBytes: u32(random),
      gaps: gaps(random),
      duplicates: some(random, 10, () => u32(random)),
    }),
    () => ({
      type: random.pick(["heartbeat", "heartbeat-ack"] as const),
      info: random.bytes(random.whole(0, 40)),
    }),
    () => ({
      type: "abort",
      isTagReflected: random.chance(0.5),
      causes: some(random, 3, () => ({ code: u16(random), value: random.bytes(3) })),
    }),
    () => ({
      type: "error",
      isTagReflected: false,
      causes: some(random, 3, () => ({ code: u16(random), value: random.bytes(5) })),
    }),
    () => ({ type: "shutdown", cumulativeTsn: u32(random), isTagReflected: false }),
    () => ({ type: "shutdown-ack", cumulativeTsn: 0, isTagReflected: false }),
    () => ({ type: "cookie-echo", cookie: random.bytes(random.whole(0, 80)) }),
    () => ({ type: "cookie-ack", cookie: new Uint8Array(0) }),
    () => ({
      type: "forward-tsn",
      isInterleaved: false,
      cumulativeTsn: u32(random),
      skipped: some(random, 9, () => ({
        streamId: u16(random),
        isUnordered: false,
        messageId: u16(random),
      })),
    }),
    () => ({
      type: "forward-tsn",
      isInterleaved: true,
      cumulativeTsn: u32(random),
      skipped: some(random, 9, () => ({
        streamId: u16(random),
        isUnordered: random.chance(0.5),
        messageId: u32(random),
      })),
    }),
    () => ({
      type: "reconfig",
      parameters: Array.from({ length: random.whole(1, 2) }, () => reconfigParameter(random)),
    }),
    () => ({ type: "pad", bytes: random.whole(4, 200) }),
    () => ({ type: "unknown", code: 0xff, whole: Uint8Array.of(0xff, 0, 0, 5, 1) }),
  ];
  return random.pick(makers)();
}
